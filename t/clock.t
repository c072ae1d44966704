# Prevents a clock that is set from losing or inventing a sample, a latency or
# an outage; and tells a client that waited for ten seconds and left from one
# that had no patience, without waiting for it: nginx's clocks are ours.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(top own run temp_dir);
use Soporte::Test;

my $dir = temp_dir();
my ($code, $said) = run('cc', '-shared', '-fPIC', '-O2', '-Wall', '-Werror',
                        '-o', "$dir/clock.so", top() . '/t/lib/clock.c',
                        '-ldl');

is($code, 0, 'a clock of our own') or diag($said);

# readable by whom nginx runs as, written in place
my $clock = spew("$dir/clock", pack 'qq', 0, 0);

open my $hand, '+<:raw', $clock or die "$clock: $!";


# seconds that the wall clock and the monotonic clock are ahead

sub set {
    my ($wall, $mono) = @_;

    sysseek $hand, 0, 0;
    syswrite $hand, pack 'qq', map { int $_ * 1000 } $wall, $mono;
}


my $erp = Soporte::ErpNext->new(sites => { 'acme.test' => 'up' });

my $nginx = Soporte::Nginx->new(vars => { ERP => $erp->addr }, conf => <<'END');
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=clock:4m file=%%PREFIX%%/shm;
    log_format outcome '$soporte_request_outcome $status';
    proxy_read_timeout 1h;
    proxy_connect_timeout 1h;
    keepalive_timeout 1d;

    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        server_name acme.test;
        access_log %%PREFIX%%/access.log outcome;
        soporte acme;
        proxy_set_header Host acme.test;
        location / { proxy_pass http://%%ERP%%; }
    }
    server {
        listen 127.0.0.1:%%PORT_M%%;
        location / { soporte_control; }
        location = /metrics { soporte_metrics; }
    }
}
END

{
    local $ENV{LD_PRELOAD} = "$dir/clock.so";
    local $ENV{CLOCK} = $clock;

    $nginx->start;
}


sub counts {
    my $text = get($nginx->addr('M'), '/metrics')->{body}
               . get($nginx->addr('M'), '/metrics?tenant=acme')->{body};
    my %n;

    $n{$1} = $2 while $text =~
        /^soporte_requests_total\{tenant="acme",result="(\w+)"\} (\d+)/mg;
    ($n{latency}) = $text =~ /^soporte_tenant_request_\w+_count\S+ (\d+)/m;
    ($n{seconds}) = $text =~ /^soporte_upstream_seconds_total\S*acme\S+ (\S+)/m;

    return \%n;
}

sub shown {
    my $n = counts();
    return join ' ', map { "$_ $n->{$_}" } qw(good hard soft excluded latency);
}

sub control { get($nginx->addr('M'), '/v1/tenants/acme')->json }


# a request that hangs while the clock goes on, and is left then

sub leaves {
    my ($seconds, $path) = @_;

    my $c = Soporte::Http->connect($nginx->addr);

    $erp->forget;
    $c->send(Soporte::Http::bytes('GET', $path // '/app', undef,
                                  Host => 'acme.test',
                                  'X-Stand-In' => 'hang'));
    wait_for(sub { scalar $erp->requests }, 5, 'the request to arrive');
    set(0, $seconds);
    $c->abort;
}

my $mono = 0;

leaves($mono += 9.0);
wait_is(\&shown, 'good 0 hard 0 soft 0 excluded 1 latency 0',
        'left after nine seconds: nothing is said of the application');
leaves($mono += 10.5);
wait_is(\&shown, 'good 0 hard 1 soft 0 excluded 1 latency 0',
        '... after ten: it failed');
leaves($mono += 60, '/socket.io/?EIO=4&transport=polling&sid=a');
wait_is(\&shown, 'good 0 hard 1 soft 0 excluded 2 latency 0',
        '... a long poll after a minute: it was asked to wait');


# the same over HTTP/2

sub leaves_stream {
    my ($seconds) = @_;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        exec 'curl', '-q', '-s', '--noproxy', '*', '--http2-prior-knowledge',
             '-H', 'Host: acme.test', '-H', 'X-Stand-In: hang',
             'http://' . $nginx->addr('H2') . '/app' or exit 1;
    }

    my $curl = Soporte::Process->adopt($pid, name => 'curl');

    $erp->forget;
    wait_for(sub { scalar $erp->requests }, 5, 'the stream to arrive');
    set(0, $seconds);
    $curl->stop('KILL');
}

leaves_stream($mono += 9.0);
wait_is(\&shown, 'good 0 hard 1 soft 0 excluded 3 latency 0',
        'HTTP/2: left after nine seconds');
leaves_stream($mono += 10.5);
wait_is(\&shown, 'good 0 hard 2 soft 0 excluded 3 latency 0',
        '... after ten');

is(slurp($nginx->prefix . '/access.log') =~ s/ 499\n/ /gr,
   'excluded hard excluded excluded hard ', 'in the access log as well');


# The wall clock is set: each request counts once and its latency is its own.
# What the leader judges by is core's matter, see t/unit/window_test.c.

my $good = 0;

for my $step (3600, -7200, 7200, 86400, -86400 * 400, 0) {
    set($step, $mono);

    for (1 .. 3) {
        is(get($nginx->addr, '/app', Host => 'acme.test',
               'X-Stand-In' => 'delay=0.02')->{status}, 200, "set by $step s");
        $good++;
    }

    wait_is(\&shown, "good $good hard 2 soft 0 excluded 3 latency $good",
            "... counted once");
}

cmp_ok(counts()->{seconds}, '>=', $good * 0.02, '... as long as they took');
cmp_ok(counts()->{seconds}, '<', $good * 0.5, '... and not as the clock did');
wait_is(sub { control()->{state} }, 'up', 'no outage was invented');
unlike($nginx->log, qr/is down/, '... meanwhile');
is(get($nginx->addr('M'), '/metrics?tenant=acme')->{body} =~ /-\d/ ? 1 : 0, 0,
   'nothing is negative');

set(0, $mono);

done_testing;
