# Prevents delivery that works with a connection of one's own and not behind
# pgbouncer in transaction mode, where each statement may meet another one.

use strict;
use warnings;

use Soporte::Http;
use Soporte::Load;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(own temp_dir free_port);
use Soporte::Test;

my $pg = Soporte::Postgres->new(config => ['fsync=off']);
my $dir = temp_dir();
my $port = free_port();

spew("$dir/users", qq("soporte_nginx" ""\n));
spew("$dir/pgbouncer.ini", <<"END");
[databases]
soporte = host=${\$pg->dir} port=${\$pg->port} dbname=soporte

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = trust
auth_file = $dir/users
pool_mode = transaction
default_pool_size = 2
server_lifetime = 1
logfile = $dir/pgbouncer.log
END
own("$dir/users", "$dir/pgbouncer.ini");

my $pooler = Soporte::Process->start(
    command => ['/usr/sbin/pgbouncer', '-q', "$dir/pgbouncer.ini"],
    drop    => 1, log => "$dir/out", quit => 'INT'
);

my $nginx = Soporte::Nginx->new(
    workers => 2,
    vars    => { PG => "host=127.0.0.1 port=$port user=soporte_nginx "
                       . 'dbname=soporte sslmode=disable' },
    files   => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    conf    => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=pooler:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_postgres "%%PG%%" timeout=2s;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; }
}
END

my $spool = $nginx->prefix . '/lib/spool';
my $load = Soporte::Load->start(addr => $nginx->addr, clients => 4, files => 5);

wait_for(sub { $load->count > 1000 }, 120, 'tickets');
$load->stop;
wait_for(sub { !(() = glob "$spool/{new,sending}/*") }, 60,
         'the spool to be empty');

is($load->compare($pg), 'lost 0 twice 0 altered 0',
   'of ' . $load->count . ' each is there, once');

# what the tracking page asks, too

my $r = post_json($nginx->addr, '/soporte/tickets', {
    subject => 'Dos', description => 'Uno', category => 'uso',
    email => 'ana@acme.mx'
});

wait_for(sub { !(() = glob "$spool/{new,sending}/*") }, 60,
         'the spool to be empty');
is(get($nginx->addr, $r->json->{url}, Accept => 'application/json')
   ->json->{subject}, 'Dos',
   'the page shows what PostgreSQL has');
is(scalar(() = glob "$spool/dead/*"), 0, 'nothing was set apart');

done_testing();
