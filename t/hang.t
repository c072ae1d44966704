# Prevents visitors who wait a minute each for an application that is known to
# hang, and an application that they keep from coming back; and a page that
# sends all of them back at once.

use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(wait_for);
use Soporte::Test;

# connections are made, and nobody says a word

my $deaf = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 512,
                                 ReuseAddr => 1) or die "listen: $!";

my $nginx = Soporte::Nginx->new(
    vars => { DEAF => '127.0.0.1:' . $deaf->sockport },
    files => { 'html/files/a.txt' => 'a file' },
    conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=hang:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_portal /soporte;
    soporte_detect failures=5 window=1s;
    proxy_read_timeout 400ms;
    map $http_x_operator $operator { default ""; ana 1; }
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte lenta;
        soporte_probe off;
        soporte_bypass $operator;
        root %%PREFIX%%/html;
        location / { try_files $uri @erp; }
        location /app { proxy_pass http://%%DEAF%%; }
        location /plain/ { soporte_page incident off;
            proxy_pass http://%%DEAF%%; }
        location @erp { proxy_pass http://%%DEAF%%; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
    }
}
END

my $addr = $nginx->addr;
my $control = 'unix:' . $nginx->prefix . '/control.sock';

sub lenta { get($control, '/v1/tenants/lenta')->json }

wait_for(sub {
    get($addr, '/app');
    return lenta()->{state} eq 'down';
}, 60, 'the outage to be seen');

my $incident = lenta()->{incident};
ok($incident->{detected}, 'it is an incident');
is($incident->{cause}, 'timeout', '... because requests hang');


# one a second goes through, the others get the page at once

my ($fast, $slow, $began) = (0, 0, time);

while ($fast + $slow < 40) {
    my $at = time;
    my $r = get($addr, $fast % 2 ? '/app' : '/x');

    is($r->{status}, 503, 'hangs: 503') if $fast + $slow < 3;
    like($r->{body}, qr/tarda demasiado en responder/, '... says how')
        if $fast + $slow < 3;
    time - $at < 0.3 ? $fast++ : $slow++;
}

my $took = time - $began;
cmp_ok($fast, '>=', 20, 'most are answered at once');
cmp_ok($slow, '<=', $took + 2, '... one a second goes through');

is(get($addr, '/files/a.txt')->{body}, 'a file', 'files are served');
is(get($addr, '/soporte')->{status}, 200, 'the portal goes on');

my $at = time;
my $r = get($addr, '/app', 'X-Operator' => 'ana');
is($r->{status}, 504, 'an operator waits and sees it');
cmp_ok(time - $at, '>=', 0.35, '... really');

$at = time;
is(get($addr, '/plain/')->{status}, 504, 'so does who has no page');
cmp_ok(time - $at, '>=', 0.35, '... really');

$r = get($addr, '/app', Upgrade => 'websocket', Connection => 'Upgrade');
is($r->{status}, 503, 'an upgrade is refused');

my $excluded = lenta()->{requests}{excluded};
my $hard = lenta()->{requests}{hard};
get($addr, '/app') for 1 .. 10;
my $now = lenta()->{requests};
cmp_ok($now->{excluded} - $excluded, '>=', 8, 'our page is no sample');
cmp_ok($now->{hard}, '>=', $hard, '... what went through is');


# those who wait come back one after the other

my @states = map { get($addr, '/soporte/estado.json')->json } 1 .. 30;
is($states[0]{state}, 'down', 'estado.json: down');
my %waits = map { $_->{admit_after} => 1 } @states;
cmp_ok(scalar keys %waits, '>=', 3, '... they are spread');
cmp_ok((sort { $b <=> $a } keys %waits)[0], '<=', 120, '... within two minutes');
my %retry = map { $_->{retry_after} => 1 } @states;
cmp_ok(scalar keys %retry, '>=', 5, '... Retry-After too');

get($addr, '/soporte/estado.json') for 1 .. 1500;
my ($widest) = sort { $b <=> $a } map {
    get($addr, '/soporte/estado.json')->json->{admit_after} } 1 .. 60;
cmp_ok($widest, '>', 5, 'many that wait are spread over more');


# back: the first that goes through finds out

my $child = fork // die "fork: $!";

if ($child == 0) {
    while (my $c = $deaf->accept) {
        next if !sysread $c, my $request, 8192;
        syswrite $c, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";
        close $c;
    }

    POSIX::_exit(0);
}

wait_for(sub {
    get($addr, '/app');
    return lenta()->{state} ne 'down';
}, 60, 'the tenant to come back');
is(get($addr, '/app')->{body}, 'ok', 'it answers');

kill 'KILL', $child;
waitpid $child, 0;

done_testing;
