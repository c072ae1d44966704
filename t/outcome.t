# Prevents a request that counts as what it was not: one case a line, exact
# counts of the application's axis, over HTTP/1.1 and HTTP/2.

use strict;
use warnings;

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(free_port);
use Soporte::Test;

my $erp = Soporte::ErpNext->new(sites => { 'acme.test' => 'up',
                                           'leer.test' => 'readonly' });
my $gone = free_port();

my $nginx = Soporte::Nginx->new(
    vars => { ERP => $erp->addr, GONE => $gone },
    conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=outcome:4m file=%%PREFIX%%/shm;
    log_format outcome '$arg_case $soporte_request_outcome';
    limit_req_zone $server_name zone=one:1m rate=1r/m;
    limit_conn_zone $server_name zone=conn:1m;
    proxy_cache_path %%PREFIX%%/cache keys_zone=cache:1m;
    proxy_http_version 1.1;
    proxy_set_header Host acme.test;
    proxy_set_header Connection $http_connection;
    proxy_set_header Upgrade $http_upgrade;
    proxy_read_timeout 300ms;
    client_header_timeout 1s;
    upstream twice { server 127.0.0.1:%%GONE%% max_fails=0;
                     server %%ERP%% backup; }
    upstream none { server 127.0.0.1:%%GONE%%; }

    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        server_name acme.test;
        access_log %%PREFIX%%/access.log outcome;
        soporte acme;
        location / { proxy_pass http://%%ERP%%; }
        location /unbuffered/ { proxy_buffering off;
                                proxy_pass http://%%ERP%%/; }
        location /gone { proxy_pass http://none; }
        location /retry/ { proxy_next_upstream error;
                           proxy_pass http://twice/; }
        location /ok200/ { proxy_intercept_errors on; error_page 500 =200 /fine;
                           proxy_pass http://%%ERP%%/; }
        location = /fine { return 200 fine; }
        location /other/ { proxy_intercept_errors on; error_page 500 = @other;
                           proxy_pass http://%%ERP%%/; }
        location @other { proxy_pass http://%%ERP%%; }
        location /accel { proxy_pass http://%%ERP%%/private/files/x.txt;
                          proxy_set_header X-Use-X-Accel-Redirect True; }
        location /auth/ { auth_request /check; mirror /check;
                          proxy_pass http://%%ERP%%/; }
        location = /check { internal; proxy_pass_request_body off;
                            proxy_set_header Content-Length "";
                            proxy_set_header Host acme.test;
                            proxy_pass http://%%ERP%%/api/method/ping; }
        location /limited { limit_req zone=one; limit_req_status 503;
                            proxy_pass http://%%ERP%%/api/method/ping; }
        location /drop { return 444; }
        location /static { return 200 here; }
        location /file { root %%PREFIX%%; }
        location /small { client_max_body_size 1;
                          proxy_pass http://%%ERP%%; }
        location /leer/ { proxy_set_header Host leer.test;
                          proxy_pass http://%%ERP%%/; }
        location /cached { proxy_cache cache; proxy_cache_valid 200 1m;
                           proxy_ignore_headers Cache-Control Set-Cookie;
                           proxy_pass http://%%ERP%%/api/method/ping; }
        location /off { soporte off; proxy_pass http://%%ERP%%/app; }
        location /shut { soporte_maintenance 1; proxy_pass http://%%ERP%%; }
    }
    server {
        listen 127.0.0.1:%%PORT_M%%;
        location / { soporte_metrics; }
    }
}
END

my $addr = $nginx->addr;
my $metrics = $nginx->addr('M');


sub counts {
    my $text = get($metrics, '/')->{body};

    return map {
        $text =~ /requests_total\{tenant="acme",result="$_"\} (\d+)/ ? $1 : -1
    } qw(good hard soft excluded);
}


# counted when the log phase is over, that is after the response

my $cases = 0;

sub counts_as {
    my ($name, $expected, $do) = @_;

    my @before = counts();
    my $index = { good => 0, hard => 1, soft => 2, excluded => 3 }->{$expected};

    $do->();
    $cases++;

    my @now;

    eval {
        wait_for(sub {
            @now = counts();
            return grep { $now[$_] != $before[$_] } 0 .. 3;
        }, 3);
    };

    my @grown = map { $now[$_] - $before[$_] } 0 .. 3;
    my @should = map { $_ == $index ? 1 : 0 } 0 .. 3;

    is("@grown", "@should", "$expected: $name");
}


my @stand = ('X-Stand-In');

# name, path, X-Stand-In, expected; over both versions

for my $row (
    ['an answer',                 '/api/method/ping',  undef,          'good'],
    ['401',                       '/app',              'status=401',   'good'],
    ['403',                       '/app',              'status=403',   'good'],
    ['404',                       '/app',              'status=404',   'good'],
    ['417',                       '/app',              'status=417',   'good'],
    ['429 of the application',    '/app',              'status=429',   'good'],
    ['500',                       '/app',              'status=500',   'soft'],
    ['501',                       '/app',              'status=501',   'good'],
    ['502 of the application',    '/app',              'status=502',   'hard'],
    ['503',                       '/app',              'status=503',   'hard'],
    ['504 of the application',    '/app',              'status=504',   'hard'],
    ['505',                       '/app',              'status=505',   'good'],
    ['508, a deadlock',           '/app',              'status=508',   'soft'],
    ['refused',                   '/gone',             undef,          'hard'],
    ['a read timeout',            '/app',              'hang',         'hard'],
    ['no status line',            '/app',              'garbage',      'hard'],
    ['closed without a word',     '/app',              'close',        'hard'],
    ['a body cut short',          '/app',              'cut=200',      'hard'],
    ['... unbuffered',            '/unbuffered/app',   'cut=200',      'hard'],
    ['... in chunks',             '/app',              'cut=200,chunked', 'hard'],
    ['... by a reset',            '/app',              'cut=200,reset', 'hard'],
    ['a whole body, unbuffered',  '/unbuffered/app',   'size=50000',   'good'],
    ['error_page 500 =200',       '/ok200/app',        'status=500',   'soft'],
    ['error_page to another',     '/other/app',        'status=500',   'soft'],
    ['a retry that went well',    '/retry/app',        undef,          'good'],
    ['X-Accel-Redirect',          '/accel',            undef,          'good'],
    ['auth_request and mirror',   '/auth/app',         undef,          'good'],
    ['413',                       '/small',            undef,          'excluded'],
    ['a static answer',           '/static',           undef,          'excluded'],
    ['a file that is not there',  '/file/x',           undef,          'excluded'],
    ['our own 503',               '/shut',             undef,          'excluded'],
    ['read-only, 503',            '/leer/api/x',       'write',        'soft'])
{
    my ($name, $path, $stand, $expected) = @$row;

    my @headers = defined $stand && $stand ne 'write' ? (@stand, $stand) : ();
    my ($method, $body) = ($path eq '/small' || ($stand // '') eq 'write')
                          ? ('POST', 'doc=1') : ('GET', undef);

    push @headers, 'Content-Type' => 'application/x-www-form-urlencoded'
        if $body;

    counts_as($name, $expected, sub {
        request($addr, $method, $path, $body, @headers);
    });

    my @curl;
    my @rest = @headers;

    while (my ($header, $value) = splice @rest, 0, 2) {
        push @curl, '-H', "$header: $value";
    }

    counts_as("$name, HTTP/2", $expected, sub {
        curl('--http2-prior-knowledge', @curl, $body ? ('-d', $body) : (),
             'http://' . $nginx->addr('H2') . $path);
    });
}


# by hand

counts_as('HEAD', 'good', sub {
    request($addr, 'HEAD', '/app', undef);
});

counts_as('a client that leaves at once', 'excluded', sub {
    my $c = Soporte::Http->connect($addr);
    $c->send("GET /app HTTP/1.1\r\nHost: acme.test\r\nX-Stand-In: delay=0.2"
             . "\r\n\r\n");
    select undef, undef, undef, 0.05;
    $c->abort;
});

counts_as('a WebSocket, at its handshake', 'good', sub {
    my $c = Soporte::Http->connect($addr);
    $c->send("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
             . "Host: acme.test\r\nUpgrade: websocket\r\n"
             . "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             . "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
    is($c->response->{status}, 101, 'the handshake');
    $c->close;
});

select undef, undef, undef, 0.5;
my @then = counts();
select undef, undef, undef, 0.5;
is("@{[counts()]}", "@then", 'the end of a tunnel counts nothing');

counts_as('the first of a limit', 'good', sub { get($addr, '/limited') });
counts_as('refused by the limit', 'excluded', sub { get($addr, '/limited') });

get($addr, '/cached');
my @cached = counts();
is(get($addr, '/cached')->{status}, 200, 'from the cache');
wait_is(sub { my @now = counts(); $now[3] - $cached[3] + $now[0] - $cached[0] },
        1, 'a cache hit is one sample');
is((counts())[0], $cached[0], '... but none of the application');

counts_as('444', 'excluded', sub { get($addr, '/drop') });

counts_as('HTTP/0.9', 'good', sub {
    my $c = Soporte::Http->connect($addr);
    $c->send("GET /app\r\n");
    $c->rest;
});


# never a tenant's

my @before = counts();

for my $bytes ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "nonsense\r\n\r\n",
               "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a", '')
{
    my $c = Soporte::Http->connect($addr);
    $c->send($bytes);
    select undef, undef, undef, 0.02;
    $c->close;
}

get($addr, '/off');
select undef, undef, undef, 0.3;
is("@{[counts()]}", "@before", 'broken requests and soporte off: nothing');


# the log says the same, on the same request

get($addr, '/app?case=one', 'X-Stand-In' => 'status=500');
get($addr, '/static?case=two');
get($addr, '/app?case=three', 'X-Stand-In' => 'cut=100');
wait_is(sub {
    my ($text) = slurp($nginx->prefix . '/access.log');
    join ' ', $text =~ /^((?:one|two|three) \w+)$/mg;
}, 'one soft two excluded three hard', '$soporte_request_outcome');

cmp_ok($cases, '>', 60, 'so many cases were counted');

done_testing;
