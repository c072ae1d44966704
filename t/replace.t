# Prevents a bare 502, and just as much a page of ours over what an application
# or an operator's fallback said: which failures give way, to what, and how
# they are counted.

use strict;
use warnings;

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(free_port wait_for);
use Soporte::Test;

my $erp = Soporte::ErpNext->new(sites => {
    'acme.test' => 'up', 'cerrada.test' => 'maintenance', 'leer.test' =>
    'readonly' });

my $nginx = Soporte::Nginx->new(
    vars => { ERP => $erp->addr, GONE => '127.0.0.1:' . free_port() },
    files => { 'html/50x.html' => 'the operator\'s page',
               'html/long.html' => 'long ' x 60_000 },
    conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=replace:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_portal /soporte;
    proxy_set_header Host acme.test;
    proxy_set_header X-Stand-In $http_x_stand_in;
    proxy_connect_timeout 2s;
    proxy_read_timeout 300ms;
    map $http_x_operator $operator { default ""; ana 1; }
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        server_name acme.test;
        soporte acme;
        soporte_bypass $operator;
        root %%PREFIX%%/html;
        location / { proxy_pass http://%%ERP%%; }
        location /thin/ { proxy_buffering off; proxy_pass http://%%ERP%%/; }
        location /gone { proxy_pass http://%%GONE%%; }
        location /api/gone { proxy_pass http://%%GONE%%; }
        location /page/ { error_page 502 504 /50x.html;
            proxy_pass http://%%GONE%%; }
        location /api/page { error_page 502 504 /50x.html;
            proxy_pass http://%%GONE%%; }
        location = /50x.html { internal; }
        location /taken/ { proxy_intercept_errors on;
            error_page 502 504 /50x.html; proxy_pass http://%%ERP%%/; }
        location /fine { error_page 502 =200 /50x.html;
            proxy_pass http://%%GONE%%; }
        location /kept { error_page 502 @other; proxy_pass http://%%GONE%%; }
        location /dead { error_page 502 @dead; proxy_pass http://%%GONE%%; }
        location @other { proxy_pass http://%%ERP%%; }
        location @dead { proxy_pass http://%%GONE%%; }
        location /long { proxy_pass http://127.0.0.1:%%PORT_B%%; }
        location /thinlong { proxy_buffering off;
            proxy_pass http://127.0.0.1:%%PORT_B%%; }
        location /raw { return 502 "by configuration"; }
        location /off/ { soporte_page incident off;
            proxy_pass http://%%GONE%%; }
        location /dry/ { soporte_dry_run on; proxy_pass http://%%GONE%%; }
        location /none/ { soporte off; proxy_pass http://%%GONE%%; }
        location /packed/ { gzip on; gzip_min_length 1; gzip_types *;
            proxy_pass http://%%GONE%%; }
        location /added/ { add_header X-Added yes always;
            proxy_pass http://%%GONE%%; }
        location /metrics { soporte_metrics; }
    }
    server {
        listen 127.0.0.1:%%PORT_B%%;
        root %%PREFIX%%/html;
        error_page 404 =502 /long.html;
        location = /long.html { internal; }
    }
    server {
        listen 127.0.0.1:%%PORT_C%%;
        soporte cerrada;
        proxy_set_header Host cerrada.test;
        location / { proxy_pass http://%%ERP%%; }
        location /thin/ { proxy_buffering off; proxy_pass http://%%ERP%%/; }
        location /off/ { soporte_page incident off;
            proxy_pass http://%%ERP%%/; }
    }
    server {
        listen 127.0.0.1:%%PORT_L%%;
        soporte leer;
        proxy_set_header Host leer.test;
        location / { proxy_pass http://%%ERP%%; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
    }
}
END

my $addr = $nginx->addr;
my $control = 'unix:' . $nginx->prefix . '/control.sock';
my @xhr = (Accept => 'application/json', 'X-Requested-With' =>
           'XMLHttpRequest');


sub hard {
    my ($tenant) = @_;

    return get($control, "/v1/tenants/$tenant")->json->{requests}{hard};
}


sub is_page {
    my ($r, $name) = @_;

    is($r->{status}, 503, "$name: 503");
    is($r->header('Content-Type'), 'text/html; charset=utf-8', '... a page');
    like($r->{body} // '', qr/No eres tú ni tu internet/, '... that says so')
        if ($r->{body} // '') ne '';
    like($r->header('Retry-After') // '', qr/^\d+$/, '... Retry-After');
    is(join('|', $r->values('Cache-Control')), 'no-store', '... no-store');
    is($r->header('ETag'), undef, '... no ETag');
    is($r->header('Accept-Ranges'), undef, '... no ranges');
}


# from the first one on; nginx's own, through error_page, and of an upstream

is_page(get($addr, '/gone'), 'refused');
is_page(get($addr, '/app', 'X-Stand-In' => 'hang'), 'a read timeout');
is_page(get($addr, '/app', 'X-Stand-In' => 'close'), 'closed');
is_page(get($addr, '/page/x'), 'by error_page to a file');
is_page(get($addr, '/app', 'X-Stand-In' => 'status=502'), 'said by a proxy');
is_page(get($addr, '/app', 'X-Stand-In' => 'status=504'), 'its 504');
is_page(get($addr, '/thin/app', 'X-Stand-In' => 'status=502'), 'unbuffered');
is_page(get($addr, '/taken/app', 'X-Stand-In' => 'status=502'),
        'intercepted');
is_page(get($addr, '/dead'), 'a fallback that fails, too');
is_page(get($addr, $_), "a long one: $_") for '/long', '/thinlong';

is(get($addr, '/added/x')->header('X-Added'), 'yes', 'add_header always');

my $r = curl('--compressed', 'http://' . $addr . '/packed/x');
is($r->{status}, 503, 'gzip: 503');
like($r->{body}, qr/No eres tú/, '... a page');

for my $method (qw(POST PUT OPTIONS DELETE)) {
    is_page(request($addr, $method, '/gone', 'x' x 100), $method);
    is_page(request($addr, $method, '/app', 'x' x 100,
                    'X-Stand-In' => 'status=502'), "$method, said");
}

for my $path ('/gone', '/page/x') {
    $r = request($addr, 'HEAD', $path);
    is_page($r, "HEAD $path");
    is($r->{body}, '', '... no body');
    cmp_ok($r->header('Content-Length'), '>', 1000, '... its length');
}

for my $header (['Range', 'bytes=0-9'], ['If-None-Match', '*'],
                ['If-Modified-Since', 'Mon, 23 Nov 2026 00:00:00 GMT'])
{
    is_page(get($addr, $_, @$header), "$header->[0] $_")
        for '/gone', '/page/x';
}

my $upload = request($addr, 'POST', '/gone', 'x' x 900_000);
is_page($upload, 'an upload');

for my $path ('/gone', '/page/x', '/kept') {
    $r = curl('--http2-prior-knowledge', 'http://' . $nginx->addr('H2')
              . $path);
    is($r->{status}, $path eq '/kept' ? 502 : 503, "HTTP/2 $path");
}

$r = get($addr, '/gone', Upgrade => 'websocket', Connection => 'Upgrade');
is_page($r, 'an upgrade');

my $c = Soporte::Http->connect($addr);
is_page($c->ask('GET', '/gone'), 'a kept connection');
is_page($c->ask('GET', '/app', undef, 'X-Stand-In' => 'status=502'),
        '... again');
is($c->ask('GET', '/api/method/ping')->{status}, 200, '... goes on');
$c->close;


# the desk gets what it can show, also where error_page changed the path

for my $path ('/api/gone', '/api/page') {
    $r = get($addr, $path);
    is($r->{status}, 503, "$path: 503");
    is($r->header('Content-Type'), 'application/json', '... JSON');
    is($r->json->{exc_type}, 'SessionStopped', '... as Frappe says it');
}

for my $path ('/gone', '/page/x', '/app') {
    $r = get($addr, $path, @xhr, 'X-Stand-In' => 'status=502');
    is($r->{status}, 503, "desk $path: 503");
    is($r->header('Content-Type'), 'application/json', '... JSON');
}


# never

for my $row (['/fine',      200, qr/the operator/,    'error_page =200'],
             ['/kept',      502, qr/ERPNext|<title>/, 'a fallback\'s body'],
             ['/raw',       502, qr/by configur/,     'return 502'],
             ['/off/x',     502, qr/Bad Gateway/,     'the page is off'],
             ['/dry/x',     502, qr/Bad Gateway/,     'a dry run'],
             ['/none/x',    502, qr/Bad Gateway/,     'nobody\'s'])
{
    my ($path, $status, $body, $name) = @$row;
    $r = get($addr, $path);
    is($r->{status}, $status, "$name: $status");
    like($r->{body}, $body, '... as it was');
    unlike($r->{body}, qr/No eres tú/, '... not ours');
}

for my $status (500, 501, 505, 508) {
    $r = get($addr, '/app', 'X-Stand-In' => "status=$status");
    is($r->{status}, $status, "an application's own $status stays");
    unlike($r->{body}, qr/No eres tú/, '... with its body');
}

$r = request($nginx->addr('L'), 'POST', '/api/x', '{}', @xhr);
is($r->{status}, 503, 'read only: 503');
is($r->json->{exc_type}, 'InReadOnlyMode', '... of the application');

$r = get($addr, '/gone', 'X-Operator' => 'ana');
is($r->{status}, 502, 'operators see it as it is');
is(get($addr, '/gone', 'X-Operator' => 'eva')->{status}, 503, '... they alone');


# Frappe's own maintenance, that nobody announced

for my $path ('/app', '/thin/app') {
    $r = get($nginx->addr('C'), $path);
    is($r->{status}, 503, "Frappe's maintenance $path: 503");
    like($r->{body}, qr/no lo habíamos anunciado/, '... says why');
    unlike($r->{body}, qr/being updated/, '... not Frappe\'s page');

    $r = get($nginx->addr('C'), $path, @xhr);
    like($r->json->{_server_messages} // '', qr/actualiza/, '... to the desk');
}

is(request($nginx->addr('C'), 'HEAD', '/app')->{status}, 503, 'HEAD: 503');
like(get($nginx->addr('C'), '/off/app')->{body}, qr/being updated/,
     'Frappe\'s page where ours is off');


# counted as what the application did

my $before = hard('acme');
get($addr, $_) for '/gone', '/page/x', '/fine', '/kept';
get($addr, '/app', 'X-Stand-In' => 'status=502');
wait_for(sub { hard('acme') >= $before + 5 }, 10, 'the counters');
is(hard('acme'), $before + 5, 'five failures are five');
cmp_ok(get($addr, '/metrics')->{body} =~ /page="incident"\} (\d+)/ && $1, '>=',
       40, 'pages are counted');


done_testing;
