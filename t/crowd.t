# Prevents an upstream that hundreds share and of which some hear nothing, or
# late: when it dies, when it comes back, and when the worker that had just
# heard of it is killed.

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Test;

my $many = 450;             # more than are told in two turns

my $pg = Soporte::Postgres->new;

my $upstream = Soporte::Nginx->new(conf => <<'END')->start;
%%GLOBALS%%
events { }
http { %%HTTP%%
    server { listen 127.0.0.1:%%PORT%%; return 200 good; } }
END

my $nginx = Soporte::Nginx->new(
    workers => 2,
    vars    => { UPSTREAM => $upstream->addr, PG => $pg->conninfo },
    conf    => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    keepalive_requests 1000;
    soporte_zone zone=crowd:8m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_postgres "%%PG%%" timeout=1s;
    soporte_detect window=1s recover=1s;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte $arg_t;
        soporte_probe http://%%UPSTREAM%%/api/method/ping interval=1s;
        location / { proxy_pass http://%%UPSTREAM%%; }
    }
    server {
        listen 127.0.0.1:%%PORT_C%%;
        location / { soporte_control; }
        location /metrics { soporte_metrics; }
    }
}
END

my $db = $pg->db;


# of how many tenants the state is this

sub count {
    my ($state) = @_;

    my $tenants = get($nginx->addr('C'), '/v1/tenants')->json->{tenants};

    return scalar grep { $_->{state} eq $state } @$tenants;
}


# what PostgreSQL has: incidents, tenants, open ones, s between the first
# beginning and the last, s from then to the first beginning

sub incidents {
    my ($then) = @_;

    return $db->selectrow_hashref(<<'SQL', {}, $then // 0);
        SELECT count(*) AS n, count(DISTINCT tenant) AS tenants,
               count(*) FILTER (WHERE closed_at IS NULL) AS open,
               extract(epoch FROM max(opened_at) - min(opened_at)) AS spread,
               extract(epoch FROM min(opened_at)) - ? AS after
        FROM soporte.incident WHERE tenant LIKE 't%'
SQL
}


# which worker leads: the one that told of the last turn

sub leader {
    my ($pid) = $nginx->log =~ /.* (\d+)#\d+: tenant "t\d+" /s;

    return $pid;
}


sub kill_leader {
    my $leader = leader();
    my %old = map { $_ => 1 } $nginx->workers;

    kill 'KILL', $leader;
    wait_for(sub { grep { !$old{$_} } $nginx->workers }, 10, 'a new worker');
}


my $c = Soporte::Http->connect($nginx->addr)->timeout(20);

for my $t (1 .. $many) {
    $c->send("GET /?t=t$t HTTP/1.1\r\nHost: a\r\n\r\n");
    $c->response->{status} == 200 or die "tenant $t";
}

wait_is(sub { count('up') }, $many, "$many tenants are up", 15);


# it dies: all of them are down, since the same moment

my $began = time;
$upstream->stop;

wait_is(sub { count('down') }, $many, '... down with their upstream', 15);
my $took = time - $began;
diag(sprintf 'all are down after %.1f s', $took);
cmp_ok($took, '<', 10, '... within ten seconds');

wait_is(sub { incidents()->{open} }, $many, '... an incident of each', 60);

my $all = incidents($began);

is($all->{n}, $many, '... and one');
cmp_ok($all->{spread}, '<=', 1, '... of one second');
cmp_ok(abs $all->{after}, '<=', 3, '... in which it died');

# its requests are few and of some tenants, so all were told by others' probes

my @lines = $nginx->log =~ /upstream "\Q@{[$upstream->addr]}\E" is down: .*/g;

is_deeply([map { /: (\d+ of its \d+)/ } @lines], ["$many of its $many"],
          'it is the upstream\'s outage, counted when all were told');


my $rows = $db->selectall_arrayref(<<'SQL');
    SELECT message, tenants FROM soporte.state_upstreams
SQL
is_deeply($rows, [["$many of $many tenants are down", $many]],
          '... an incident that theirs are part of');


# whoever leads now never saw it

$nginx->allow_log(qr/exited on signal 9/);
kill_leader();
wait_is(sub { count('down') }, $many, 'another worker leads: all are down');
sleep 1;

my $back = time;
$upstream->start;

wait_is(sub { count('up') }, $many, 'it comes back: all are up', 15);
diag(sprintf 'all are up after %.1f s', time - $back);
cmp_ok(time - $back, '<', 12, '... at once and not one by one');
wait_is(sub { incidents()->{open} }, 0, '... and no incident is left', 60);


# killed when the first failure was just told

$upstream->stop;
sleep 0.8;
kill_leader();

wait_is(sub { count('down') }, $many, 'another one leads in between', 20);
$upstream->start;
wait_is(sub { count('up') }, $many, '... all are up again', 20);
wait_is(sub { incidents()->{open} }, 0, '... their incidents over', 60);

$all = incidents();
is($all->{n}, $many, '... which are those that they had');
is($all->{tenants}, $many, '... one of each');


# what was said once more is on its way to the disk

my ($filed, $since) = (0, time);

wait_for(sub {
    my ($n) = get($nginx->addr('C'), '/metrics')->{body}
              =~ /^soporte_events_total\{result="filed"\} (\d+)/m;

    ($filed, $since) = ($n, time) if $n != $filed;

    return time > $since + 1.5;
}, 60, 'all events to be kept');

done_testing;
