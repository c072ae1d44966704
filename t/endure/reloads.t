# Prevents a reload that costs a request, a count, a descriptor, memory or a
# connection to the database: 200 of them under load, with sizes changing.

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(sleep time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(run top);
use Soporte::Test;

my $times = $ENV{SOPORTE_RELOADS} // 200;
my $postgres = Soporte::Postgres->new;

sub conf {
    my ($size, @more) = @_;

    my $servers = join '', map { "server { listen 127.0.0.1:%%PORT_MORE%%;"
                                 . " server_name $_; soporte $_;"
                                 . " soporte_probe off; return 200; }\n" }
                           @more;

    return <<"END";
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=endure:$size file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_postgres "${\$postgres->conninfo('soporte_nginx')}" timeout=10s;
    soporte_portal /soporte;
    soporte_probe off;
    server { listen 127.0.0.1:%%PORT%%; soporte acme;
             location / { proxy_pass http://127.0.0.1:%%PORT_APP%%/; } }
    server { listen 127.0.0.1:%%PORT_APP%%; soporte_portal off;
             return 200 "ok\\n"; }
    server { listen 127.0.0.1:%%PORT_M%%; soporte_portal off;
             location / { soporte_metrics; } }
    $servers
}
END
}

my @sizes = qw(4m 8m 16m 5m 32m 6m);
my $nginx = Soporte::Nginx->new(workers => 2, conf => conf($sizes[0], 'x'),
                                log_level => 'warn');

$nginx->start;


sub good {
    my ($n) = get($nginx->addr('M'), '/')->{body}
              =~ /^soporte_requests_total\{tenant="acme",result="good"\} (\d+)/m;

    return $n;
}

# (descriptors, KiB of its own) of a process; shared memory is no leak

sub taken {
    my ($pid) = @_;

    my ($rss) = slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;

    return (scalar(() = glob "/proc/$pid/fd/*"), $rss);
}

sub backends {
    return $postgres->value("SELECT count(*) FROM pg_stat_activity"
                            . " WHERE usename = 'soporte_nginx'");
}


# the first reloads take what stays taken

for (1 .. 10) {
    $nginx->conf(conf($sizes[$_ % @sizes], "x$_"));
    $nginx->reload(1);
}

my ($fds, $rss) = taken($nginx->pid);
my $backends = 2;     # the leader's, for tickets and for minutes
my $before = good();
my @children;

pipe my $from, my $to or die;

my $stop = $nginx->prefix . '/tmp/stop';

for (1 .. 2) {
    my $pid = fork // die;

    if (!$pid) {
        my ($n, $bad) = (0, 0);

        while (!-e $stop) {
            my $r = eval { get($nginx->addr, '/') };
            $n++;
            $bad++ if !$r || $r->{status} != 200;
            sleep 0.002;
        }

        syswrite $to, "$n $bad\n";
        POSIX::_exit(0);
    }

    push @children, $pid;
}

close $to;

my $began = time;

for my $n (1 .. $times) {
    $nginx->conf(conf($sizes[$n % @sizes], map { "x$_" } 1 .. $n % 7));
    $nginx->reload;
}

my $took = time - $began;

spew($stop, '');
waitpid $_, 0 for @children;

my ($sent, $bad) = (0, 0);
while (<$from>) { my ($n, $b) = split; $sent += $n; $bad += $b }

cmp_ok($sent, '>', 10 * $times, "there was a load: $sent requests");
is($bad, 0, 'no request failed');
wait_is(sub { good() - $before }, $sent, 'all were counted, exactly', 20);
diag(sprintf '%d reloads in %.0f s', $times, $took);

# the old workers are gone, and what they had

wait_is(sub { scalar($nginx->workers(1)) }, 2, 'two workers are left', 30);
wait_for(sub { backends() <= $backends }, 30, 'the backends to leave');
cmp_ok(backends(), '<=', $backends, 'no connection to PostgreSQL is left');

my ($fds_now, $rss_now) = taken($nginx->pid);

cmp_ok($fds_now, '<=', $fds, 'no descriptor is left with the master');
cmp_ok($rss_now, '<=', $rss + 2048 + $rss / 10,
       "nor memory: $rss_now KiB, $rss before");

my ($code, $text) = run(top() . '/build/zone-check', $nginx->prefix . '/shm');

is($code, 0, 'the file is intact') or diag($text);

done_testing;
