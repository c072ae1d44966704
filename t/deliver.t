# Prevents a ticket that leaves the spool before PostgreSQL has all of it, a
# bad one that stands before the good ones or is dropped, a spool that grows
# past its budget after a reboot, and a worker that a dead database keeps from
# leaving.

use strict;
use warnings;
use utf8;

use Digest::SHA qw(sha256_hex);
use File::Path qw(make_path);
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(own);
use Soporte::Test;

my $json = JSON::PP->new->utf8->canonical;
my $pg = Soporte::Postgres->new;

my $nginx = Soporte::Nginx->new(
    vars => { PG => $pg->conninfo('soporte_nginx') },
    conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=deliver:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib max_size=4m;
    soporte_postgres "%%PG%%" timeout=2s;
    soporte_portal /soporte;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        location /metrics { soporte_metrics; }
    }
}
END

my $spool = $nginx->prefix . '/lib/spool';
my $serial = 0;


sub id {
    return sprintf '0190b000-0000-7000-8000-%012x', ++$serial;
}

# a document as nginx spools it

sub document {
    my ($id, $change) = @_;

    return {
        id => $id, tenant => 'acme', folio => "SOP-$serial",
        body_sha256 => sha256_hex($id), subject => 'No abre',
        description => 'Desde las 9.', category => 'uso',
        email => 'ana@acme.mx', node => 'uno',
        filed_at => '2026-11-23T02:28:52Z', %{$change // {}}
    };
}

# puts it where a leader finds it: text or a hash, and files by their name

sub spool {
    my ($id, $document, $files, $where) = @_;

    my $text = ref $document ? $json->encode($document) : $document;
    my $dir = "$spool/tmp/$id.test";

    make_path($dir);
    spew("$dir/ticket.json", $text);
    spew("$dir/$_", $files->{$_}) for keys %{$files // {}};
    own($dir, glob "$dir/*");

    rename $dir, "$spool/" . ($where // 'new') . "/$id" or die $!;

    return $id;
}

sub wake {
    my $r = post_json($nginx->addr, '/soporte/tickets',
                      { subject => 'Despierta', description => 'Uno',
                        category => 'uso', email => 'eva@acme.mx' });

    return $r->{status};
}

# new/ and sending/ are empty: all is delivered, or dead

# one that is put back from sending/ to new/ meanwhile is seen by the third look

sub settled {
    return wait_for(sub { !(() = glob "$spool/{new,sending,new}/*") }, 15,
                    'the spool to be empty');
}

sub stored {
    return $pg->value('SELECT count(*) FROM soporte.ticket WHERE id = ?',
                      $_[0]);
}

sub reason {
    return slurp("$spool/dead/$_[0]/reason") =~ s/\n//r;
}

sub bytes {
    my ($owner, $name) = @_;

    my ($row) = $pg->rows(<<'END', $owner, $name);
SELECT a.size, a.stored, count(p.at) AS parts,
       encode(sha256(coalesce(string_agg(p.content, '' ORDER BY p.at), '')),
              'hex') AS sha
FROM soporte.attachment a
     LEFT JOIN soporte.attachment_part p
     ON (p.tenant, p.ticket, p.owner, p.name)
        = (a.tenant, a.ticket, a.owner, a.name)
WHERE a.owner = ? AND a.name = ?
GROUP BY a.size, a.stored
END

    return $row ? "$row->{size} $row->{stored} $row->{parts} $row->{sha}"
                : 'none';
}

sub file {
    my ($name, $content) = @_;

    return { name => $name, filename => "$name.bin", size => length $content,
             type => 'application/octet-stream',
             sha256 => sha256_hex($content) };
}


# attachments

my $big = join '', map { pack 'N', $_ * 2654435761 % 4294967296 } 1 .. 200_000;
my $small = "hola\0\xff";

my $ticket = id();
spool($ticket, document($ticket, { attachments => [
          file('file-00', $big), file('file-01', $small),
          file('file-02', '') ] }),
      { 'file-00' => $big, 'file-01' => $small, 'file-02' => '' });

my $message = id();
spool($message, { kind => 'message', id => $message, tenant => 'acme',
                  ticket => $ticket, body => 'Otra vez', node => 'uno',
                  body_sha256 => sha256_hex($message),
                  filed_at => '2026-11-23T03:00:00Z',
                  attachments => [file('file-00', $small)] },
      { 'file-00' => $small });

is(wake(), 201, 'a ticket wakes the leader');
settled();

is(stored($ticket), 1, 'a ticket with attachments');
is(bytes($ticket, 'file-00'), '800000 800000 4 ' . sha256_hex($big),
   'a large one, in parts');
is(bytes($ticket, 'file-01'), '6 6 1 ' . sha256_hex($small), 'a small one');
is(bytes($ticket, 'file-02'), '0 0 0 ' . sha256_hex(''), 'an empty one');
is(bytes($message, 'file-00'), '6 6 1 ' . sha256_hex($small),
   'a message\'s, of the same name');


# a large one on a slow line goes on where it stopped, and others in between

$pg->do($_) for 'ALTER FUNCTION soporte.store_part RENAME TO store_fast', <<'END',
CREATE FUNCTION soporte.store_part(text, uuid, uuid, text, bigint, bigint,
                                   bytea) RETURNS bigint
LANGUAGE sql SECURITY DEFINER AS $$
    SELECT soporte.store_fast($1, $2, $3, $4, $5, $6, $7) FROM pg_sleep(0.4)
$$
END
    'GRANT EXECUTE ON FUNCTION soporte.store_part TO soporte_nginx';

my $slow = id();
my $large = $big x 3;

spool($slow, document($slow, { attachments => [file('file-00', $large)] }),
      { 'file-00' => $large });
wake();
wait_is(sub { stored($slow) }, 1, 'a large one begins');

my $quick = id();

spool($quick, document($quick));
wait_is(sub { stored($quick) }, 1, 'another one waits for a batch at most', 15);
cmp_ok($pg->value('SELECT stored FROM soporte.attachment WHERE owner = ?',
                  $slow), '<', length $large, 'and not for the whole');
settled();
is(bytes($slow, 'file-00'), '2400000 2400000 10 ' . sha256_hex($large),
   'the large one is whole in the end');

$pg->do($_) for 'DROP FUNCTION soporte.store_part',
    'ALTER FUNCTION soporte.store_fast RENAME TO store_part';


# it is not done before the last of its bytes is stored

$nginx->allow_log('tickets stay in the spool');
$pg->do('REVOKE EXECUTE ON FUNCTION soporte.store_part FROM soporte_nginx');

my $half = id();
spool($half, document($half, { attachments => [file('file-00', $small)] }),
      { 'file-00' => $small });
wake();
$nginx->wait_log(qr/\[alert\].*tickets stay in the spool.*42501/);

wait_is(sub { stored($half) }, 1, 'the ticket is there');
is(scalar(() = glob "$spool/sending/$half"), 1, 'yet it stays in the spool');

$pg->do('GRANT EXECUTE ON FUNCTION soporte.store_part TO soporte_nginx');
settled();

is(bytes($half, 'file-00'), '6 6 1 ' . sha256_hex($small),
   'and is done when all of it is stored');
$nginx->wait_log(qr/PostgreSQL takes tickets again/);


# what can't be stored goes apart, and nothing waits for it

$nginx->allow_log('ticket\(s\) could not be delivered');

my %poison = (
    nul       => ['22P05', '{"id":"%s","tenant":"acme","subject":"a\u0000b"}'],
    utf8      => ['22021', "{\"id\":\"%s\",\"tenant\":\"acme\xff\"}"],
    json      => ['22P02', '{"id":"%s",'],
    list      => ['22023', '["%s"]'],
    long      => ['23514', { subject => 'x' x 300 }],
    tenant    => ['23514', { tenant => 'No Such Tenant' }],
    folio     => ['23502', { folio => undef }],
    instant   => ['22007', { filed_at => 'ayer' }],
    kind      => ['22023', { kind => 'nothing' }]
);

my (%bad, @good);

for my $name (sort keys %poison) {
    my ($state, $what) = @{$poison{$name}};

    push @good, id();
    spool($good[-1], document($good[-1]));

    $bad{$name} = id();
    spool($bad{$name}, ref $what ? document($bad{$name}, $what)
                                 : sprintf $what, $bad{$name});
}

push @good, id();
spool($good[-1], document($good[-1]));

is(wake(), 201, 'nine bad ones among good ones');
settled();

is(scalar(grep { stored($_) } @good), scalar @good, 'all good ones arrive');
is(reason($bad{$_}), $poison{$_}[0], "$_: set apart, with the reason")
    for sort keys %poison;
ok($nginx->wait_log(qr/\[alert\].*could not be delivered and lie in/),
   'with an alarm');


# the same id with another body

my $twice = id();
spool($twice, document($twice));
wake();
settled();
is(stored($twice), 1, 'a ticket');

spool($twice, document($twice, { body_sha256 => sha256_hex('another') }));
wake();
settled();
is(reason($twice), 'conflict', 'its id with another body is set apart');
$nginx->wait_log(qr/\[alert\].*because of "conflict"/);

spool($twice, document($twice));
wake();
settled();
is(stored($twice), 1, 'with the same body it is the same');
is(scalar(() = glob "$spool/dead/$twice*"), 1, 'and nothing more is set apart');


# a file that is not what the customer sent

my $torn = id();
spool($torn, document($torn, { attachments => [file('file-00', 'abc')] }),
      { 'file-00' => 'abx' });
my $short = id();
spool($short, document($short, { attachments => [file('file-00', 'abc')] }),
      { 'file-00' => 'ab' });

my $hidden = id();
spool($hidden, document($hidden, { attachments => [file('file-00', 'abc')] }),
      { 'file-00' => 'abc' }, 'tmp');
chmod 0000, "$spool/tmp/$hidden/file-00";
rename "$spool/tmp/$hidden", "$spool/new/$hidden" or die $!;

my $bare = id();
spool($bare, document($bare, { attachments => [file('file-00', 'abc')] }));

my $partly = id();
spool($partly, document($partly, { attachments => [file('file-00', 'abc'),
                                                   file('file-01', 'def')] }),
      { 'file-00' => 'abc' });

my $none = id();
spool($none, document($none, { attachments => [],
                               description => '"attachments"' }));

wake();
settled();
is(reason($torn), 'XX001', 'an altered attachment is set apart');
is(reason($hidden), '58030', 'one that can not be read');
is(reason($short), '22026', 'a short one, too');
is(reason($bare), '58P01', 'one that is missing');
is(stored($bare), 1, '... and its ticket is stored');
is(reason($partly), '58P01', 'one of two');
is(bytes($partly, 'file-00'), '3 3 1 ' . sha256_hex('abc'),
   '... what is there is stored');
$nginx->wait_log(qr/\[alert\].*could not be delivered.*58P01/);
is(stored($none), 1, 'none at all');
ok(!-e "$spool/dead/$none", '... is not missing');


# while nothing is granted nothing is poison

$pg->do('REVOKE EXECUTE ON FUNCTION soporte.file_tickets FROM soporte_nginx');

my $before = () = glob "$spool/dead/*";
my $wait = id();

spool($wait, document($wait));
wake();
$nginx->wait_log(qr/\[alert\].*tickets stay in the spool.*42501/);

is(scalar(() = glob "$spool/dead/*"), $before, 'no right: nothing is poison');

$pg->do('GRANT EXECUTE ON FUNCTION soporte.file_tickets TO soporte_nginx');
settled();
is(stored($wait), 1, 'it is delivered as soon as it may be');


# dead letters and what nobody was told of are counted

spew("$spool/notify/$wait.json", '{}');
own("$spool/notify/$wait.json");

my $counts = join ' ', map { scalar(() = glob "$spool/$_/*") }
                       qw(dead notify);

wait_is(sub {
    my $page = get($nginx->addr, '/metrics')->{body};

    return join ' ', map { $page =~ /^soporte_spool_tickets\{state="$_"\} (\d+)/m
                               ? $1 : '-' } qw(dead notify);
}, $counts, 'both are counted', 15);


# a reboot: nothing is known of the spool but what it weighs; what has no room
# in it goes to PostgreSQL and leaves nothing behind here

sub spooled {
    my $before = () = glob "$spool/notify/*";

    wake();

    return (() = glob "$spool/notify/*") > $before ? 'yes' : 'no';
}

$nginx->stop;
unlink $nginx->prefix . '/shm';

spool(id(), '{}', { 'file-00' => 'x' x 4_200_000 }, 'dead');
$nginx->allow_log($_)
    for 'past the spool: no room', 'event\(s\) could not be kept';
$nginx->start;

wait_is(sub { spooled() }, 'no', 'what lies in the spool counts', 15);

system 'rm', '-rf', "$spool/dead";
mkdir "$spool/dead", 0700;
own("$spool/dead");
$nginx->reload;

wait_is(sub { spooled() }, 'yes', 'and no more when it is gone', 15);
settled();


# a database that swallows everything keeps no worker

my $hole = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1');

$nginx->{vars}{PG} = 'host=127.0.0.1 port=' . $hole->sockport
                     . ' user=soporte_nginx dbname=soporte sslmode=disable';
$nginx->conf(slurp($nginx->prefix . '/nginx.conf')
             =~ s/soporte_postgres "[^"]*" timeout=2s/soporte_postgres "%%PG%%" timeout=30s/r);
$nginx->reload(1);

is(wake(), 201, 'a ticket while PostgreSQL is a black hole');
my $client = $hole->accept;
ok($client, 'it is being asked');

my ($worker) = $nginx->workers;
my $began = time;

$nginx->signal('QUIT');
wait_for(sub { !grep { $_ == $worker } $nginx->workers(1) }, 5, 'the worker');
cmp_ok(time - $began, '<', 1, 'the worker is gone within a second');

done_testing();
