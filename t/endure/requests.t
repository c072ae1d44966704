# Prevents counts that are off by one in a million: a million requests for each
# of two workers, over twenty tenants, counted exactly.

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(run top);
use Soporte::Test;

my $each = $ENV{SOPORTE_REQUESTS} // 1_000_000;
my $batch = 500;

my $nginx = Soporte::Nginx->new(workers => 2, log_level => 'warn',
                                conf => <<'END');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%HTTP%%
    soporte_zone zone=t:8m file=%%PREFIX%%/shm;
    upstream app { server 127.0.0.1:%%PORT_APP%%; keepalive 32; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    keepalive_requests 100000000;
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        soporte $http_x_tenant;
        location / { proxy_pass http://app; }
        location = /pid { soporte off; return 200 $pid; }
    }
    server { listen 127.0.0.1:%%PORT_APP%% reuseport; soporte off;
             return 200 "ok\n"; }
    server { listen 127.0.0.1:%%PORT_M%%; location / { soporte_metrics; } }
}
END

$nginx->start;

my @workers = $nginx->workers;


# a connection to this worker

sub connection {
    my ($worker) = @_;

    for (1 .. 1000) {
        my $c = Soporte::Http->connect($nginx->addr);

        $c->send("GET /pid HTTP/1.1\r\nHost: a\r\n\r\n");
        return $c if $c->response->{body} == $worker;
    }

    die "no connection to worker $worker";
}


# Requests in batches; answers are all alike, so that their bytes count them.

sub load {
    my ($worker, $n) = @_;

    my $socket = connection($worker)->socket;
    my @requests = map {
        "GET / HTTP/1.1\r\nHost: a\r\nX-Tenant: t$_\r\n\r\n"
    } map { $_ % 20 } 0 .. $batch - 1;
    my $bytes = join '', @requests;

    syswrite $socket, $requests[0];
    sysread $socket, my $first, 65536;
    die "no answer: $first" if $first !~ m{^HTTP/1.1 200 .*ok\n\z}s;

    my $length = length $first;
    my $left = $n - 1;

    while ($left) {
        my $now = $left < $batch ? $left : $batch;
        my $out = $now == $batch ? $bytes : join '', @requests[0 .. $now - 1];
        my $expected = $now * $length;

        while (length $out) {
            my $sent = syswrite $socket, $out or die "write: $!";
            substr $out, 0, $sent, '';
        }

        while ($expected) {
            my $got = sysread $socket, my $some, 262144 or die "read: $!";
            $expected -= $got;
        }

        $left -= $now;
    }

    return $n;
}


my $began = time;
my @pipes;

for my $worker (@workers) {
    for (1 .. 2) {
        my $pid = open(my $pipe, '-|') // die "fork: $!";

        if (!$pid) {
            syswrite STDOUT, eval { load($worker, $each / 2) } // "0 $@";
            POSIX::_exit(0);
        }

        push @pipes, $pipe;
    }
}

my $sum = 0;
$sum += (<$_> // 0) + 0 for @pipes;

is($sum, 2 * $each, 'all were answered');
diag(sprintf '%d requests a second', $sum / (time - $began));

sub counts {
    my %n;
    my $text = get($nginx->addr('M'), '/tenants')->{body};

    $n{$2} += $3, $n{$1} += $3
        while $text =~ /^soporte_requests_total\{tenant="(\w+)",result="(\w+)"\} (\d+)/mg;

    return \%n;
}

wait_is(sub { counts()->{good} }, 2 * $each, 'all were counted, exactly', 30);

my $n = counts();

is_deeply([map { $n->{$_} } qw(hard soft excluded)], [0, 0, 0],
          'as good, each');
is(scalar(grep { /^t\d+$/ } keys %$n), 20, 'for twenty tenants');

my ($code, $text) = run(top() . '/build/zone-check', $nginx->prefix . '/shm');

is($code, 0, 'the file is intact') or diag($text);
is_deeply([sort $nginx->workers], [sort @workers],
          'the same workers all along');

done_testing;
