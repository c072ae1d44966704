# Prevents an outage that PostgreSQL never hears of, or hears of twice, or
# whose end it misses; one of a whole upstream that looks like many, or that
# only its tenants' incidents know of; and a leader's death that opens it again.

use strict;
use warnings;

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process;
use Soporte::Test;

my $pg = Soporte::Postgres->new;
my $alone = Soporte::ErpNext->new(sites => { 'alone.test' => 'up' });
my $shared = Soporte::ErpNext->new(
    sites => { map { ("s$_.test" => 'up') } 1 .. 4 }
);

my $servers = join '', map { <<"END" } 1 .. 4;
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name s$_.test;
        soporte s$_;
        soporte_probe http://%%SHARED%% interval=500ms timeout=500ms;
        location / { proxy_pass http://%%SHARED%%; }
    }
END

my $nginx = Soporte::Nginx->new(
    workers => 2,
    vars    => { PG => $pg->conninfo, ALONE => $alone->addr,
                 SHARED => $shared->addr },
    conf    => <<"END")->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=incident:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_postgres "%%PG%%" timeout=1s;
    soporte_node uno;
    soporte_detect window=1s recover=1s;
    proxy_set_header Host \$host;
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name alone.test;
        soporte alone;
        soporte_probe http://%%ALONE%% interval=500ms timeout=500ms;
        location / { proxy_pass http://%%ALONE%%; }
    }
$servers
    server {
        listen 127.0.0.1:%%PORT_C%%;
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
    }
}
END

my $db = $pg->db;


sub state { get($nginx->addr('C'), "/v1/tenants/$_[0]")->json->{state} }

sub states { join ' ', map { state("s$_") } 1 .. 4 }


# what PostgreSQL has of a tenant's incidents: how many, then of the last one

sub row {
    my ($tenant) = @_;

    my $rows = $db->selectall_arrayref(<<'SQL', { Slice => {} }, $tenant);
        SELECT id, source, cause, status, closed_at IS NOT NULL AS closed,
               parent, node,
               extract(epoch FROM now() - opened_at)::int AS age,
               extract(epoch FROM closed_at - opened_at)::int AS lasted
        FROM soporte.incident WHERE tenant = ? ORDER BY opened_at
SQL

    return { n => scalar @$rows, %{$rows->[-1] // {}} };
}


wait_is(sub { state('alone') }, 'up', 'up before', 15);
wait_is(\&states, 'up up up up', '... all', 20);
is(row('alone')->{n}, 0, 'no incident');

my $began = time;

$alone->stop;
wait_is(sub { row('alone')->{n} }, 1, 'an outage: an incident in PostgreSQL',
        15);

my $row = row('alone');

is("$row->{source} $row->{cause} $row->{node}", 'detected connect uno',
   '... seen by this node, refused');
is($row->{closed}, 0, '... not over');
is($row->{status}, 'investigating', '... nobody knows more yet');
is($row->{parent}, undef, '... part of nothing');
cmp_ok(abs($row->{age} - (time - $began)), '<=', 3, '... since its begin');


# the leader is killed: its successor finds the incident and leaves it

my @before = $nginx->workers;

my %old = map { $_ => 1 } @before;

$nginx->allow_log(qr/exited on signal 9/);
kill 'KILL', @before;
wait_for(sub { (grep { !$old{$_} } $nginx->workers) >= 2 }, 10, 'new workers');

wait_is(sub { state('alone') }, 'down', 'all workers killed: still down');

$alone->start;
wait_is(sub { row('alone')->{closed} }, 1, 'it answers: the incident is over',
        20);

$row = row('alone');

is($row->{n}, 1, '... one, whoever led');
is($row->{status}, 'resolved', '... resolved');
cmp_ok($row->{lasted}, '<=', time - $began, '... after the time it took');

my $updates = $db->selectcol_arrayref(<<'SQL', {}, $row->{id});
    SELECT status FROM soporte.incident_update WHERE incident = ? ORDER BY at
SQL

is($updates->[0], 'investigating', 'its timeline: it begins');
is($updates->[-1], 'resolved', '... and ends');


# again within five minutes it is the same one

$alone->stop;
wait_is(sub { row('alone')->{closed} }, 0, 'an outage soon after: the same',
        20);
is(row('alone')->{n}, 1, '... no other');
$alone->start;
wait_is(sub { row('alone')->{closed} }, 1, '... over again', 20);


# of an upstream that several share

$shared->stop;
wait_is(\&states, 'down down down down', 'a shared upstream: all are down', 15);

my $parents = sub {
    my %parent = map { (row("s$_")->{parent} // 'none') => 1 } 1 .. 4;
    return join ' ', sort keys %parent;
};

wait_is(sub { $parents->() =~ /^[0-9a-f-]{36}$/ ? 'one' : $parents->() }, 'one',
        '... of one incident', 15);

my $parent = $parents->();
my $addr = $shared->addr . ' at uno';


# which is one line, durable, and known to those who ask

sub upstream {
    return $db->selectrow_hashref(<<'SQL') // {};
        SELECT count(*) OVER () AS n, id, upstream, message, tenants,
               closed_at IS NOT NULL AS closed,
               extract(epoch FROM now() - opened_at)::int AS age
        FROM soporte.state_upstreams
SQL
}

sub soporte {
    my ($code, $text) = Soporte::Process::run(
        Soporte::Process::top() . '/bin/soporte', '-s',
        $nginx->prefix . '/control.sock', @_
    );

    return $code ? "exit status $code: $text" : $text;
}

wait_is(sub { upstream()->{tenants} }, 4, '... that PostgreSQL has, with its 4');

my $up = upstream();

is("$up->{n} $up->{id}", "1 $parent", '... and no other');
is($up->{upstream}, $addr, '... whose name is the address');
is($up->{message}, '4 of 4 tenants are down', '... with how many are down');
is($up->{closed}, 0, '... not over');
cmp_ok($up->{age}, '<=', 20, '... since the first of them was');

like(soporte('why', 's2'),
     qr/part of the outage of upstream \Q$addr\E: 4 of 4 tenants are down/,
     'why tells of it');
like(soporte('top', '--once'),
     qr/\Aupstream \Q$addr\E: 4 of 4 tenants are down, [^\n]*\nTENANT/,
     'top does first of all');

my $told = get($nginx->addr('C'), '/v1/tenants/s2')->json->{incident};

isnt($told->{id}, $parent, 'a tenant is told of its own incident');
is($db->selectrow_array(<<'SQL', {}, $told->{id}), 1, '... by one word');
    SELECT count(*) FROM soporte.incident_update WHERE incident = ?
SQL

$shared->start;
wait_is(sub { join ' ', map { row("s$_")->{closed} } 1 .. 4 }, '1 1 1 1',
        '... over', 25);
is($parents->(), $parent, '... and told as parts of it');
is(join(' ', map { row("s$_")->{n} } 1 .. 4), '1 1 1 1', '... one of each');

wait_is(sub { upstream()->{message} }, '4 of 4 tenants were down',
        'the upstream\'s is over', 15);
is(upstream()->{closed}, 1, '... closed');
is(soporte('top', '--once') =~ /^upstream/m, '', '... and not on top');
like(soporte('upstreams'),
     qr/\Aupstream \Q$addr\E: 4 of 4 tenants were down, \S+Z to \S+Z\n\z/,
     '... but in the list');


# a leader that never saw it takes it for what it is

$shared->stop;
wait_is(sub { upstream()->{closed} }, 0, 'again, soon: the same', 20);

%old = map { $_ => 1 } $nginx->workers;
kill 'KILL', keys %old;
wait_for(sub { (grep { !$old{$_} } $nginx->workers) >= 2 }, 10, 'new workers');

$shared->start;
wait_is(sub { upstream()->{closed} }, 1, '... closed by the next leader', 30);
is(upstream()->{n}, 1, '... which made no other');
is($parents->(), $parent, '... nor other parts of it');

done_testing;
