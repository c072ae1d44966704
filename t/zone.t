# Prevents a zone that loses count: keys over tenants= go to _other and push
# nobody out, a key is one slot however many workers see it first, and every
# request is counted exactly once.

use strict;
use warnings;

use POSIX ();
use Time::HiRes qw(sleep time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;


# A variable names the tenant; the literal ones come and go with a reload.

sub conf {
    my ($zone, @literal) = @_;

    my $servers = join '', map { <<"END" } @literal;
    server { listen 127.0.0.1:%%PORT_$_%%; soporte $_;
             location / { proxy_pass http://app; } }
END

    return <<"END";
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%HTTP%%
    soporte_zone zone=t:$zone file=%%PREFIX%%/shm;
    upstream app { server 127.0.0.1:%%PORT_APP%%; keepalive 16; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    keepalive_requests 1000000;
    map \$http_x_tenant \$mapped { default \$http_x_tenant; ~^map-(.*) \$1; }
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        soporte \$mapped;
        location / { proxy_pass http://app; }
        location = /pid { soporte off; return 200 \$pid; }
        location /parts/ { soporte p-\$http_x_tenant; proxy_pass http://app; }
    }
    $servers
    server { listen 127.0.0.1:%%PORT_APP%%; return 200 "ok\\n"; }
    server { listen 127.0.0.1:%%PORT_M%%; location / { soporte_metrics; } }
}
END
}


# tenant => { good, hard, soft, excluded }, as all tenants' series say

sub counts {
    my ($nginx) = @_;

    my %n;
    my $text = get($nginx->addr('M'), '/tenants')->{body};

    my $sample = qr/^soporte_requests_\w+\{tenant="(.*?)",result="(\w+)"\} (\d+)/m;

    while ($text =~ /$sample/g) {
        fail("told of twice: $1") if exists $n{$1}{$2};
        $n{$1}{$2} = $3;
    }

    return \%n;
}


sub good {
    my ($nginx, $tenant) = @_;

    return counts($nginx)->{$tenant}{good};
}


sub metric {
    my ($nginx, $name) = @_;

    my ($n) = get($nginx->addr('M'), '/')->{body} =~ /^$name (\d+)/m;

    return $n;
}


sub full { scalar(() = $_[0]->log =~ /soporte_zone "t" is full/g) }


# few places: five in all, two of them taken by literal tenants

my $small = Soporte::Nginx->new(workers => 2,
                                conf => conf('4m tenants=5', qw(uno dos)));
$small->start;

my $addr = $small->addr;

is_deeply([sort keys %{counts($small)}], [qw(_other dos uno)],
          'literal tenants are there from the start');

my %sent;

sub ask {
    my ($key, $as, $path) = @_;

    my $r = get($addr, $path // '/', 'X-Tenant' => $key);

    $sent{$as}++ if defined $as;

    return $r->{status};
}

# the fourth and all further ones find no place; nobody notices

for my $round (1 .. 3) {
    for my $n (1 .. 8) {
        is(ask("d$n", $n > 3 ? '_other' : "d$n"), 200, "d$n is served");
    }
}

my $overflow = $sent{_other};

is(full($small), 1, 'one line in the log, whichever worker, however many keys');

# what is one key in other letters, or comes by a map

is(ask('D1', 'd1'), 200, 'upper case');
is(ask('map-d2', 'd2'), 200, 'mapped');

# what is none

for my $row (['a blank', 'a b'], ['a slash', 'a/b'], ['a colon', 'a:1'],
             ['a letter of two bytes', "\xc3\xb1"], ['a byte', "\xff"],
             ['a quote', 'a"b'], ['a star', '*'], ['65 bytes', 'x' x 65],
             ['4,000 bytes', 'x' x 4000], ['the name of the rest', '_other'],
             ['... in capitals', '_OTHER'])
{
    my ($name, $key) = @$row;

    is(ask($key, '_other'), 200, "no key: $name");
}

# what is off

is(ask(undef, undef), 200, 'no value');
is(ask('', undef), 200, 'an empty value');
is(ask('map-', undef), 200, 'mapped to an empty value');

wait_is(sub { good($small, '_other') }, $sent{_other}, 'the rest is counted');

my $now = counts($small);

is_deeply([sort keys %$now], [qw(_other d1 d2 d3 dos uno)], 'no other tenant');
is($now->{$_}{good}, $sent{$_}, "exactly: $_") for qw(d1 d2 d3);
is($now->{$_}{good}, 0, "nothing: $_") for qw(uno dos);
is(metric($small, 'soporte_overflow_requests_total'), $overflow,
   'requests that found no place');
is(full($small), 1, 'still one line');

# literal tenants get a place in a zone that keys of variables filled

get($small->addr('uno'), '/');
$small->conf(conf('4m tenants=5', qw(uno dos tres cuatro)));
$small->reload(1);

get($small->addr($_), '/') for qw(tres cuatro cuatro);
wait_is(sub { good($small, 'cuatro') }, 2, 'a literal tenant has a place');
is(good($small, 'tres'), 1, '... and another');
is(good($small, 'uno'), 1, '... and what was there stays');
is(good($small, 'd3'), $sent{d3}, '... that of a variable too');
is(full($small), 1, '... without a word');

# more places, and the rest gets one with its next request

$small->conf(conf('4m tenants=20', qw(uno)));
$small->reload(1);

is(ask('d8', 'd8'), 200, 'more places');
wait_is(sub { good($small, 'd8') }, 1, '... are given');
is(good($small, '_other'), $sent{_other}, '... what was counted stays');
is(good($small, 'dos'), undef, 'a tenant that is gone is not told of');
is(ask('dos', 'dos'), 200, '... until a variable names it');
wait_is(sub { good($small, 'dos') }, 1, '... and is told of again');

# a key of 64 bytes, and one of several parts

is(ask('x' x 64, 'x' x 64), 200, '64 bytes');
wait_is(sub { good($small, 'x' x 64) }, 1, '... are a key');
is(ask('Q', undef, '/parts/'), 200, 'text and a variable');
wait_is(sub { good($small, 'p-q') }, 1, '... are a key');


# many places: two workers that see the same keys first

my $large = Soporte::Nginx->new(workers => 2, conf => conf('8m', qw(uno)));
$large->start;

my @workers = $large->workers;


# connections to one worker

sub connections {
    my ($worker, $n) = @_;

    my @found;

    for (1 .. 400) {
        my $c = Soporte::Http->connect($large->addr);

        $c->send("GET /pid HTTP/1.1\r\nHost: a\r\n\r\n");
        push @found, $c if $c->response->{body} == $worker;

        return @found if @found == $n;
    }

    die "no connection to worker $worker";
}


# requests in one go, how many were answered by 200

sub answered {
    my ($c, @keys) = @_;

    my $n = 0;

    while (my @some = splice @keys, 0, 200) {
        $c->send(map { "GET / HTTP/1.1\r\nHost: a\r\nX-Tenant: $_\r\n\r\n" }
                 @some);
        $n += grep { ($c->response // last)->{status} == 200 } @some;
    }

    return $n;
}


# each code in a process of its own, all begin at the same moment: their sum

sub at_once {
    my @codes = @_;

    my $begin = time + 0.3;
    my @pipes;

    for my $code (@codes) {
        my $pid = open(my $pipe, '-|') // die "fork: $!";

        if (!$pid) {
            sleep 0.001 while time < $begin;
            syswrite STDOUT, $code->();
            POSIX::_exit(0);
        }

        push @pipes, $pipe;
    }

    my $sum = 0;
    $sum += <$_> // 0 for @pipes;

    return $sum;
}


my $rounds = 6;
my $keys = 50;
my @pair = map { [connections($_, $rounds)] } @workers;

is(at_once(map {
    my $mine = $_;
    sub {
        my $n = 0;

        for my $round (0 .. $rounds - 1) {
            my $first = $round * $keys;
            $n += answered($mine->[$round],
                           map { "r$_" } $first .. $first + $keys - 1);
        }

        return $n;
    }
} @pair), 2 * $rounds * $keys, 'new keys in two workers at once: answered');

wait_is(sub {
    my $n = 0;
    $n += $_->{good} for values %{counts($large)};
    return $n;
}, 2 * $rounds * $keys, '... counted');

$now = counts($large);

is(scalar(grep { /^r\d+$/ } keys %$now), $rounds * $keys, '... one slot each');
is_deeply([grep { /^r\d/ && $now->{$_}{good} != 2 } sort keys %$now], [],
          '... and two requests in each');
is($now->{_other}{good}, 0, '... none in the rest');


# 40,000 requests, over two workers, of ten tenants

my $each = 10_000;
my @load = map { connections($_, 2) } @workers;
my $before = metric($large, 'soporte_request_duration_seconds_count');

is(at_once(map {
    my $c = $_;
    sub { answered($c, map { 't' . $_ % 10 } 1 .. $each) }
} @load), 4 * $each, 'many requests: answered');

wait_is(sub {
    metric($large, 'soporte_request_duration_seconds_count') - $before
}, 4 * $each, '... in the histogram, exactly');

$now = counts($large);

is($now->{"t$_"}{good}, 4 * $each / 10, "... counted, exactly: t$_") for 0 .. 9;

for my $result (qw(hard soft excluded)) {
    is_deeply([grep { $now->{$_}{$result} } sort keys %$now], [],
              "... and nothing is $result");
}

my %pid = map { $_ => 1 } $large->workers;
is_deeply([sort keys %pid], [sort @workers], 'the same workers all along');

done_testing;
