# Prevents a word for all that reaches ten thousand tenants one by one, or
# half of them, or only those of the node that got it; and ten thousand words.

use strict;
use warnings;

use JSON::PP qw(encode_json);
use Time::HiRes qw(time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Redis;
use Soporte::Test;

my $many = 10_000;
my $redis = Soporte::Redis->new;


sub node {
    my ($name) = @_;

    return Soporte::Nginx->new(vars => { NAME => $name,
                                         REDIS => $redis->url },
                               conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    keepalive_requests 100000;
    soporte_zone zone=many:48m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_redis %%REDIS%%;
    soporte_node %%NAME%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte $arg_t;
        location / { root %%PREFIX%%; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
        location /metrics { soporte_metrics; }
    }
}
END
}


sub control {
    my ($node, $method, $body) = @_;

    return request('unix:' . $node->prefix . '/control.sock', $method,
                   '/v1/tenants/*/maintenance', $body && encode_json($body),
                   'Content-Type' => 'application/json');
}


# a request of each tenant, a thousand in a row: how many got the status

sub all {
    my ($node, $status) = @_;

    my $c = Soporte::Http->connect($node->addr)->timeout(60);
    my $got = 0;

    for (my $from = 0; $from < $many; $from += 500) {
        $c->send(map { "GET /x?t=t$_ HTTP/1.1\r\nHost: x\r\n\r\n" }
                 $from .. $from + 499);

        for (1 .. 500) {
            my $r = $c->response or return $got;
            $got++ if $r->{status} == $status;
        }
    }

    return $got;
}


sub one {
    my ($node) = @_;

    return get($node->addr, '/x?t=t' . int rand $many)->{status};
}


my @nodes = map { node($_) } qw(one two);

is(all($_, 404), $many, "$many tenants are open") for @nodes;

for my $node (@nodes) {
    wait_is(sub { get('unix:' . $node->prefix . '/control.sock', '/metrics')
                  ->{body} =~ /^soporte_store_up\{store="redis"\} (\d)$/m
                  ? $1 : '' }, 1, 'with Redis');
}

my $start = time;
is(control($nodes[0], 'PUT', { title => 'Todos' })->{status}, 204,
   'all are closed by one word');
is(one($nodes[0]), 503, '... with the next request');
wait_for(sub { one($nodes[1]) == 503 }, 5, 'the other node');
my $took = time - $start;
note sprintf '%d tenants on both nodes after %.1f ms', $many, 1000 * $took;
cmp_ok($took, '<', 1, 'within a second');

is(all($_, 503), $many, 'each of them is closed') for @nodes;

$start = time;
is(control($nodes[1], 'DELETE')->{status}, 204, 'opened by the other');
wait_for(sub { one($nodes[0]) == 404 }, 5, 'the first node');
note sprintf 'opened after %.1f ms', 1000 * (time - $start);

is(all($_, 404), $many, 'each of them is open') for @nodes;


# 10,000 backups of each part are more than the stream holds

for my $part (qw(database files)) {
    my $socket = 'unix:' . $nodes[0]->prefix . '/control.sock';
    my $other = 'unix:' . $nodes[1]->prefix . '/control.sock';
    my $known;

    $start = time;

    is(request($socket, 'POST', '/v1/tenants/*/backup',
               encode_json({ part => $part }),
               'Content-Type' => 'application/json')->{status}, 204,
       "$part of all");
    note sprintf 'said of %d after %.0f ms', $many, 1000 * (time - $start);

    do {
        select undef, undef, undef, 0.3;
        $known = () = get($other, '/metrics/tenants')->{body}
            =~ /^soporte_backup_last_success_[^{]*\{[^}]*"$part"/mg;
    } until $known == $many || time > $start + 30;

    is($known, $many, '... is known at the other');
    note sprintf 'after %.1f s', time - $start;
}

done_testing();
