# Prevents a crash, a leaked connection or a half ticket when clients leave: in
# the middle of the headers, of the body, while a thread keeps or looks up the
# ticket, before or within the answer.  ABORTS (10) is how often each; "make
# asan" looks at the memory.

use strict;
use warnings;

use JSON::PP ();
use Time::HiRes qw(sleep);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Test;

my $times = $ENV{ABORTS} // 10;
my $pg = Soporte::Postgres->new(config => ['fsync=off']);

my $nginx = Soporte::Nginx->new(
    vars  => { PG => $pg->conninfo('soporte_nginx') },
    files => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    conf  => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=aborts:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib max_size=2000m;
    soporte_postgres "%%PG%%" timeout=2s;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    # nginx keeps a connection whose client left within a body it throws away
    keepalive_timeout 1s;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        location = /stub { stub_status; }
    }
    server {
        listen 127.0.0.1:%%PORT_SHUT%%;
        soporte cerrada;
        soporte_maintenance 1;
    }
}
END

my $addr = $nginx->addr;
my $spool = $nginx->prefix . '/lib/spool';


# what is asked: a name, and the bytes of it

my %ticket = (subject => 'Se va', description => 'x' x 8000,
              category => 'uso', email => 'ana@acme.mx');

my $filed = post_json($addr, '/soporte/tickets', \%ticket);
my $page = get($addr, '/soporte');
my ($cookie) = $page->header('Set-Cookie') =~ /^([^;]+)/;
my ($token) = $page->{body} =~ /name=token value="([^"]+)"/;

is($filed->{status}, 201, 'a ticket');

my $multipart = join '', map({ "--limite\r\nContent-Disposition: form-data; "
                               . "name=\"$_->[0]\"\r\n\r\n$_->[1]\r\n" }
                             [%ticket{subject}], [%ticket{description}],
                             [%ticket{category}], [%ticket{email}],
                             [token => $token]),
    "--limite\r\nContent-Disposition: form-data; name=\"attachment\"; ",
    "filename=\"a.bin\"\r\n\r\n", join('', map { chr rand 256 } 1 .. 600_000),
    "\r\n--limite--\r\n";

my @host = (Host => $addr);
my %ask = (
    json      => Soporte::Http::bytes('POST', '/soporte/tickets',
                     JSON::PP->new->encode(\%ticket), @host,
                     'Content-Type' => 'application/json'),
    multipart => Soporte::Http::bytes('POST', '/soporte/tickets', $multipart,
                     @host, Cookie => $cookie, 'Content-Type' =>
                         'multipart/form-data; boundary=limite'),
    keyed     => Soporte::Http::bytes('POST', '/soporte/tickets',
                     JSON::PP->new->encode(\%ticket), @host,
                     'Content-Type' => 'application/json',
                     'Idempotency-Key' => 'one and the same'),
    track     => Soporte::Http::bytes('GET', $filed->json->{url}, undef, @host,
                     Accept => 'application/json'),
    help      => Soporte::Http::bytes('GET', '/soporte', undef, @host),
    shut      => Soporte::Http::bytes('POST', '/x', 'y' x 100_000, @host)
);

# how much of it is sent, and how long the client stays then

my @phases = map { my $part = $_; map { [$part, $_] } 0, 0.002 }
                 0, 0.3, 0.6, 0.999, 1;


sub active {
    my ($n) = get($addr, '/stub')->{body} =~ /^Active connections: (\d+)/;

    return $n;
}

my $phases = 0;

for my $name (sort keys %ask) {
    my $bytes = $ask{$name};
    my $at = $name eq 'shut' ? $nginx->addr('SHUT') : $addr;

    for my $phase (@phases) {
        my ($part, $stay) = @$phase;

        for my $n (1 .. $times) {
            my $client = Soporte::Http->connect($at)->timeout(1);

            $client->send(substr $bytes, 0, int $part * length $bytes);
            sleep $stay if $stay;
            $n % 2 ? $client->abort : $client->close;
        }

        $phases++;
    }
}

cmp_ok($phases, '>=', 20, "$phases phases, $times times each");
is(scalar($nginx->workers), 1, 'the worker lives');
wait_is(\&active, 1, 'no connection is left', 30);
wait_is(sub { scalar(() = glob "$spool/{new,sending}/*") }, 0,
        'the spool is empty', 60);
wait_is(sub { scalar grep { !m{/done\.} } glob "$spool/tmp/*" }, 0,
        'none is half kept', 30);
is(scalar(() = glob "$spool/dead/*"), 0, 'none is set apart');
is($pg->value("SELECT count(*) FROM soporte.attachment WHERE stored < size"), 0,
   'all that was kept is whole');
is(scalar(() = glob $nginx->prefix . '/tmp/body/*'), 0,
   'no temporary file is left');
is(post_json($addr, '/soporte/tickets', \%ticket)->{status}, 201,
   'and tickets are taken');

done_testing();
