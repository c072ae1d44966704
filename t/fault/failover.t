# Prevents a ticket that is lost when a standby takes over, a connection that
# stays with the server that takes no writes any more, and one that trusts a
# server it does not know.

use strict;
use warnings;

use DBI;

use Soporte::Load;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(own run temp_dir free_port);
use Soporte::Test;

my $dir = temp_dir();

sub shell {
    my ($code, $text) = run({ timeout => 60 }, 'sh', '-ec', $_[0]);

    die "$_[0]: $text" if $code;
}

# an authority, and a server that it knows as localhost

shell(<<"END");
cd $dir
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority \\
    -keyout ca.key -out ca.pem
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key \\
    -out server.csr
printf 'subjectAltName=DNS:localhost' > names
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial \\
    -days 2 -extfile names -out server.pem
chmod 600 server.key
END
own("$dir/server.key", "$dir/server.pem", "$dir/ca.pem");

my @tls = ('ssl=on', "ssl_cert_file=$dir/server.pem",
           "ssl_key_file=$dir/server.key", 'fsync=off');

my $first = Soporte::Postgres->new(config => [
    @tls, 'wal_level=replica', 'wal_sender_timeout=5s'
]);

$first->do("CREATE ROLE copy LOGIN REPLICATION");
$first->do("ALTER ROLE soporte_nginx PASSWORD 'clave'");

# a standby that has every ticket before the commit is answered

my $second_dir = temp_dir();
my $port = free_port();
my ($code, $text) = run(
    { drop => 1, timeout => 120 }, Soporte::Postgres::bin('pg_basebackup'),
    '-h', $first->dir, '-p', $first->port, '-U', 'copy', '-R', '-X', 'stream',
    '--no-sync', '-c', 'fast', '-D', "$second_dir/data"
);

is($code, 0, 'a standby is made') or diag($text);

my $second = Soporte::Postgres->new(dir => $second_dir, port => $port,
                                    migrate => 0, config => [@tls]);

$first->do("ALTER SYSTEM SET synchronous_standby_names = '*'");
$first->do('SELECT pg_reload_conf()');
wait_for(sub { $first->value("SELECT sync_state FROM pg_stat_replication "
                             . "WHERE sync_state = 'sync'") }, 30,
         'the standby to follow');

my $hosts = 'host=localhost,localhost port=' . $first->port . ",$port"
            . ' user=soporte_nginx password=clave dbname=soporte';

my $nginx = Soporte::Nginx->new(
    workers => 2,
    vars    => { PG => "$hosts sslmode=verify-full sslrootcert=$dir/ca.pem" },
    files   => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    conf    => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=failover:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_postgres "%%PG%%" timeout=2s;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; }
}
END

my $spool = $nginx->prefix . '/lib/spool';

$nginx->allow_log('tickets stay in the spool');

my $load = Soporte::Load->start(addr => $nginx->addr, clients => 4,
                                pause => 0.005);

wait_for(sub { $first->value('SELECT count(*) FROM soporte.ticket') > 200 }, 60,
         'tickets in the first');
is($first->value(<<'END'), 'true true', 'over TLS');
SELECT bool_and(s.ssl) || ' ' || bool_and(s.version >= 'TLSv1.2')
FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
WHERE a.usename = 'soporte_nginx'
END


# the first dies in the middle of it, the standby takes over

$first->stop('KILL');
$nginx->wait_log(qr/tickets stay in the spool/, 30);

my $count = $load->count;

ok(wait_for(sub { $load->count > $count + 100 }, 60),
   'without a primary tickets are acknowledged');

$second->do('SELECT pg_promote()');

my $before = $second->value('SELECT count(*) FROM soporte.ticket');

wait_for(sub { $second->value('SELECT count(*) FROM soporte.ticket')
               > $before + 200 }, 60, 'tickets in the second');
ok($nginx->wait_log(qr/PostgreSQL takes tickets again/, 30),
   'the second gets them');

$load->stop;
wait_for(sub { !(() = glob "$spool/{new,sending}/*") }, 60,
         'the spool to be empty');

is($load->compare($second), 'lost 0 twice 0 altered 0',
   'of ' . $load->count . ' each is there, once');


# a server that lost its role while we were connected

$second->do('ALTER SYSTEM SET default_transaction_read_only = on');
$second->do('SELECT pg_reload_conf()');

$load = Soporte::Load->start(addr => $nginx->addr, clients => 1,
                             pause => 0.01, files => 0);
$nginx->wait_log(qr/tickets stay in the spool/, 30);
wait_for(sub { $load->count > 20 }, 30, 'tickets');
$load->stop;
$second->do('SET default_transaction_read_only = off');
$second->do('ALTER SYSTEM RESET default_transaction_read_only');
$second->do('SELECT pg_reload_conf()');
wait_for(sub { !(() = glob "$spool/{new,sending}/*") }, 60,
         'the spool to be empty');
is($load->compare($second), 'lost 0 twice 0 altered 0',
   'read only for a while: nothing is lost');


# a server whose name is another's, or that nobody vouches for, gets nothing

shell(<<"END");
cd $dir
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other \\
    -keyout other.key -out other.pem
END

for my $wrong (["sslrootcert=$dir/other.pem", 'an unknown authority'],
               ["sslrootcert=$dir/ca.pem", 'another name']) {
    my ($root, $name) = @$wrong;

    $nginx->{vars}{PG} = "$hosts sslmode=verify-full $root"
        =~ s/localhost,localhost/$name =~ m,name, ? '127.0.0.1,127.0.0.1' : 'localhost,localhost'/er;
    $nginx->conf(slurp($nginx->prefix . '/nginx.conf')
                 =~ s/soporte_postgres "[^"]*"/soporte_postgres "%%PG%%"/r);
    $nginx->reload(1);

    my $stored = $second->value('SELECT count(*) FROM soporte.ticket');

    $load = Soporte::Load->start(addr => $nginx->addr, clients => 1,
                                 pause => 0.05, files => 0);
    $nginx->wait_log(qr/tickets stay in the spool/, 30);
    wait_for(sub { $load->count > 3 }, 30, 'tickets');
    $load->stop;
    is($second->value('SELECT count(*) FROM soporte.ticket'), $stored,
       "$name: the server gets nothing");
}

done_testing();
