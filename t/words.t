# Prevents a word that history never gets, or gets over and over: with hundreds
# of incidents open each new leader filed all of them again, and a worker that
# ended while they waited for the disk lost them.  And an event loop that waits
# for the board's lock once for each word.

use strict;
use warnings;

use IPC::Open2;
use JSON::PP qw(encode_json);
use Time::HiRes qw(sleep time);

use Soporte::Fleet;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(top);
use Soporte::Redis;
use Soporte::Test;

my $many = 450;
my $pg = Soporte::Postgres->new;

my $nginx = Soporte::Nginx->new(vars => { PG => $pg->conninfo }, workers => 2,
                                files => { x => '' }, conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    keepalive_requests 100000;
    soporte_zone zone=words:8m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_postgres "%%PG%%" timeout=2s;
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { soporte $arg_t; root %%PREFIX%%; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
        location /metrics { soporte_metrics; }
    }
}
END

my $socket = 'unix:' . $nginx->prefix . '/control.sock';


# a word about each tenant's incident, one after the other

sub word {
    my ($body) = @_;

    my $c = Soporte::Http->connect($socket)->timeout(30);
    my $json = encode_json($body);
    my $good = 0;

    for my $i (1 .. $many) {
        my $r = $c->ask('PUT', "/v1/tenants/t$i/incident", $json,
                        'Content-Type' => 'application/json');
        $good++ if $r->{status} == 200;
    }

    return $good;
}


sub metric {
    my ($name) = @_;

    return get($socket, '/metrics')->{body} =~ /^\Q$name\E (\S+)$/m ? $1 : '';
}


sub filed { metric('soporte_events_total{result="filed"}') }


# how often nothing more is filed: the events of a while

sub still {
    my ($filed) = @_;

    my $before = -1;
    my $same = 0;

    wait_for(sub {
        sleep 0.3;
        my $now = $filed ? $filed->() : filed();
        $same = ($now eq $before) ? $same + 1 : 0;
        $before = $now;
        return $same == 4;
    }, 60, 'the spool to have it all');

    return $before;
}


my $visit = Soporte::Http->connect($nginx->addr)->timeout(30);
$visit->ask('GET', "/x?t=t$_") for 1 .. $many;


# hundreds open, and reloads one after the other while they wait for the disk

is(word({ title => 'Red', message => 'uno' }), $many, "$many incidents");
$nginx->reload for 1 .. 4;

wait_is(sub { $pg->value('SELECT count(*) FROM soporte.incident') }, $many,
        'each is in PostgreSQL', 60);
wait_is(sub { $pg->value('SELECT count(*) FROM soporte.incident_update') },
        $many, '... with what was said of it', 60);
is(() = $nginx->log =~ /lost/g, 0, 'none was lost');
is(metric('soporte_events_total{result="lost"}'), 0, '... by the metric');


# workers are killed with what waits in them: timelines hold 512 such words

is(word({ message => 'dos' }), $many, 'each goes on');

my %old = map { $_ => 1 } $nginx->workers;

$nginx->signal('KILL', keys %old);
wait_for(sub { grep({ !$old{$_} } $nginx->workers) == 2 }, 10, 'new workers');
wait_is(sub { $pg->value("SELECT count(*) FROM soporte.incident_update
                          WHERE message = 'dos'") }, $many,
        '... after the workers were killed', 60);
is($pg->value('SELECT count(*) FROM soporte.incident_update'), 2 * $many,
   '... and each once');
is($pg->value('SELECT count(*) FROM soporte.incident'), $many,
   '... of as many incidents');
$nginx->allow_log(qr/exited on signal 9/);


# what is filed is not filed again: a new leader files its calendar alone

my $before = still();
$nginx->reload(1);
my $after = still();

cmp_ok($after - $before, '<=', 2, 'a reload files nothing again');

$nginx->kill_all;
unlink $nginx->prefix . '/control.sock';
$nginx->start;
cmp_ok(still() - $after, '<=', 2, '... nor does a start, after a kill');
is(metric('soporte_events_total{result="lost"}'), 0, 'nothing was lost');
is(() = $nginx->log =~ /lost/g, 0, '... by the log');
is($pg->value('SELECT count(*) FROM soporte.ticket_reject'), 0,
   'PostgreSQL took all of it');
ok($nginx->stop, 'one node is done');


# what another node said it files: a new leader here has nothing to do

my $redis = Soporte::Redis->new;
my ($one, $two) = map { Soporte::Fleet->node($_, redis => $redis,
                                             postgres => $pg) } qw(one two);

for my $i (1 .. 20) {
    $one->control('PUT', 'acme/incident',
                  { title => 'Otra', message => "de uno $i" });
}

wait_is(sub { ($two->control('GET', 'acme')->json->{incident} // {})
              ->{message} }, 'de uno 20', 'the other node heard');
$two->nginx->reload(1);
sleep 1 for 1 .. 6;
cmp_ok($two->metric('soporte_events_total{result="filed"}'), '<=', 3,
       '... and files nothing of it');
wait_is(sub { $pg->value("SELECT count(*) FROM soporte.incident_update
                          WHERE message LIKE 'de uno %'") }, 20,
        'all of it is in PostgreSQL');


# a node that forgot all hears its own words again: those that no disk had
# taken are filed then, each step

my $prefix = $one->nginx->prefix;

chmod 0500, "$prefix/spool/spool/tmp" or die;
$one->control('PUT', 'acme/incident', { message => "antes $_" }) for 1 .. 4;

wait_is(sub { ($two->control('GET', 'acme')->json->{incident} // {})
              ->{message} }, 'antes 4', 'the other hears what no disk took');

$one->nginx->kill_all;
unlink "$prefix/control.sock", "$prefix/shm", glob("$prefix/spool/snapshot*");
chmod 0700, "$prefix/spool/spool/tmp" or die;
$one->nginx->start;

wait_is(sub { $pg->value("SELECT string_agg(message, ' ' ORDER BY version)
                          FROM soporte.incident_update
                          WHERE message LIKE 'antes %'") },
        'antes 1 antes 2 antes 3 antes 4', 'all is filed after a reboot', 30);


# somebody holds the board's lock, as a worker that was stopped does: a word
# waits for it 20 ms, and a hundred of them no longer

my $metric = 'soporte_events_total{result="filed"}';


sub hold {
    my ($node) = @_;

    my $pid = open2(my $out, my $in, top() . '/build/zone-hold',
                    $node->nginx->prefix . '/shm');

    is(scalar <$out>, "held\n", 'the lock is held');

    return sub { close $in; waitpid $pid, 0; $? };
}


# how long a node's loop stood still at most, in s, until it has filed so many

sub longest {
    my ($node, $filed, $seconds) = @_;

    my ($longest, $done) = (0, 0);
    my $until = time + $seconds;

    until ($done || time > $until) {
        my $start = time;
        $done = ($node->metric($metric) // 0) >= $filed;
        my $took = time - $start;
        $longest = $took if $took > $longest;
        sleep 0.005;
    }

    note sprintf '%.0f ms', 1000 * $longest;
    return $longest;
}


sub maintain {
    my ($title) = @_;

    return scalar grep {
        $one->control('PUT', "h$_/maintenance", { title => $title })
            ->{status} == 200
    } 1 .. 128;
}


get($one->addr, "/x?t=h$_") for 1 .. 128;
chmod 0500, "$prefix/spool/spool/tmp" or die;
is(maintain('uno'), 128, '128 words that wait for the disk');

my $filed = $one->metric($metric) + 128;
my $free = hold($one);

chmod 0700, "$prefix/spool/spool/tmp" or die;
cmp_ok(longest($one, $filed, 10), '<', 0.5,
       'no request waits for the marks of all');
cmp_ok($one->metric($metric), '>=', $filed, '... that are in the spool');
is($free->(), 0, 'the lock is free');
wait_is(sub { $pg->value("SELECT count(*) FROM soporte.maintenance
                          WHERE title = 'uno'") }, 128, 'each is filed', 30);

wait_is(sub { $two->title('h128') }, 'uno', 'the other heard of them');
$free = hold($two);
is(maintain('dos'), 128, '128 words for a node that can take none');
cmp_ok(longest($two, 1_000_000, 3), '<', 0.5,
       'no request waits for all of them');
is($two->title('h1'), 'uno', '... of which it took none');
is($free->(), 0, 'the lock is free');
wait_is(sub { scalar grep { $two->title("h$_") eq 'dos' } 1 .. 128 }, 128,
        'it has all of them', 20);


# what a node said that is gone for good, before a disk of it had that, the
# others file: by its last sign in Redis it is gone for half a minute

chmod 0500, "$prefix/spool/spool/tmp" or die;
$one->control('PUT', 'acme/incident', { message => "nunca $_" }) for 1 .. 3;

wait_is(sub { ($two->control('GET', 'acme')->json->{incident} // {})
              ->{message} }, 'nunca 3', 'the other hears what no disk took');

$one->nginx->kill_all;
$redis->command('HSET', 'soporte:nodes', 'one',
                int(time - 40) . ' 0123456789abcdef');

wait_is(sub { $pg->value("SELECT string_agg(message, ' ' ORDER BY version)
                          FROM soporte.incident_update
                          WHERE message LIKE 'nunca %'") },
        'nunca 1 nunca 2 nunca 3', 'the other files it', 30);
is($pg->value("SELECT count(*) FROM soporte.incident i
               JOIN soporte.incident_update u ON u.incident = i.id
               WHERE u.message = 'nunca 3'"), 1, '... with its incident');

my $two_filed = sub { $two->metric($metric) // -1 };

$filed = still($two_filed);
$two->nginx->reload(1);
cmp_ok(still($two_filed) - $filed, '<=', 3, '... once, and no new leader');
chmod 0700, "$prefix/spool/spool/tmp" or die;

done_testing();
