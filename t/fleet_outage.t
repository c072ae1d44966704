# Prevents an outage that one node sees and the others don't tell of, and two
# nodes that open and close it against each other.

use strict;
use warnings;

use Time::HiRes qw(time sleep);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Redis;
use Soporte::Test;

my $pg = Soporte::Postgres->new;
my $redis = Soporte::Redis->new;

my $origin = Soporte::Nginx->new(conf => <<'END')->start;
%%GLOBALS%%
events { }
http { %%HTTP%%
    server { listen 127.0.0.1:%%PORT%%; return 200 good; } }
END


# each node has a way of its own to the tenant

sub node {
    my ($name, $upstream) = @_;

    return Soporte::Nginx->new(
        vars => { NAME => $name, PG => $pg->conninfo, REDIS => $redis->url },
        conf => <<'END' =~ s/%%UPSTREAM%%/$upstream/r)->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=fleet:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_postgres "%%PG%%" timeout=1s;
    soporte_redis %%REDIS%%;
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
    }
}
END
}


sub incident {
    my ($node) = @_;

    my $r = request('unix:' . $node->prefix . '/control.sock', 'GET',
                    '/v1/tenants/acme');

    return $r->json->{incident} // {};
}


sub open_since { incident($_[0])->{started_at} // '' }


my $one = node('one', $origin->addr);
my $two = node('two', '127.0.0.1:%%PORT_UP%%');

is(get($_->addr, '/')->{status}, 200, 'good at first') for $one, $two;
is(open_since($_), '', '... and told so') for $one, $two;


# the way of one breaks

$origin->stop;

wait_for(sub { get($one->addr, '/'); open_since($one) }, 20,
         'an outage at one');
wait_for(sub { open_since($two) }, 5, 'the other to hear');
is(open_since($two), open_since($one), 'the same beginning at both');
is(incident($two)->{id}, incident($one)->{id}, '... of one incident');


# while the other has good answers it leaves what is not its own alone

my $end = time + 3;

while (time < $end) {
    get($two->addr, '/');
    get($one->addr, '/');
    sleep 0.1;
}

isnt(open_since($_), '', 'it stays open') for $one, $two;
wait_is(sub { $pg->value('SELECT count(*) FROM soporte.incident') }, 1,
        'one incident in PostgreSQL');
is($pg->value('SELECT count(*) FROM soporte.incident_update'), 1,
   '... of which one word was said');


# it ends where it began

$origin->start;

wait_for(sub { get($one->addr, '/'); open_since($one) eq '' }, 20,
         'the end at one');
wait_is(sub { open_since($two) }, '', 'the end at the other');
wait_is(sub { $pg->value('SELECT count(*) FROM soporte.incident
                          WHERE closed_at IS NOT NULL') }, 1,
        '... and in PostgreSQL');


# a node that is gone for good leaves nothing open behind

$origin->stop;
wait_for(sub { get($one->addr, '/'); open_since($one) }, 20, 'another outage');
wait_for(sub { open_since($two) }, 5, 'the other to hear');
$one->kill_all;
$redis->command('HSET', 'soporte:nodes', 'one', 1);

wait_for(sub { get($two->addr, '/'); open_since($two) eq '' }, 10,
         'the other to close it');
pass('a lost node\'s incident is closed by another');

$origin->start;
unlink $one->prefix . '/control.sock';
$one->start;
wait_for(sub { get($one->addr, '/'); open_since($one) eq '' }, 20,
         'the first to see that it is over');
wait_is(sub { open_since($two) }, '', 'all agree in the end');

done_testing();
