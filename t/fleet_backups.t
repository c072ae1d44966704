# Prevents a backup that only the node knows which was told of it: because Redis
# was away then, or forgot, or was told of one that failed since; and one that
# the others take for bad.

use strict;
use warnings;

use JSON::PP qw(encode_json);
use POSIX qw(strftime);
use Time::HiRes qw(time sleep);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Redis;
use Soporte::Test;

my $many = 300;
my $redis = Soporte::Redis->new;


sub node {
    my ($name) = @_;

    my $nginx = Soporte::Nginx->new(vars => { NAME => $name,
                                              REDIS => $redis->url },
                                    files => { x => '' },
                                    conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    keepalive_requests 100000;
    soporte_zone zone=backups:8m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_redis %%REDIS%% timeout=500ms;
    soporte_node %%NAME%%;
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

    my $visit = Soporte::Http->connect($nginx->addr);
    $visit->ask('GET', "/x?t=t$_") for 1 .. $many;

    return $nginx;
}


sub control {
    my ($node, $method, $path, $body) = @_;

    return request('unix:' . $node->prefix . '/control.sock', $method, $path,
                   $body && encode_json($body),
                   'Content-Type' => 'application/json');
}


sub metrics { control($_[0], 'GET', '/metrics')->{body} }

sub up {
    my ($node) = @_;

    return metrics($node) =~ /^soporte_store_up\{store="redis"\} (\d)$/m
           ? $1 : '';
}


# of how many tenants the node knows a part

sub known {
    my ($node, $part) = @_;

    return scalar(() = metrics($node)
                       =~ /^soporte_backup_last_success_[^{]*\{[^}]*"$part"/mg);
}


sub state {
    my ($node, $tenant, $part) = @_;

    my $b = control($node, 'GET', "/v1/tenants/$tenant")->json->{backup};

    return $b ? $b->{$part}{state} : '';
}


sub told {
    my ($node, $tenant, $part, @more) = @_;

    my $r = control($node, 'POST', "/v1/tenants/$tenant/backup",
                    { part => $part, @more });

    return $r->{status} =~ /^20/ ? 1 : 0;
}


sub ago { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time - $_[0])) }


my ($one, $two) = (node('one'), node('two'));

wait_is(sub { up($_) }, 1, 'with Redis') for $one, $two;


# nobody said how large it is

ok(told($one, 't1', 'database'), 'a backup without its size');
wait_is(sub { state($two, 't1', 'database') }, 'ok', '... is good elsewhere');


# one of nothing is no good one anywhere

ok(told($one, 't4', 'database', bytes => 0), 'an empty backup');
wait_is(sub { state($two, 't4', 'database') }, 'suspect',
        '... is suspect elsewhere, too');
is(state($one, 't4', 'database'), 'suspect', '... as it is here');


# who first hears of one that failed still believes the next

ok(told($one, 't5', 'database', ok => JSON::PP::false), 'a failed backup');
wait_is(sub { state($two, 't5', 'database') }, 'none', '... is heard of');
sleep 1;
ok(told($one, 't5', 'database', bytes => 1000), 'then a good one');
wait_is(sub { state($two, 't5', 'database') }, 'ok', '... is believed');


# one that failed since then does not take it from who begins later

ok(told($one, 't6', 'database', bytes => 1000, finished_at => ago(7200)),
   'a good backup');
ok(told($one, 't6', 'database', ok => JSON::PP::false), '... then a failed one');
wait_is(sub { state($two, 't6', 'database') }, 'ok', '... is good elsewhere');

my $late = node('late');

wait_is(sub { state($late, 't6', 'database') }, 'ok',
        '... and at a node that begins now');
ok($late->stop, '... which leaves');


# while Redis is away one is told of all, in one go

$redis->stop('KILL');
wait_is(sub { up($_) }, 0, 'Redis is gone') for $one, $two;

ok(told($one, '*', 'files'), 'all are told');
ok(told($one, 't2', 'database', bytes => 1000), '... and one of its own');
is(known($one, 'files'), $many, 'known here');
is(known($two, 'files'), 0, '... and not there');

$redis->start;

my $start = time;

wait_is(sub { known($two, 'files') }, $many, 'Redis is back: all of it', 2);
wait_is(sub { known($two, 'database') }, 5, '... and that of one', 2);
note sprintf 'after %.1f s', time - $start;
is(state($two, 't2', 'database'), 'ok', 'it is good');
is(state($two, 't9', 'files'), state($one, 't9', 'files'), 'as it is here');


# Redis forgets all; whoever knows tells, also who only heard of it

ok($one->stop, 'the node that was told is gone');
$redis->command('FLUSHALL');
$start = time;
wait_is(sub { $redis->command('HLEN', 'soporte:board') }, $many + 5,
        'Redis knows again', 3);
note sprintf 'after %.1f s', time - $start;

my $new = node('three');

wait_is(sub { known($new, 'files') }, $many, 'a new node learns', 3);


# what is known is not told again: a new leader compares

my $last = sub { $redis->command('XLEN', 'soporte:words') };
my $words = $last->();

unlink $one->prefix . '/control.sock';
$one->start;
$_->reload(1) for $two, $new;
wait_is(sub { up($_) }, 1, 'compared') for $one, $two, $new;
sleep 1;
is($last->(), $words, 'nothing was told twice');

ok(told($one, 't3', 'database', bytes => 2000), 'the next one');
wait_is(sub { known($_, 'database') }, 6, '... arrives') for $two, $new;
is($last->(), $words + 1, '... once');

done_testing();
