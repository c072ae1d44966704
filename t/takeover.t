# Prevents a node that was away, and knows of the others only what it knew
# before, from closing what a living one watches over; and one that never again
# hears of anybody from leaving a dead node's incident open.  Time is ours.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(top run temp_dir);
use Soporte::Redis;
use Soporte::Test;

my $dir = temp_dir();
my ($code, $said) = run('cc', '-shared', '-fPIC', '-O2', '-Wall', '-Werror',
                        '-o', "$dir/clock.so", top() . '/t/lib/clock.c',
                        '-ldl');

is($code, 0, 'a clock of our own') or diag($said);

# readable by whom nginx runs as, written in place
my $clock = spew("$dir/clock", pack 'qq', 0, 0);

open my $hand, '+<:raw', $clock or die "$clock: $!";


# seconds that the second node's clocks are ahead

sub ahead {
    my ($seconds) = @_;

    sysseek $hand, 0, 0;
    syswrite $hand, pack 'qq', (1000 * $seconds) x 2;
}


my $redis = Soporte::Redis->new;

my $origin = Soporte::Nginx->new(conf => <<'END')->start;
%%GLOBALS%%
events { }
http { %%HTTP%%
    server { listen 127.0.0.1:%%PORT%%; return 200 good; } }
END


# each node has a way of its own to the tenant

sub node {
    my ($name, $upstream, %env) = @_;

    return Soporte::Nginx->new(
        env  => \%env,
        vars => { NAME => $name, REDIS => $redis->url },
        conf => <<'END' =~ s/%%UPSTREAM%%/$upstream/r)->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=fleet:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_redis %%REDIS%% timeout=500ms;
    soporte_node %%NAME%%;
    soporte_detect failures=3 window=1s recover=1s;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        soporte_probe off;
        location / { proxy_pass http://%%UPSTREAM%%; }
    }
    server { listen 127.0.0.1:%%PORT_UP%%; return 200 good; }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
        location /metrics { soporte_metrics; }
    }
}
END
}


sub control { get('unix:' . $_[0]->prefix . '/control.sock', $_[1]) }

sub open_id {
    my ($node) = @_;

    return (control($node, '/v1/tenants/acme')->json->{incident} // {})->{id}
           // '';
}

sub hears {
    my ($node) = @_;

    return control($node, '/metrics')->{body}
           =~ /^soporte_fleet_nodes\{state="up"\} 2$/m;
}


# a good answer, and time for the leader to visit its tenant once or twice

sub visited {
    my ($node) = @_;

    get($node->addr, '/');
    sleep 0.5 for 1 .. 4;
}


my $one = node('one', $origin->addr);
my $two = node('two', '127.0.0.1:%%PORT_UP%%', LD_PRELOAD => "$dir/clock.so",
               CLOCK => $clock);

get($_->addr, '/') for $one, $two;
wait_for(sub { hears($one) && hears($two) }, 10, 'both to know each other');

$origin->stop;
wait_for(sub { get($one->addr, '/'); open_id($one) }, 20, 'an outage at one');

my $id = open_id($one);

wait_is(sub { open_id($two) }, $id, 'the other hears of it');


# a minute later it is back, and Redis is slow to tell that the first one lives

$two->kill_all;
unlink $two->prefix . '/control.sock';
$redis->process->signal('STOP');
ahead(60);
$two->start;

visited($two);
is(open_id($two), $id, 'what it knows is old: it waits');

$redis->process->signal('CONT');
wait_for(sub { hears($two) }, 10, 'it to hear of the fleet again');
visited($two);
is(open_id($_), $id, 'the first one lives: it stays open') for $two, $one;


# nobody tells it anything for half a minute more

$redis->process->signal('STOP');
$one->kill_all;
wait_for(sub { !hears($two) }, 10, 'it to be alone');

ahead(80);
visited($two);
is(open_id($two), $id, 'alone for twenty seconds: still another\'s');

ahead(95);
wait_is(sub { get($two->addr, '/'); open_id($two) }, '',
        'for longer: nobody\'s, and here all is good', 10);

$redis->process->signal('CONT');

done_testing;
