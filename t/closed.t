# Prevents a page that nobody can show: while a tenant is closed, people get a
# page, the ERPNext desk gets its JSON, crawlers and certificates go on, and
# operators see the site.

use strict;
use warnings;

use Digest::SHA qw(sha256_base64);
use JSON::PP qw(encode_json);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;

my $erp = Soporte::ErpNext->new(sites => { 'acme.test' => 'up' });

my $nginx = Soporte::Nginx->new(vars => { ERP => $erp->addr },
                                files => { 'own.html' => 'own {{tenant.key}}' },
                                conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=closed:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_portal /soporte;
    map $http_x_close $close { default $http_x_close; }
    map $remote_addr $operator { default ""; 127.0.0.2 1; }
    proxy_set_header Host acme.test;
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        soporte acme;
        soporte_maintenance $close;
        error_page 503 /operator.html;
        location / { proxy_pass http://%%ERP%%; }
        location /page/ { soporte_bypass $operator $arg_sesame;
            proxy_pass http://%%ERP%%/; }
        location /own { soporte_page maintenance %%PREFIX%%/own.html;
            proxy_pass http://%%ERP%%; }
        location /dry { soporte_dry_run on; proxy_pass http://%%ERP%%/app; }
        location /sub { auth_request /api/method/ping;
            proxy_pass http://%%ERP%%/app; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
    }
}
END

my $addr = $nginx->addr;
my $control = 'unix:' . $nginx->prefix . '/control.sock';
my @closed = ('X-Close' => 1);


# what the desk shows: JSON within JSON, of characters

sub dialog {
    my ($r) = @_;

    my $json = JSON::PP->new;

    return $json->decode($json->decode($r->{_server_messages})->[0]);
}


# open

is(get($addr, '/api/method/ping')->json->{message}, 'pong', 'open: proxied');
is(get($addr, '/api/method/ping', 'X-Close' => 0)->{status}, 200, '"0" is off');


# every method

for my $method (qw(GET POST PUT PATCH DELETE OPTIONS)) {
    my $r = request($addr, $method, '/app', $method eq 'GET' ? undef : 'x=1',
                    @closed);

    is($r->{status}, 503, "$method: 503");
    like($r->header('Content-Type'), qr{^text/html; charset=utf-8$},
         "$method: a page");
    like($r->{body}, qr/mantenimiento/i, "$method: says maintenance");
}

my $r = request($addr, 'HEAD', '/app', undef, @closed);
is($r->{status}, 503, 'HEAD: 503');
is($r->{body}, '', 'HEAD: no body');
cmp_ok($r->header('Content-Length'), '>', 1000, 'HEAD: the length of the page');

for my $header (['Range', 'bytes=0-9'], ['If-None-Match', '*'],
                ['If-Modified-Since', 'Mon, 23 Nov 2026 00:00:00 GMT'])
{
    is(get($addr, '/app', @closed, @$header)->{status}, 503,
       "$header->[0] changes nothing");
}

$r = request($addr, 'GET', '/socket.io/', undef, @closed,
             Upgrade => 'websocket', Connection => 'Upgrade');
is($r->{status}, 503, 'an upgrade is refused at once');

$r = curl('--http2-prior-knowledge', '-H', 'X-Close: 1',
          'http://' . $nginx->addr('H2') . '/app');
is($r->{status}, 503, 'HTTP/2: 503');

my $c = Soporte::Http->connect($addr);
$c->send("POST /app HTTP/1.1\r\nHost: a\r\nX-Close: 1\r\nContent-Length: 90000"
         . "\r\nExpect: 100-continue\r\n\r\n");
$r = $c->response;
is($r->{status}, 503, 'no 100 Continue before a 503');
$c->close;


# headers

$r = get($addr, '/app', @closed);
is($r->header('Cache-Control'), 'no-store', 'no-store');
cmp_ok($r->header('Retry-After'), '>=', 15, 'Retry-After');
cmp_ok($r->header('Retry-After'), '<=', 150, '... within reason');
is($r->header('X-Content-Type-Options'), 'nosniff', 'nosniff');
is($r->header('Referrer-Policy'), 'same-origin', 'same-origin');

my $csp = $r->header('Content-Security-Policy');
my $inline = 0;
like($csp, qr/^default-src 'none';/, 'CSP: nothing by default');
like($csp, qr/frame-ancestors 'none'/, 'CSP: no frames');

while ($r->{body} =~ m{<(?:style|script)>(.*?)</}gs) {
    my $hash = sha256_base64($1);
    $hash .= '=' while length($hash) % 4;
    ok(index($csp, "'sha256-$hash'") >= 0, 'CSP: allows what the page has');
    $inline++;
}

cmp_ok($inline, '>=', 2, 'a style and a script were seen');


# Frappe's rule of form

my @xhr = ('X-Requested-With' => 'XMLHttpRequest');

for my $row (['/api/method/x', [],                             1],
             ['/api/method/x', [Accept => 'text/html'],        0],
             ['/api/method/x', [Accept => '*/*'],              1],
             ['/app',          [],                             0],
             ['/app',          [Accept => '*/*'],              0],
             ['/app',          [Accept => '*/*', @xhr],        1],
             ['/app',          [@xhr],                         0],
             ['/app',          [Accept => 'application/json'], 1])
{
    my ($path, $headers, $json) = @$row;
    $r = get($addr, $path, @closed, @$headers);

    is($r->{status}, 503, "503: $path @$headers");
    is($r->header('Content-Type'),
       $json ? 'application/json' : 'text/html; charset=utf-8',
       "form: $path @$headers");
}

$r = get($addr, '/api/x', @closed)->json;
is($r->{exc_type}, 'SessionStopped', 'JSON: exc_type');
my $said = dialog($r);
like($said->{message}, qr{href="/soporte/estado"}, 'JSON: a link in the dialog');
is($said->{indicator}, 'orange', 'JSON: the indicator');


# who gets through

is(get($addr, '/robots.txt', @closed)->{status}, 200, 'robots.txt');
is(get($addr, '/.well-known/acme-challenge/x', @closed)->{status}, 404,
   'certificates: the site answers');
is(get($addr, '/soporte', @closed)->{status}, 200, 'the portal goes on');
is(get($addr, '/page/app?sesame=1', @closed)->{status}, 200, 'a bypass');
is(get($addr, '/page/app', @closed, 'X-Operator' => 1)->{status}, 503,
   'a header is none');
is(get($addr, '/dry', @closed)->{status}, 200, 'a dry run');
is(get($addr, '/own', @closed)->{body}, 'own acme', 'the operator\'s template');
is(get($addr, '/sub')->{status}, 200, 'subrequests are not gated');


# by word of the operator, escaped three times over

my $put = sub {
    my ($verb, $data, $tenant) = @_;

    return request($control, 'PUT', '/v1/tenants/' . ($tenant // 'acme')
                   . "/$verb", encode_json($data),
                   'Content-Type' => 'application/json');
};

is($put->('maintenance', { title => 'T', message => '<script>x</script>"',
                           ends_at => '2099-01-01T00:00:00Z' })->{status},
   200, 'control: maintenance');
$r = get($addr, '/app');
is($r->{status}, 503, 'in force without a reload');
unlike($r->{body}, qr/<script>x/, 'escaped in the page');
like($r->{body}, qr/&lt;script&gt;x/, '... and shown');
$r = get($addr, '/api/x')->json;
$said = dialog($r);
unlike($said->{message}, qr/<script>x/, 'escaped in the dialog');
is($r->{soporte}{ends_at}, '2099-01-01T00:00:00Z', 'JSON: the end');

is($put->('restore', { phase => 'database', progress => 40,
                       backup_at => '2026-11-22T09:10:00Z' })->{status},
   200, 'control: restore');
$r = get($addr, '/app');
like($r->{body}, qr/aria-current=step>Base de datos/, 'the phase');
like($r->{body}, qr/40 %/, 'the progress');
like($r->{body}, qr/Listo a más tardar/, 'the deadline');
is(get($addr, '/api/x')->json->{soporte}{phase}, 'database', 'JSON: the phase');

my $state = get($addr, '/soporte/estado.json')->json;
is($state->{state}, 'restore', 'estado.json: restore');
is($state->{restore}{progress}, 40, '... its progress');

for my $row (['restore',     { phase => 'x' },         qr/"phase" must be/],
             ['restore',     { progress => 101 },      qr/"progress" must/],
             ['restore',     { title => 'x' },         qr/unknown field/],
             ['maintenance', { ends_at => 'x' },       qr/"ends_at" must be/],
             ['maintenance', { ends_at => '2001-01-01T00:00:00Z' },
              qr/must lie ahead/],
             ['maintenance', { message => 'x' x 721 }, qr/"message" must/])
{
    my ($verb, $data, $words) = @$row;
    $r = $put->($verb, $data);

    is($r->{status}, 400, "control refuses: $words");
    like($r->json->{detail}, $words, '... and says which field');
}

is(request($control, 'PUT', '/v1/tenants/acme/restore', '{')->{status}, 400,
   'control: broken JSON');
is($put->('restore', {}, 'nobody')->{status}, 404, 'control: unknown tenant');
is(request($control, 'POST', '/v1/tenants/acme/restore')->header('Allow'),
   'PUT, DELETE', 'control: other methods');
is(get($control, '/v1/tenants/acme/restore')->{status}, 405, 'GET sets nothing');
is(request($control, 'DELETE', "/v1/tenants/acme/$_")->{status}, 200,
   "control: $_ ended") for qw(restore maintenance);
is(request($control, 'DELETE', '/v1/tenants/acme/restore')->{status}, 409,
   'control: nothing to end');
is(get($addr, '/app')->{status}, 200, 'open again');

is($put->('maintenance', {}, '*')->{status}, 204, 'control: all');
is(get($addr, '/app')->{status}, 503, '... is in force');
is(request($control, 'DELETE', '/v1/tenants/*/maintenance')->{status}, 204,
   '... and ended');
is(get($addr, '/app')->{status}, 200, 'open again');
is(get($control, '/v1/healthz')->json->{status}, 'ok', 'healthz');

# the switch holds a minute on the status page: only requests evaluate it

is(scalar @{get($control, "/v1/tenants?state=$_->[0]")->json->{tenants}},
   $_->[1], "tenants by state: $_->[0]") for ['maintenance', 1], ['up', 0];

done_testing;
