# Prevents a restart that loses state: counters, the board and tickets are the
# same after a reload, another size, a binary upgrade and SIGKILL of all.

use strict;
use warnings;

use Fcntl qw(SEEK_SET);
use POSIX ();

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(run);
use Soporte::Test;

sub conf {
    my ($size, @tenants) = @_;

    my $servers = join '', map { <<"END" } @tenants;
    server { listen 127.0.0.1:%%PORT_$_%%; soporte \L$_\E;
             location / { proxy_pass http://127.0.0.1:%%PORT%%/; } }
END

    return <<"END";
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=endure:$size file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_portal /soporte;
    $servers
    server { listen 127.0.0.1:%%PORT%%; soporte_portal off; return 200 "ok\\n"; }
    server { listen unix:%%PREFIX%%/control.sock;
             location / { soporte_control; }
             location /metrics { soporte_metrics; } }
}
END
}

my $nginx = Soporte::Nginx->new(workers => 2, conf => conf('4m', qw(A B)));
my $control = 'unix:' . $nginx->prefix . '/control.sock';

$nginx->start;


sub good {
    my ($tenant) = @_;

    my ($n) = get($control, '/metrics')->{body}
              =~ /^soporte_requests_total\{tenant="$tenant",result="good"\} (\d+)/m;

    return $n;
}

sub ask {
    my ($name, $n) = @_;

    get($nginx->addr($name), '/') for 1 .. $n;
}

sub closed {
    my ($name) = @_;

    return get($nginx->addr($name), '/')->{status} == 503;
}

sub control { request($control, @_)->{status} }


ask('A', 30);
ask('B', 7);
# counted in the log phase, that is after the answer

wait_is(sub { good('a') }, 30, 'counted');
wait_is(sub { good('b') }, 7, '... each');
is(control('PUT', '/v1/tenants/b/restore',
           '{"phase": "migration", "message": "sigue"}'), 200, 'a restore');
is(post_json($nginx->addr('A'), '/soporte/tickets',
             { subject => 's', description => 'd', category => 'uso',
               email => 'a@b.mx' })->{status}, 201, 'a ticket');

my $what;

sub same {
    is(good('a'), 30, "$what: the counters");
    is(good('b'), 7, "$what: ... of each");
    ok(closed('B'), "$what: the restore");
    like(get($nginx->addr('B'), '/')->{body}, qr/sigue/, "$what: its words");
    is(scalar(() = glob $nginx->prefix . '/spool/spool/new/*'), 1,
       "$what: the ticket");
}

$what = 'reload';
$nginx->reload;
same();

$what = 'a larger zone';
$nginx->conf(conf('8m', qw(A B)));
$nginx->reload;
same();

$what = 'a smaller zone';
$nginx->conf(conf('4m', qw(A B)));
$nginx->reload;
same();

$what = 'others before';
$nginx->conf(conf('8m', qw(D C B A)));
$nginx->reload(1);
same();
is(good('c'), 0, 'a new tenant begins with nothing');
ask('C', 3);
wait_is(sub { good('c') }, 3, '... and counts for itself');

$what = 'removed and back';
$nginx->conf(conf('8m', qw(B)));
$nginx->reload(1);
is(good('a'), undef, 'a tenant that is gone is not told of');
$nginx->conf(conf('8m', qw(A B)));
$nginx->reload(1);
same();

$what = 'upgrade';
$nginx->upgrade;
same();

$what = 'SIGKILL of a worker';
kill 'KILL', ($nginx->workers)[0];
$nginx->allow_log(qr/exited on signal 9/);
wait_is(sub { scalar($nginx->workers) }, 2, 'another worker came');
same();

$what = 'SIGKILL of all';
$nginx->kill_all;
unlink $nginx->prefix . '/control.sock';
$nginx->start;
same();

is(control('DELETE', '/v1/tenants/b/restore'), 200, 'the board is writable');


# reloads under load: no request fails, none is lost

my $before = good('a');
my @children;

pipe my $from, my $to or die;

for (1 .. 2) {
    my $pid = fork // die;

    if (!$pid) {
        my ($n, $bad) = (0, 0);
        my $end = time + 3;

        while (time < $end) {
            my $r = eval { get($nginx->addr('A'), '/') };
            $n++;
            $bad++ if !$r || $r->{status} != 200;
        }

        syswrite $to, "$n $bad\n";
        POSIX::_exit(0);
    }

    push @children, $pid;
}

close $to;
$nginx->conf(conf($_ % 2 ? '12m' : '8m', qw(A B))), $nginx->reload for 1 .. 4;
waitpid $_, 0 for @children;

my ($sent, $bad) = (0, 0);
while (<$from>) { my ($n, $b) = split; $sent += $n; $bad += $b }

cmp_ok($sent, '>', 100, "there was a load");
is($bad, 0, 'no request failed');
wait_is(sub { good('a') - $before }, $sent, 'all were counted, exactly');


# a file that is not to be trusted

my $shm = $nginx->prefix . '/shm';

ok($nginx->stop, 'stopped');
unlink map { $nginx->prefix . "/$_" } 'control.sock', 'spool/snapshot';

open my $file, '+<', $shm or die;
seek $file, 8, SEEK_SET;
syswrite $file, "\x63";
close $file;

$nginx->start;
like($nginx->log, qr/begins anew/, 'another layout begins anew');
is(good('a'), 0, '... with nothing');
ok($nginx->stop, 'stopped');
unlink $nginx->prefix . '/control.sock';

for my $row (['a link', sub { rename $shm, "$shm.old"; symlink "$shm.old", $shm }],
             ['open to others', sub { chmod 0644, $shm }])
{
    my ($name, $do) = @$row;

    $do->();
    my ($code, $said) = run($nginx->command('refused.log'));

    isnt($code, 0, "refused: $name");
    like(slurp($nginx->prefix . '/refused.log') . $said
         . $nginx->log, qr/can't be used: /, '... and told why');
    $nginx->stop;

    unlink $shm;
    rename "$shm.old", $shm;
}

done_testing;
