# Prevents a contract that the page, estado.json, the metrics and PostgreSQL
# tell differently: an upstream that was down for three minutes, planned
# maintenance, a database that was away, a reload, a stop and a kill of all.
#
# Time runs twenty times as fast for nginx (libfaketime), so that minutes are
# seconds here; t/soak/history does the same in real time.

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(sleep time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(spew run top);
use Soporte::Test;

my $speed = $ENV{SOPORTE_SPEED} // 20;
my ($faketime) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';

ok($faketime, 'libfaketime is there');

my $postgres = Soporte::Postgres->new;

my $nginx = Soporte::Nginx->new(
    workers => 2,
    vars    => { CONNINFO => $postgres->conninfo('soporte_nginx') },
    files   => {
        'excluded.json' => <<'END'
{ "promise": { "availability": "99.5", "planned_maintenance": "excluded",
               "announce_hours": 0, "maintenance_cap_minutes": 1 } }
END
    },
    conf    => <<'END'
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=h:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_node n1;
    soporte_postgres "%%CONNINFO%%" timeout=30s;
    soporte_portal /soporte;
    soporte_probe off;
    proxy_connect_timeout 2s;
    server { listen 127.0.0.1:%%PORT_ACME%%; soporte acme;
             location / { proxy_pass http://127.0.0.1:%%PORT_UP%%; } }
    server { listen 127.0.0.1:%%PORT_BETA%%; soporte beta;
             soporte_policy excluded.json;
             location / { proxy_pass http://127.0.0.1:%%PORT_FINE%%; } }
    server { listen 127.0.0.1:%%PORT_FINE%%; soporte off; soporte_portal off;
             return 200 "$msec\n"; }
    server { listen unix:%%PREFIX%%/control.sock; soporte_portal off;
             location / { soporte_control; }
             location /metrics { soporte_metrics; } }
}
END
);

# the upstream, which is stopped and started

my $upstream = Soporte::Nginx->new(conf => <<"END");
%%GLOBALS%%
events { }
http { %%HTTP%% server { listen 127.0.0.1:${\$nginx->port('UP')};
                         return 200 "ok\\n"; } }
END

my $control = 'unix:' . $nginx->prefix . '/control.sock';


my $clock = "+0 x$speed";

sub start {
    local %ENV = %ENV;

    @ENV{qw(LD_PRELOAD FAKETIME FAKETIME_NO_CACHE)} = ($faketime, $clock, 1)
        if $speed > 1;

    unlink $nginx->prefix . '/control.sock';
    $nginx->start;
}


# what time it is for nginx

sub now { get($nginx->addr('FINE'), '/')->{body} + 0 }


# asks both tenants all the time until nginx's clock is there

sub until_then {
    my ($then) = @_;

    while (now() < $then) {
        eval { get($nginx->addr('ACME'), '/') };
        eval { get($nginx->addr('BETA'), '/') };
        sleep 0.01;
    }
}


sub state { get($nginx->addr($_[0]), '/soporte/estado.json')->json }

sub metric {
    my ($name, $tenant) = @_;

    my ($n) = get($control, '/metrics')->{body}
              =~ /^$name\{tenant="$tenant"\} (\S+)/m;

    return $n;
}

# of the contract's month in which it is now for nginx

sub report {
    my ($tenant) = @_;

    my ($r) = $postgres->rows(
        'SELECT r.* FROM soporte.tenant t, LATERAL soporte.month_report('
        . ' t.tenant, (to_timestamp(?) AT TIME ZONE t.zone)::date) r'
        . ' WHERE t.tenant = ?', now(), $tenant);

    return $r;
}

sub filed {
    my ($minute) = @_;

    return $postgres->value('SELECT count(*) FROM soporte.node_minute'
                            . ' WHERE minute >= to_timestamp(?)',
                            $minute * 60);
}


$upstream->start;
start();

# two whole minutes of good answers, to begin with

my $began = int(now() / 60) + 1;
until_then(($began + 2) * 60 + 5);

# three minutes down: of three whole minutes and a part of two others

$upstream->stop;
my $down = now();
until_then($down + 180);
$upstream->start;
my $up = now();
until_then((int($up / 60) + 2) * 60 + 30);

my $state = state('ACME');
my $minutes = $state->{month}{down_seconds} / 60;
my $seconds = $state->{month}{outage_seconds};

cmp_ok($minutes, '>=', 2, "at least two minutes were down: $minutes");
cmp_ok($minutes, '<=', 4, '... and four at most');
cmp_ok(abs($seconds - ($up - $down)), '<=', 5,
       "outage seconds: $seconds of " . ($up - $down));
unlike($state->{month}{availability}, qr/^100/, 'never 100 with a minute down');


# a window that is announced by a word, of a tenant whose contract excludes it

my $window = int(now() / 60) + 1;
my $stamp = sub {
    return POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]);
};

is(request($control, 'POST', '/v1/tenants/beta/maintenances',
           sprintf '{"starts_at": "%s", "ends_at": "%s", "title": "x"}',
           $stamp->($window * 60), $stamp->(($window + 2) * 60))->{status},
   201, 'a window');

my $away = now();

$postgres->stop;
until_then(($window + 3) * 60 + 30);
$postgres->start;

wait_for(sub { filed($window + 2) }, 30, 'the minutes to be filed');


# the same by all, whatever happens to nginx

sub same {
    my ($what) = @_;

    my $last = int(now() / 60);

    wait_for(sub { filed($last - 1) }, 30, 'the last minute to be filed');

    my $month = state('ACME')->{month};
    my $r = report('acme');

    is($month->{down_seconds}, $minutes * 60, "$what: estado.json");
    is($r->{down_seconds}, $minutes * 60, "$what: the report");
    cmp_ok(abs($month->{outage_seconds} - $seconds), '<=', 1,
           "$what: outage seconds");
    cmp_ok(abs($r->{outage_seconds} - $seconds), '<=', 1,
           "$what: ... of the report");
    is($month->{verdict}, $r->{verdict}, "$what: the verdict");
    is($month->{planned_maintenance}, 'counted', "$what: the reading");

    # the budget grows with the month: asked of both at about the same minute

    my $budget = metric('soporte_month_budget_remaining_seconds', 'acme');
    my $spent = $minutes * 60;

    cmp_ok($budget, '<=', -$spent + 1, "$what: the metrics' budget");
    cmp_ok($budget, '>=', -$spent, "$what: ... is that of the minutes down");

    my $page = get($nginx->addr('ACME'), '/soporte/estado')->{body};

    like($page, qr/\b$minutes min\b|\b$minutes\b/, "$what: the page");
    unlike($page, qr/100\.0000 %/, "$what: ... never says 100 %");
    unlike(get($control, '/metrics')->{body},
           qr/availability_ratio\{tenant="acme"\} 1\b(?!\.0*[1-9])/,
           "$what: ... nor do the metrics");
}

same('running');

my $beta = report('beta');

is($beta->{planned_maintenance}, 'excluded', 'a contract that excludes');
is($beta->{target}, '99.5', '... and promises less');
is($beta->{excluded}, 1, '... one minute, up to its cap');
is($beta->{down}, 1, '... the rest of the window counts');

my $month = state('BETA')->{month};

is($month->{planned_maintenance}, 'excluded', 'estado.json says so');
is($month->{target}, '99.5', '... with the target');
is($month->{down_seconds}, 60, '... and the same minutes');
isnt($month->{availability_with_maintenance},
     $month->{availability_without_maintenance}, '... and both readings');
is($month->{availability}, $month->{availability_without_maintenance},
   '... of which the contract\'s is the one');

ok($postgres->value("SELECT count(*) FROM soporte.state_span WHERE tenant ="
                    . " 'beta' AND state = 'maintenance'"),
   'spans of what was not up');
is($postgres->value("SELECT count(*) FROM soporte.outage"), 1, 'one outage');

$nginx->reload(1);
until_then(now() + 70);
same('after a reload');

kill 'KILL', ($nginx->workers)[0];
$nginx->allow_log(qr/exited on signal 9/);
wait_is(sub { scalar($nginx->workers) }, 2, 'a worker was killed');
until_then(now() + 130);
same('after the kill of a worker');

# what the node was away for is down: it may cost a minute, for all the same

my $since = now();
my $real = time;

$nginx->stop;
$clock = sprintf '@%s x%d', POSIX::strftime('%Y-%m-%d %H:%M:%S',
    localtime($since + (time - $real) * $speed)), $speed;
start();
until_then(now() + 150);

my $after = state('ACME')->{month}{down_seconds} / 60;

cmp_ok($after - $minutes, '<=', 1, 'a stop and a start');
$minutes = $after;
same('after a restart');

done_testing;
