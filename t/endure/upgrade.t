# Prevents counts that an upgrade of the binary or a killed worker takes along:
# both masters serve on one file, and a worker dies in the middle of a request.

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(sleep time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(run top children alive);
use Soporte::Test;

my $nginx = Soporte::Nginx->new(workers => 2, log_level => 'notice',
                                conf => <<'END');
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=t:4m file=%%PREFIX%%/shm;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        soporte_probe off;
        add_header X-Pid $pid;
        location / { proxy_pass http://127.0.0.1:%%PORT_APP%%; }
    }
    server { listen 127.0.0.1:%%PORT_APP%%; return 200 "ok\n"; }
    server { listen 127.0.0.1:%%PORT_M%%; location / { soporte_metrics; } }
}
END

$nginx->start;


sub good {
    my ($n) = get($nginx->addr('M'), '/')->{body}
              =~ /^soporte_requests_total\{tenant="acme",result="good"\} (\d+)/m;

    return $n;
}


# requests until the file is there: "answered failed pid pid ..."

sub load {
    my ($stop, $clients) = @_;

    my @pipes;

    for (1 .. $clients) {
        my $pid = open(my $pipe, '-|') // die "fork: $!";

        if (!$pid) {
            my ($n, $bad, %pids) = (0, 0);

            while (!-e $stop) {
                my $r = eval { get($nginx->addr, '/') };

                if ($r && $r->{status} == 200) {
                    $n++;
                    $pids{$r->header('X-Pid')}++;

                } else {
                    $bad++;
                }
            }

            syswrite STDOUT, join(' ', $n, $bad, %pids) . "\n";
            POSIX::_exit(0);
        }

        push @pipes, $pipe;
    }

    return sub {
        spew($stop, '');

        my ($n, $bad, %pids) = (0, 0);

        for my $pipe (@pipes) {
            my ($a, $b, %p) = split ' ', <$pipe>;

            $n += $a;
            $bad += $b;
            $pids{$_} += $p{$_} for keys %p;
            close $pipe;
        }

        unlink $stop;

        return ($n, $bad, \%pids);
    };
}


# both masters at once

my $stop = $nginx->prefix . '/tmp/stop';
my $old = $nginx->pid;
my %workers_of = ($old => [$nginx->workers]);
my $end = load($stop, 3);

sleep 0.5;
$nginx->signal('USR2');

wait_for(sub {
    my $pid = $nginx->pid;
    return $pid && $pid != $old && $nginx->workers >= 2;
}, 15, 'the new master');

my $new = $nginx->pid;
$workers_of{$new} = [$nginx->workers];

sleep 0.5 for 1 .. 4;
ok(alive($old), 'both masters are there');

my ($n, $bad, $pids) = $end->();

is($bad, 0, 'no request failed');
wait_is(sub { good() }, $n, "all $n were counted, exactly", 20);

for my $master ($old, $new) {
    my $sum = 0;
    $sum += $pids->{$_} // 0 for @{$workers_of{$master}};
    cmp_ok($sum, '>', 0, "workers of master $master served: $sum");
}

# the old one leaves

$end = load($stop, 3);
$nginx->signal('QUIT', $old);
wait_for(sub { !alive($old) }, 20, 'the old master to leave');

my ($more, $failed) = $end->();

is($failed, 0, 'it leaves without a failed request');
wait_is(sub { good() }, $n + $more, 'all were counted, exactly', 20);


# workers that are killed while they count, and the file that they leave

$nginx->allow_log(qr/exited on signal 9/);

my $before = good();
my $kills = $ENV{SOPORTE_KILLS} // 40;

$end = load($stop, 3);

for (1 .. $kills) {
    my @workers = $nginx->workers;

    kill 'KILL', $workers[rand @workers];
    wait_for(sub { $nginx->workers >= 2 }, 15, 'another worker');

    my ($code, $text) = run(top() . '/build/zone-check',
                            $nginx->prefix . '/shm');

    fail("after a kill: $text") if $code;
}

($n, $bad) = $end->();

# what was answered was counted, but for one request of each worker that died
# between its answer and the log phase; what died before its answer may count

my $counted = wait_for(sub { my $c = good() - $before;
                             return $c >= $n - $kills && $c }, 20,
                       'the counts');

cmp_ok($counted, '>=', $n - $kills, "$counted counted of $n, $kills kills");
cmp_ok($counted, '<=', $n + $bad, "... and of $bad that failed");

my ($code, $text) = run(top() . '/build/zone-check', $nginx->prefix . '/shm');

is($code, 0, 'the file is intact') or diag($text);
is(request($nginx->addr, 'GET', '/')->{status}, 200, 'all goes on');

done_testing;
