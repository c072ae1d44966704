# Prevents an outage that is seen late, dated wrongly, or not at all: an
# upstream that refuses and one that hangs, of a tenant that is used and of one
# that nobody uses; and a probe that is where it must not be.
#
# Here the probes are more frequent; the times that operators get are measured
# by t/soak/detect.

use strict;
use warnings;

use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;

my %sites = (one => 'one.test', idle => 'idle.test', site => 'site.test');
my %erp = map { $_ => Soporte::ErpNext->new(sites => { $sites{$_} => 'up' }) }
          keys %sites;

$erp{shared} = Soporte::ErpNext->new(
    sites => { map { ("$_.test" => 'up') } qw(s1 s2 s3 s4 late) }
);

my $nginx = Soporte::Nginx->new(
    workers => 2,
    vars => { map { (uc $_ => $erp{$_}->addr) } keys %erp },
    conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=detect:4m file=%%PREFIX%%/shm;
    soporte_detect failures=5 window=1s recover=2s;
    proxy_set_header Host $host;
    proxy_connect_timeout 2s;
    proxy_read_timeout 20s;

    server {
        listen 127.0.0.1:%%PORT%%;
        server_name one.test;
        soporte one;
        soporte_probe http://%%ONE%% interval=400ms timeout=500ms;
        location / { proxy_pass http://%%ONE%%; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name nobody.test;
        soporte idle;
        soporte_probe "http://%%IDLE%%/api/method/ping?{tenant}={host}"
                      "host={tenant}.test" interval=400ms timeout=500ms;
        location / { proxy_pass http://%%IDLE%%; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name ~^(?<name>s\d)\.test$;
        soporte $name;
        soporte_probe http://%%SHARED%%/api/method/ping "host={tenant}.test"
                      interval=400ms timeout=500ms;
        location / { proxy_pass http://%%SHARED%%; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name late.test;
        soporte late;
        soporte_probe http://%%SHARED%%/api/method/ping?stand_in=delay=2
                      interval=400ms timeout=10s;
        location / { proxy_pass http://%%SHARED%%; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name site.test;
        soporte site;
        soporte_log_level notice;
        soporte_probe http://%%SITE%% interval=400ms timeout=10s;
        location / { proxy_pass http://%%SITE%%; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name self.test;
        soporte self;
        soporte_probe http://127.0.0.1:%%PORT%%/api/method/ping
                      interval=300ms;
        location / { proxy_pass http://%%SITE%%;
                     proxy_set_header Host site.test; }
    }
    server {
        listen 127.0.0.1:%%PORT_C%%;
        location / { soporte_control; }
        location /metrics { soporte_metrics; }
    }
}
END

my $control = $nginx->addr('C');


sub tenant { get($control, "/v1/tenants/$_[0]")->json }

sub state { tenant($_[0])->{state} // 'none' }

sub states { join ' ', map { state("s$_") } @_ }


# the instant of an RFC 3339 text

sub instant {
    my ($text) = @_;

    my ($y, $mo, $d, $h, $mi, $s) =
        $text =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/ or return 0;

    return timegm($s, $mi, $h, $d, $mo - 1, $y);
}


# a client that asks all the time, and gives each request so many seconds

sub client {
    my ($tenant, $seconds) = @_;

    my $pid = fork // die "fork: $!";

    return Soporte::Process->adopt($pid, name => "client of $tenant") if $pid;

    $SIG{$_} = 'DEFAULT' for qw(INT TERM);

    while (1) {
        eval {
            my $c = Soporte::Http->connect($nginx->addr)->timeout($seconds);
            $c->ask('GET', '/app', undef, Host => "$tenant.test");
            $c->close;
        };
        sleep 0.05;
    }
}


# from the begin of an outage to its end: seen in time, dated back, over again

sub outage {
    my ($name, $tenant, $begin, $end) = @_;

    wait_is(sub { state($tenant) }, 'up', "$name: up before", 15);

    my $from = time;
    $begin->();

    wait_is(sub { state($tenant) }, 'down', "$name: down", 10);

    my $tells = tenant($tenant);
    my $incident = $tells->{incident} // {};

    cmp_ok(abs(instant($tells->{since}) - $from), '<', 2,
           "$name: ... since the first failure");
    ok($incident->{detected}, "$name: an incident that nobody declared");

    $end->();
    wait_is(sub { state($tenant) }, 'up', "$name: up again", 15);
    wait_is(sub { tenant($tenant)->{incident} // 'none' }, 'none',
            "$name: the incident is over");

    return $incident->{cause};
}


my $client = client('one', 3);

is(outage('refused, used', 'one', sub { $erp{one}->stop },
          sub { $erp{one}->start }), 'connect', 'refused: the cause');
is(outage('hanging, used', 'one', sub { $erp{one}->freeze },
          sub { $erp{one}->thaw }), 'timeout', 'hanging: the cause');

$client->stop;

is(outage('refused, idle', 'idle', sub { $erp{idle}->stop },
          sub { $erp{idle}->start }), 'connect', 'idle: the cause');
is(outage('hanging, idle', 'idle', sub { $erp{idle}->freeze },
          sub { $erp{idle}->thaw }), 'timeout', 'idle: the cause');


# Frappe's own maintenance, which nobody announced

is(outage('SessionStopped', 'site',
          sub { $erp{site}->profile('site.test', 'maintenance') },
          sub { $erp{site}->profile('site.test', 'up') }), 'stopped',
   'SessionStopped: the cause');

unlike($nginx->log, qr/\[warn\].*tenant "site" is down/,
       'soporte_log_level: not on the level of the others');
like($nginx->log, qr/\[notice\].*tenant "site" is down since \d+ s/,
     '... but on its own');


# what is sent: the placeholders filled in

my ($probe) = grep { $_->{path} =~ /ping/ } $erp{idle}->requests;

is($probe->{path} =~ s/\?.*//r, '/api/method/ping', 'a probe: its path');
is($probe->{host}, 'idle.test', '... {tenant} in host=');
like($probe->{'user-agent'}, qr{^soporte-probe/[0-9a-f]{16}$},
     '... tells who asks');


# a probe whose way leads through this nginx is no sample of the tenant

sub counted {
    my $text = get($control, '/metrics')->{body} =~ s/.*tenant="(?!self").*//gr;
    my %n = map { $_ => 0 } qw(good hard soft excluded);

    $n{$1} = $2
        while $text =~ /^soporte_requests_total\{.*result="(\w+)"\} (\d+)/mg;

    return \%n;
}

wait_is(sub { state('self') }, 'up', 'by way of ourselves: up');
wait_is(sub { counted()->{excluded} > 2 ? 1 : 0 }, 1, '... excluded');
is(counted()->{good} + counted()->{hard} + counted()->{soft}, 0,
   '... and no sample');

get($nginx->addr, '/app', Host => 'self.test',
    'User-Agent' => 'soporte-probe/0123456789abcdef');
wait_is(sub { counted()->{good} }, 1, 'a forged one is a sample');


my $metrics = get($control, '/metrics')->{body};

for my $row (['tenant', 'ok'], ['confirm', 'ok'], ['confirm', 'fail']) {
    my ($kind, $result) = @$row;

    like($metrics,
         qr/^soporte_probes_total\{kind="$kind",result="$result"\} [1-9]/m,
         "probes counted: $kind, $result");
}

like($metrics, qr/^soporte_incidents_opened_total\{severity="down"\} [3-9]/m,
     'incidents counted');
like($metrics, qr/^soporte_probe_duration_seconds_count [1-9]/m,
     '... and how long probes took');


# one upstream of several: each by its own name, and its outage is one

get($nginx->addr, '/app', Host => "s$_.test") for 1 .. 4;
wait_is(sub { states(1 .. 4) }, 'up up up up', 'tenants by a variable');
$erp{shared}->forget;
wait_for(sub {
    my %seen = map { $_->{host} => 1 } $erp{shared}->requests;
    return 4 == grep { /^s\d\.test/ } keys %seen;
}, 15, 'probes of all four');
pass('... each is probed from its first request on');

$erp{shared}->stop;
wait_is(sub { states(1 .. 4) }, 'down down down down',
        'their upstream refuses: all are down', 12);
$nginx->wait_log(qr/upstream "\Q@{[$erp{shared}->addr]}\E" is down: \d of /, 5);
pass('... which is one outage of the upstream');
$erp{shared}->start;
wait_is(sub { states(1 .. 4) }, 'up up up up', '... and up again', 20);


# a site that fails alone is no failure of its upstream

$erp{shared}->profile('s2.test', 'maintenance');
wait_is(sub { state('s2') }, 'down', 'one site of them: down', 25);
is(states(1, 3, 4), 'up up up', '... it alone');
$erp{shared}->profile('s2.test', 'up');
wait_is(sub { state('s2') }, 'up', '... and up again', 40);


# ... nor up with its upstream, by others' answers that come before its own

my $ups = sub { scalar(() = $nginx->log =~ /tenant "late" answers again/g) };

$erp{shared}->profile('late.test', 'maintenance');
wait_is(sub { state('late') }, 'down', 'one that answers late: down', 40);
is(states(1 .. 4), 'up up up up', '... it alone');

my $before = $ups->();

$erp{shared}->stop;
wait_is(sub { states(1 .. 4) }, 'down down down down',
        'all, as their upstream refuses', 12);
sleep 1 for 1 .. 3;                         # its own probes are refused, too
$erp{shared}->start;
wait_is(sub { states(1 .. 4) }, 'up up up up', 'all but one are up again', 30);
is(state('late'), 'down', '... which is down');
is($ups->(), $before, '... and was not said to answer');


# the worker that leads leaves with probes on their way: no socket is left

$_->freeze for values %erp;
wait_is(sub { state('idle') }, 'down', 'probes are on their way', 15);

my $began = time;

ok($nginx->stop, 'QUIT with them');
# a probe that it waits for takes ten seconds; a second is the promise
diag(sprintf 'QUIT took %.1f s', time - $began);
cmp_ok(time - $began, '<', 5, '... at once');

done_testing;
