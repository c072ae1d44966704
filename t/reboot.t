# Prevents a reboot that loses what a contract is reckoned by: the file in
# memory is gone, and counters, months, days, outages and words of operators
# come back from the snapshot on disk; one that is torn is refused.

use strict;
use warnings;

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(run top);
use Soporte::Test;

sub conf {
    my (@tenants) = @_;

    my $servers = join '', map { <<"END" } @tenants;
    server { listen 127.0.0.1:%%PORT_$_%%; soporte \L$_\E;
             location / { proxy_pass http://127.0.0.1:%%PORT%%/; } }
END

    return <<"END";
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=boot:4m file=%%PREFIX%%/shm;
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

my $nginx = Soporte::Nginx->new(workers => 2, conf => conf(qw(A B)));
my $control = 'unix:' . $nginx->prefix . '/control.sock';
my $shm = $nginx->prefix . '/shm';
my $snapshot = $nginx->prefix . '/spool/snapshot';


sub good {
    my ($tenant) = @_;

    my ($n) = get($control, '/metrics')->{body}
              =~ /^soporte_requests_total\{tenant="$tenant",result="good"\} (\d+)/m;

    return $n;
}


# what a machine does when it loses its power, and starts again

sub reboot {
    $nginx->kill_all if $nginx->pid;
    unlink $shm, $nginx->prefix . '/control.sock';
    $nginx->start;
}


$nginx->start;
get($nginx->addr('A'), '/') for 1 .. 30;
get($nginx->addr('B'), '/') for 1 .. 7;
wait_is(sub { good('a') }, 30, 'counted');
wait_is(sub { good('b') }, 7, '... each');

sub control { request($control, @_)->{status} }

is(control('PUT', '/v1/tenants/b/restore',
           '{"phase": "migration", "message": "sigue"}'), 200, 'a restore');

# the leader's own, within seconds; what another had begun before is over

$nginx->reload(1);
unlink $snapshot;
wait_for(sub { -s $snapshot }, 15, 'a snapshot');
is((stat $snapshot)[2] & 07777, 0600, 'it is nobody else\'s');

reboot();
is(good('a'), 30, 'kill of all and a reboot: the counters');
is(good('b'), 7, '... of each');
is(get($nginx->addr('B'), '/')->{status}, 503, '... the restore');
like(get($nginx->addr('B'), '/')->{body}, qr/sigue/, '... its words');
$nginx->wait_log(qr/has 3 slot\(s\) and 1 notice\(s\) of the snapshot of \d+ s ago/);
pass('... it says so');

# the master's, with all that was counted last

get($nginx->addr('A'), '/') for 1 .. 5;
wait_is(sub { good('a') }, 35, 'counted');
ok($nginx->stop, 'a stop in good order');
is(scalar(() = glob "$snapshot.*"), 0, 'nothing half-written is left');
reboot();
is(good('a'), 35, 'nothing of it is lost');

# by SIGTERM, too

get($nginx->addr('A'), '/') for 1 .. 5;
wait_is(sub { good('a') }, 40, 'counted');
ok($nginx->stop('TERM'), 'a fast stop');
reboot();
is(good('a'), 40, 'nothing of it is lost');

# nginx -t reads and writes none of it

my $before = (stat $snapshot)[9];

$nginx->stop;
unlink $shm;
my $inode = (stat $snapshot)[1];
my ($code, $text) = $nginx->check;
is($code, 0, 'nginx -t');
unlike($text, qr/snapshot/, '... says nothing of a snapshot');
ok(!-e $shm, '... makes no file in memory');
is((stat $snapshot)[1], $inode, '... and leaves the one on disk');

# a zone with less room, and another order of tenants

$nginx->conf(conf(qw(C B A)) =~ s/:4m/:3m/r);
reboot();
is(good('a'), 40, 'a smaller zone, in another order');
is(good('b'), 7, '... each its own');
is(good('c'), 0, '... a new one has nothing');

# the file that it has is intact

($code, $text) = run(top() . '/build/zone-check', $shm);
is($code, 0, 'the file is intact');
like($text, qr/^intact: 3 tenants/, '... it says');


# a file in memory that was damaged: begun anew, from the snapshot

$nginx->stop;

# the first bucket in use leads to a slot that was never given

my $bytes = slurp($shm);
my ($bucket) = grep { unpack('L', substr $bytes, 4096 + 4 * $_, 4) }
               0 .. 32767;

open my $file, '+<', $shm or die;
seek $file, 4096 + 4 * $bucket, 0;
syswrite $file, pack('L', 99);
close $file;

($code, $text) = run(top() . '/build/zone-check', $shm);
is($code, 1, 'a damaged file');
is($text, "damaged: bucket $bucket: a slot that was not given\n",
   '... it is said where');

unlink $nginx->prefix . '/control.sock';
$nginx->allow_log(qr/is damaged and left/)->start;
is(good('a'), 40, 'the counters are those of the snapshot');
$nginx->wait_log(qr/"\Q$shm\E" is damaged and left, bucket $bucket: a slot/);
pass('... and the log says why');
is((run(top() . '/build/zone-check', $shm))[0], 0, '... it is intact again');


# a snapshot that is torn, and one that is not ours

for my $row (['torn', sub { truncate $snapshot, 5000 }, qr/torn/],
             ['of wrong bytes', sub {
                 my $bytes = slurp($snapshot);
                 substr($bytes, 3000, 1) ^= "\x01";
                 spew($snapshot, $bytes);
             }, qr/its checksum is wrong/],
             ['of another program', sub { spew($snapshot, 'x' x 5000) },
              qr/not a snapshot/])
{
    my ($name, $spoil, $why) = @$row;

    $nginx->stop;
    $spoil->();
    reboot();
    is(good('a'), 0, "a snapshot that is $name is not used");
    $nginx->wait_log(qr/snapshot" is not used: $why/);
    pass('... and the log says so');
}

done_testing;
