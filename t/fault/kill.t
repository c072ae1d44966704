# Prevents a ticket that is lost, doubled or altered when what keeps it dies:
# workers, the master, all of nginx, PostgreSQL, at any moment; and when
# PostgreSQL hangs, is full of clients or takes no writes.  FAULT_TICKETS and
# FAULT_KILLS make it shorter.

use strict;
use warnings;

use DBI;
use Time::HiRes qw(sleep);

use Soporte::Load;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(alive children);
use Soporte::Test;

my $tickets = $ENV{FAULT_TICKETS} // 10_000;
my $kills = $ENV{FAULT_KILLS} // 200;

# processes die here, machines don't: what PostgreSQL wrote stays
my $pg = Soporte::Postgres->new(config => ['fsync=off']);

my $nginx = Soporte::Nginx->new(
    workers => 2,
    vars    => { PG => $pg->conninfo('soporte_nginx') },
    files   => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    conf    => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=kill:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_postgres "%%PG%%" timeout=1s;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; }
}
END

my $spool = $nginx->prefix . '/lib/spool';
my $load = Soporte::Load->start(addr => $nginx->addr);
my %killed;


sub kill_worker {
    my @workers = $nginx->workers(1);

    return if !@workers;

    kill 'KILL', $workers[rand @workers];
    wait_for(sub { $nginx->workers >= 2 }, 20, 'a new worker');
}

sub kill_all {
    $nginx->kill_all;
    $nginx->start;
}

# its workers go on without it, and then die as well

sub kill_master {
    my $master = $nginx->pid;
    my @workers = children($master);

    kill 'KILL', $master;
    sleep rand 0.3;
    kill 'KILL', @workers;
    wait_for(sub { !grep { alive($_) } $master, @workers }, 10, 'them to die');
    $nginx->start;
}

sub kill_postgres {
    $pg->stop('KILL');
    sleep rand 0.5;
    $pg->start;
}

my @actions = ((\&kill_worker) x 14, (\&kill_all) x 3, \&kill_master,
               (\&kill_postgres) x 2);
my @names = (('worker') x 14, ('all') x 3, 'master', ('postgres') x 2);
my $sum = 0;

while ($sum < $kills || $load->count < $tickets) {
    my $n = int rand @actions;

    # tickets first, where the machine is slow
    if ($sum < $kills || rand() < 0.02) {
        $actions[$n]->();
        $killed{$names[$n]}++;
        $sum++;
    }

    sleep 0.05 + rand 0.3;
}

diag(join ', ', map { "$_: $killed{$_}" } sort keys %killed);
cmp_ok($sum, '>=', $kills, "$sum kills");


# PostgreSQL lives and is of no use; tickets go on

sub goes_on {
    my ($name) = @_;

    my $count = $load->count;

    ok(eval { wait_for(sub { $load->count > $count + 50 }, 60) },
       "$name: tickets are acknowledged");
}

sub down { wait_for(sub { !up() }, 20, 'delivery to fail') }

sub up {
    my $count = $pg->value('SELECT count(*) FROM soporte.ticket');

    sleep 0.5;

    return $pg->value('SELECT count(*) FROM soporte.ticket') > $count;
}

sub terminate {
    $pg->do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            . "WHERE usename = 'soporte_nginx'");
}

{
    my @pids = ($pg->process->pid, children($pg->process->pid));

    kill 'STOP', @pids;
    goes_on('stopped');
    kill 'CONT', @pids;
    wait_for(\&up, 60, 'delivery');
}

{
    my @held;

    terminate();

    while (@held < 100) {
        push @held, DBI->connect($pg->dsn, 'postgres', '', { PrintError => 0 })
                    // last;
        terminate() if @held % 10 == 0;
    }

    ok(@held < 100, 'no connection is left');
    eval { terminate() };
    goes_on('out of connections');
    $_->disconnect for @held;
    wait_for(\&up, 60, 'delivery');
}

$pg->do('ALTER SYSTEM SET default_transaction_read_only = on');
$pg->do('SELECT pg_reload_conf()');
down();
goes_on('read only');
$pg->do('SET default_transaction_read_only = off');
$pg->do('ALTER SYSTEM RESET default_transaction_read_only');
$pg->do('SELECT pg_reload_conf()');
wait_for(\&up, 60, 'delivery');

$pg->stop;
goes_on('restarted');
$pg->start;
wait_for(\&up, 60, 'delivery');


# the promise

$load->stop;
wait_for(sub { !(() = glob "$spool/{new,sending}/*") }, 120,
         'the spool to be empty');

my $count = $load->count;

cmp_ok($count, '>=', $tickets, "$count tickets were acknowledged");
is($load->compare($pg), 'lost 0 twice 0 altered 0', 'each is there, once');
is(scalar(() = glob "$spool/dead/*"), 0, 'and none was set apart');

$nginx->allow_log('exited on signal 9|open socket');
done_testing();
