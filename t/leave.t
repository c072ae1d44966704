# Prevents a client that leaves in the middle from taking the worker along, from
# leaving a connection, a temporary file or half a ticket behind: at each phase
# of each kind of request, ABORTS (4) times, as t/aborts.t.

use strict;
use warnings;
use utf8;

use JSON::PP ();
use Time::HiRes qw(sleep);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Test;

my $times = $ENV{ABORTS} // 4;

my $pg = Soporte::Postgres->new;
my $erpnext = Soporte::ErpNext->new(sites => { localhost => 'up' });

my $nginx = Soporte::Nginx->new(
    vars    => { PG => $pg->conninfo('soporte_nginx'), UP => $erpnext->addr },
    files   => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    workers => 1,
    conf    => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=aborts:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib max_size=1024m;
    soporte_postgres "%%PG%%" timeout=600ms;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    soporte_probe off;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        soporte_identity /api/method/frappe.auth.get_logged_user;
        location / { proxy_pass http://%%UP%%; }
    }
}
END

my $addr = $nginx->addr;
my $spool = $nginx->prefix . '/lib/spool';
my ($worker) = $nginx->workers;

my $page = get($addr, '/soporte');
my ($cookie) = $page->header('Set-Cookie') =~ /^([^;]+)/;
my ($token) = $page->{body} =~ /name=token value="([^"]+)"/;
my %good = (subject => 'No abre', description => 'Uno', category => 'uso',
            email => 'ana@acme.mx');
my @json = ('Content-Type' => 'application/json');
my $text = JSON::PP->new->utf8->encode(\%good);

my ($path, $key) = post_json($addr, '/soporte/tickets', \%good)
                   ->header('Location') =~ /^(.*)\?clave=(.*)/;

sub whole { Soporte::Http::bytes(@_) }

my ($small, $small_type) = parts([%good, token => $token,
                                  attachment => ['a', 'x' x 3000]]);
my ($large, $large_type) = parts([%good, token => $token,
                                  attachment => ['a', 'x' x 1_500_000]]);
my $lost = "token=$token&email=ana%40acme.mx";

my %request = (
    help     => whole('GET', '/soporte', undef, Cookie => $cookie),
    identity => whole('GET', '/soporte', undef, Cookie => 'sid=%N%'),
    mine     => whole('GET', '/soporte/tickets', undef, Cookie => 'sid=%N%'),
    ticket   => whole('GET', $path, undef, Cookie => "soporte-ticket=$key"),
    link     => whole('GET', "$path?clave=$key", undef),
    json     => whole('POST', '/soporte/tickets', $text, @json,
                      Cookie => 'sid=%N%'),
    keyed    => whole('POST', '/soporte/tickets', $text, @json,
                      'Idempotency-Key' => 'k%N%'),
    chunked  => whole('POST', '/soporte/tickets',
                      sprintf("%x\r\n%s\r\n0\r\n\r\n", length $text, $text),
                      @json, 'Transfer-Encoding' => 'chunked'),
    small    => whole('POST', '/soporte/tickets', $small, Cookie => $cookie,
                      'Content-Type' => $small_type),
    large    => whole('POST', '/soporte/tickets', $large,
                      Cookie => "$cookie; sid=%N%",
                      'Content-Type' => $large_type),
    message  => whole('POST', "$path/mensajes?clave=$key",
                      '{"message":"Hola"}', @json),
    lost     => whole('POST', '/soporte/tickets/enlace', $lost,
                      Cookie => $cookie, 'Content-Type'
                      => 'application/x-www-form-urlencoded'),
);


# where it is cut: bytes that are sent, and how long the worker has it then

my @phases = ([0.1, 0], [0.5, 0], [0.9, 0], [0.999, 0], [1, 0], [1, 0.001],
              [1, 0.004], [1, 0.015], [1, 'answered']);

# the worker's connections of clients and to ERPNext: TCP, not listening

sub connections {
    my %own = map { (readlink($_) // '') =~ /^socket:\[(\d+)\]/ ? ($1 => 1)
                                                               : () }
              glob "/proc/$worker/fd/*";

    return scalar grep {
        my @field = split;
        $own{$field[9] // ''} && $field[3] ne '0A';
    } split /\n/, slurp('/proc/net/tcp');
}

sub waiting { scalar(() = glob "$spool/{new,sending}/*") }

get($addr, '/soporte/tickets', Cookie => 'sid=first');
get($addr, $path, Cookie => "soporte-ticket=$key");
wait_is(\&waiting, 0, 'at rest', 10);

wait_is(\&connections, 0, '... without a connection', 10);

my $n = 0;
my $phases = 0;

for my $name (sort keys %request) {
    for my $phase (@phases) {
        my ($share, $wait) = @$phase;

        $phases++;

        for (1 .. $times) {
            my $bytes = $request{$name} =~ s/%N%/sprintf '%03d', $n++ % 999/er;
            my $c = Soporte::Http->connect($addr)->timeout(2);

            $c->send(substr $bytes, 0, int(length($bytes) * $share));

            if ($wait eq 'answered') {
                $c->more(Time::HiRes::time() + 2);

            } elsif ($wait) {
                sleep $wait;
            }

            $n % 2 ? $c->abort : $c->close;
        }
    }

    is(($nginx->workers)[0], $worker, "$name: the worker lives");
    is(get($addr, '/soporte/estado.json')->{status}, 200, '... and answers');
}

cmp_ok($phases, '>=', 20, "$phases phases, $times times each");
wait_is(\&waiting, 0, 'what was taken is delivered', 60);
wait_is(\&connections, 0, 'connections are back to none', 20);
wait_is(sub { scalar(() = glob $nginx->prefix . '/tmp/body/*') }, 0,
        'no temporary file is left', 10);
wait_is(sub { scalar(() = glob "$spool/{tmp,dead}/*") }, 0,
        'nor half a ticket', 20);

done_testing;
