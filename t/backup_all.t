# Prevents a word about the backups of all, thousands of tenants, that stops the
# worker, reaches some of them, or is lost to history at a reload.

use strict;
use warnings;

use IO::Select;
use JSON::PP qw(encode_json);
use Time::HiRes qw(time sleep);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Test;

my $many = 600;
my $pg = Soporte::Postgres->new;

my $nginx = Soporte::Nginx->new(vars => { PG => $pg->conninfo },
                                files => { x => '' },
                                conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    keepalive_requests 100000;
    soporte_zone zone=backups:16m file=%%PREFIX%%/shm;
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


sub ask {
    my ($part, %more) = @_;

    my $json = encode_json({ part => $part, %more });

    return "POST /v1/tenants/*/backup HTTP/1.1\r\nHost: x\r\n"
           . "Content-Type: application/json\r\nContent-Length: "
           . length($json) . "\r\n\r\n$json";
}


sub known {
    my ($part) = @_;

    return scalar(() = get($socket, '/metrics/tenants')->{body}
                       =~ /^soporte_backup_last_success_[^{]*\{[^}]*"$part"/mg);
}


sub counted {
    my ($where) = @_;

    return $pg->value("SELECT count(*) FROM soporte.backup_report
                       WHERE $where");
}


sub killed {
    my %old = map { $_ => 1 } $nginx->workers;

    $nginx->signal('KILL', keys %old);
    wait_for(sub { grep { !$old{$_} } $nginx->workers }, 10, 'a new worker');
}


my $visit = Soporte::Http->connect($nginx->addr)->timeout(30);

for (my $from = 1; $from <= $many; $from += 200) {
    $visit->send(map { "GET /x?t=t$_ HTTP/1.1\r\nHost: x\r\n\r\n" }
                 $from .. $from + 199);
    $visit->response for 1 .. 200;
}


# one worker: what is asked after it is answered before, in one of some tries

my $c = Soporte::Http->connect($socket)->timeout(30);
my ($between, $status) = (0, '');

for (1 .. 5) {
    $c->send(ask('database', finished_at => '2026-11-01T00:00:00Z'));
    $visit->send("GET /x?t=t1 HTTP/1.1\r\nHost: x\r\n\r\n");
    $visit->response;

    $between++ if !IO::Select->new($c->socket)->can_read(0);
    $status .= $c->response->{status} . ' ';
}

is($status, '204 ' x 5, 'all are told, five times');
cmp_ok($between, '>', 0, '... and another request is answered between');
is(known('database'), $many, 'each of them knows when it is answered');


# the worker that was told is killed at once: it is filed none the less

killed();
wait_is(sub { counted("part = 'database' AND ok") }, $many,
        'history has all of it, after a kill', 60);


# reloads right after, one after the other

$c = Soporte::Http->connect($socket)->timeout(30);
$c->send(ask('files', finished_at => '2026-11-02T00:00:00Z'));
is($c->response->{status}, 204, 'all are told of files');
is(known('files'), $many, '... and know');
$nginx->reload for 1 .. 3;
wait_is(sub { counted("part = 'files' AND ok") }, $many,
        'history has all of it, after reloads', 60);


# what failed, and an older one: an event each, and the state stays

$c = Soporte::Http->connect($socket)->timeout(60);
$c->send(ask('files', ok => JSON::PP::false));
is($c->response->{status}, 204, 'all have failed');
wait_is(sub { counted("part = 'files' AND NOT ok") }, $many,
        '... which history knows', 60);
is(known('files'), $many, 'the last good one stands');
$c->send(ask('files', finished_at => '2026-10-01T00:00:00Z'));
$c->response;
wait_is(sub { counted("finished_at < '2026-10-15'") }, $many,
        'an older one is history, too', 60);

is(counted('true'), 4 * $many, 'nothing more than was said');
is(get($socket, '/metrics')->{body}
   =~ /^soporte_events_total\{result="lost"\} (\d+)$/m && $1, 0,
   'nothing was lost');
is(() = $nginx->log =~ /lost/g, 0, '... by the log');


# a client that leaves changes nothing

$c = Soporte::Http->connect($socket);
$c->send(ask('files', finished_at => '2026-11-03T00:00:00Z'));
close $c->socket;
wait_is(sub { counted("finished_at = '2026-11-03T00:00:00Z'") }, $many,
        'all are told by a client that left', 60);
$nginx->allow_log(qr/exited on signal 9/);

done_testing();
