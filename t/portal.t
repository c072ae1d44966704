# Prevents a portal that a server's own locations, limits or redirects hide, or
# that takes paths which are not its own; and pages without their words and
# headers.

use strict;
use warnings;
use utf8;

use JSON::PP ();

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(run temp_dir top);
use Soporte::Test;

my $erp = Soporte::ErpNext->new(sites => { 'acme.test' => 'up' });
my $keys = temp_dir();

my ($code, $text) = run(
    qw(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes
       -days 2 -subj /CN=acme.test -keyout), "$keys/key", '-out', "$keys/cert"
);
is($code, 0, 'a certificate') or diag($text);

my $nginx = Soporte::Nginx->new(
    vars  => { ERP => $erp->addr, KEYS => $keys },
    files => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    conf  => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=portal:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    map $request_method$arg_x $who { POST $host; GET1 $host; default ""; }
    limit_req_zone $who zone=slow:1m rate=1r/m;
    limit_req_status 429;

    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        listen 127.0.0.1:%%PORT_TLS%% ssl http2;
        ssl_certificate %%KEYS%%/cert;
        ssl_certificate_key %%KEYS%%/key;
        server_name acme.test;
        soporte acme;
        client_max_body_size 100k;
        location / { deny all; }
        location = /soporte { return 418; }
        location /soporte { return 418; }
        location ^~ /soporte/ { deny all; }
        location ~ ^/sop { return 418; }
        location ~ \.json$ { return 418; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name otra.test;
        soporte otra;
        proxy_set_header Host acme.test;
        location / { proxy_pass http://%%ERP%%; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name https.test;
        soporte acme;
        return 301 https://$host$request_uri;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name nobody.test;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name set.test;
        set $key otra;
        soporte $key;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name denied.test;
        soporte acme;
        deny all;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name own.test;
        soporte acme;
        soporte_portal /mesa/de-ayuda;
        location / { return 204; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name loc.test;
        soporte acme;
        soporte_portal off;
        client_max_body_size 100k;
        location / { return 204; }
        location ^~ /ayuda { soporte_portal; limit_req zone=slow; }
        location ^~ /barra/ { soporte_portal; }
        location ^~ /nadie { soporte off; soporte_portal; }
        location ^~ /sin { soporte_portal; soporte_page help off; }
    }
}
END

my $addr = $nginx->addr;
my @json = (Accept => 'application/json');
my $r;


sub ask {
    my ($host, $path, @headers) = @_;

    return get($addr, $path, Host => "$host.test", @headers);
}

sub is_help {
    my ($name, $r) = @_;

    is($r->{status}, 200, "the help page: $name");
    like($r->{body}, qr/¿En qué te ayudamos\?/, "... $name");
}

sub allows {
    my ($r) = @_;

    return "$r->{status} " . ($r->header('Allow') // '');
}

# its body as characters

sub page {
    my ($r) = @_;

    utf8::decode($r->{body});

    return $r;
}


# where it is

is_help($_->[1], page(ask(@$_))) for ['acme', '/soporte'],
    ['acme', '/soporte/'], ['acme', '/soporte?a=b'], ['acme', '//soporte'],
    ['acme', '/x/../soporte'], ['acme', '/%73oporte'], ['otra', '/soporte'],
    ['set', '/soporte'], ['own', '/mesa/de-ayuda'], ['loc', '/ayuda'],
    ['loc', '/ayuda/'], ['loc', '/barra/'];

is(ask('acme', '/')->{status}, 403, 'the server\'s own: denied');
is(ask('acme', $_)->{status}, 418, "the server's own: $_")
    for '/soportex', '/soporte.json', '/soporte-x', '/sop';
is(ask('acme', $_)->{status}, 403, "not ours: $_") for '/SOPORTE', '/x/soporte';
is(ask('otra', '/api/method/ping')->json->{message}, 'pong',
   'the server\'s own: proxied');
is(ask('own', '/soporte')->{status}, 204, 'another path is none any more');
is(ask('own', '/mesa')->{status}, 204, '... nor is a part of it');
is(ask('loc', '/soporte')->{status}, 204, 'off');

$r = ask('https', '/soporte?a=b');
is($r->{status}, 301, 'a server that redirects');
is($r->header('Location'), 'https://https.test/soporte?a=b', '... redirects');
is(ask('denied', '/soporte')->{status}, 403, 'a server that denies, denies');
is(ask('set', '/soporte/estado.json')->json->{tenant}, 'otra',
   'a tenant by a variable of the server');

for my $row (['nobody', '/soporte'], ['loc', '/nadie'], ['loc', '/sin'],
             ['acme', '/soporte/x'], ['acme', '/soporte/estado/'],
             ['acme', '/soporte/estado.xml'], ['acme', '/soporte//x'],
             ['acme', '/soporte/tickets/'], ['loc', '/ayudax'])
{
    is(ask(@$row)->{status}, 404, "no such page: @$row");
}


# methods

for my $row (['/soporte', 'GET, HEAD'], ['/soporte/', 'GET, HEAD'],
             ['/soporte/estado', 'GET, HEAD'],
             ['/soporte/estado.json', 'GET, HEAD'],
             ['/soporte/privacidad', 'GET, HEAD'],
             ['/soporte/tickets', 'GET, HEAD, POST'],
             ['/soporte/tickets/enlace', 'POST'],
             ['/soporte/tickets/SOP-00000-00000', 'GET, HEAD'])
{
    my ($path, $allow) = @$row;

    for my $method (qw(GET HEAD POST PUT PATCH DELETE OPTIONS PURGE)) {
        next if $allow =~ /$method/
                || $path =~ /enlace/ && $method =~ /GET|HEAD/;

        $r = request($addr, $method, $path, undef, Host => 'acme.test');
        is(allows($r), "405 $allow", "$method $path");
    }
}

$r = request($addr, 'HEAD', '/soporte', undef, Host => 'acme.test');
is("$r->{status} $r->{body}", '200 ', 'HEAD: no body');
cmp_ok($r->header('Content-Length'), '>', 5000, '... the length of the page');


# errors in both forms

for my $row ([404, 'GET', '/soporte/x'], [405, 'PUT', '/soporte'],
             [404, 'GET', '/soporte/tickets/SOP-00000-00000'],
             [415, 'POST', '/soporte/tickets'])
{
    my ($status, $method, $path) = @$row;

    $r = page(request($addr, $method, $path, 'x', Host => 'acme.test'));
    is("$r->{status} " . $r->header('Content-Type'),
       "$status text/html; charset=utf-8", "a page for $status");
    like($r->{body}, qr{<p>$status</p>\n<h1>\S.*</h1>\n<p>\S.*</p>},
         '... with words');
    like($r->{body}, qr{href="/soporte">Ir a la ayuda}, '... and a way on');

    for my $accept ('application/json', 'application/problem+json',
                    'text/plain, application/json')
    {
        $r = request($addr, $method, $path, 'x', Host => 'acme.test',
                     Accept => $accept);
        is("$r->{status} " . $r->header('Content-Type'),
           "$status application/problem+json", "$status: $accept");
        is_deeply([sort keys %{$r->json}],
                  [qw(detail email phone status title type)], '... its keys');
        is($r->json->{status}, $status, '... the status');
    }
}

is(request($addr, 'PUT', '/soporte', 'x', Host => 'acme.test', @json)
   ->header('Allow'), 'GET, HEAD', '405 as JSON: Allow');


# headers, whatever the answer

for my $row ([200, 'GET', '/soporte'], [200, 'GET', '/soporte/estado'],
             [200, 'GET', '/soporte/estado.json'],
             [200, 'GET', '/soporte/privacidad'], [404, 'GET', '/soporte/x'],
             [405, 'DELETE', '/soporte'], [415, 'POST', '/soporte/tickets'],
             [413, 'POST', '/soporte/tickets', 'Content-Length' => 600_000,
              'Content-Type' => 'application/json'],
             [403, 'POST', '/soporte/tickets', Origin => 'http://evil.test'],
             [400, 'POST', '/soporte/tickets',
              'Content-Type' => 'application/json'],
             [404, 'GET', '/soporte/x', @json])
{
    my ($status, $method, $path, @headers) = @$row;
    my $body = $method eq 'POST' ? 'x' : undef;

    $r = request($addr, $method, $path, $body, Host => 'acme.test', @headers);
    is($r->{status}, $status, "$method $path: $status");
    is($r->header('Cache-Control'), 'no-store', '... no-store');
    is($r->header('X-Content-Type-Options'), 'nosniff', '... nosniff');
    is($r->header('Referrer-Policy'), 'same-origin', '... Referrer-Policy');
    like($r->header('Content-Security-Policy'),
         qr/^default-src 'none';.*frame-ancestors 'none'/, '... a policy');
    unlike($r->{raw}, qr/^Server:.*soporte|X-Powered-By/mi, '... no version');

    unlike(join(' ', map { $_->[0] } @{$r->{headers}}),
           qr/ETag|Last-Modified|Accept-Ranges/, '... nothing to cache by');
}

# a page that is made anew is never "not modified"

for my $header (['If-None-Match', '*'], ['If-Match', '"x"'],
                ['If-Unmodified-Since', 'Thu, 01 Jan 1970 00:00:00 GMT'],
                ['If-Modified-Since', 'Mon, 23 Nov 2099 00:00:00 GMT'],
                ['Range', 'bytes=0-9'])
{
    is(ask('acme', $_, @$header)->{status}, 200, "$header->[0]: $_")
        for '/soporte', '/soporte/estado.json';
}


# the help page: all the policy's categories, in both languages

my $policy = JSON::PP->new->utf8->decode(slurp(top() . '/conf/politica.json'));
my @categories = @{$policy->{categories}};
my %help = (es => page(ask('acme', '/soporte')),
            en => page(ask('acme', '/soporte', 'Accept-Language' => 'en')));

sub html {
    my ($s) = @_;

    my %entity = ('&' => 'amp', '<' => 'lt', '>' => 'gt', '"' => 'quot');
    $s =~ s/([&<>"])/&$entity{$1};/g;
    $s =~ s/'/&#39;/g;

    return $s;
}

is(scalar(@categories), 16, 'the policy has 16 categories');

for my $lang (qw(es en)) {
    my $body = $help{$lang}{body};
    my @radios = $body =~ /<input type=radio name=category value="([^"]+)">/g;

    is_deeply([sort @radios], [sort map { $_->{id} } @categories],
              "$lang: all of them, none is chosen");

    for my $category (@categories) {
        ok(index($body, html(($category->{question} // $category->{title})
                             ->{$lang})) > 0,
           "$lang: the words of $category->{id}");
    }

    my ($outside) = $body =~ m{<details>(.*)</details>}s;
    is_deeply([sort $outside =~ /value="([^"]+)"/g],
              [sort map { $_->{id} } grep { !$_->{included} } @categories],
              "$lang: what is not included stands apart");
    ok(index($body, $policy->{contact}{phone}) > 0, "$lang: the phone");
    ok(index($body, $policy->{contact}{email}) > 0, "$lang: the e-mail");
}

like($help{es}{body}, qr/<html lang="?es-MX/, 'lang of a page in Spanish');
like($help{en}{body}, qr/<html lang="?en/, 'lang of a page in English');

for my $row (['en', 'en'], ['en-US,en;q=0.9,es;q=0.8', 'en'],
             ['es-MX,es;q=0.9,en;q=0.8', 'es'], ['en;q=0.5,es;q=0.6', 'es'],
             ['es;q=0.55,en;q=0.56', 'en'], ['en;q=0', 'es'], ['fr', 'es'],
             ['*', 'es'], ['', 'es'], ['EN-gb', 'en'], [';;q=,,', 'es'],
             ['en;q=1.0, es', 'es'], ['fr, en;q=0.1', 'en'])
{
    my ($accept, $lang) = @$row;

    like(ask('acme', '/soporte', 'Accept-Language' => $accept)->{body},
         qr/<html lang="?$lang/, "Accept-Language: $accept");
}

like(ask('acme', '/soporte?category=uso')->{body},
     qr/value="uso" checked/, 'a category by the address');
like(ask('acme', '/soporte?category=' . (map { $_->{id} }
         grep { !$_->{included} } @categories)[0])->{body},
     qr/<details open>/, '... that is not included');
unlike(ask('acme', '/soporte?category=%22%3E%3Cscript%3Ealert(1)')->{body},
       qr/" checked|alert\(1\)/, '... that is none');


# the cookie: the portal's alone, kept, Secure where TLS is

sub cookie { (($_[0]->header('Set-Cookie') // '') =~ /^([^;]+)/)[0] }

my $nonce = qr/[A-Za-z0-9_-]{22,}/;

like($help{es}->header('Set-Cookie'),
     qr/^soporte=$nonce; Path=\/soporte; HttpOnly; SameSite=Lax$/, 'a cookie');
isnt(cookie($help{es}), cookie($help{en}), '... each its own');
is(ask('acme', '/soporte', Cookie => 'sid=x; ' . cookie($help{es}))
   ->header('Set-Cookie'), undef, '... one that is there is kept');
like(ask('acme', '/soporte', Cookie => 'soporte=x')->header('Set-Cookie') // '',
     qr/^soporte=$nonce; /, '... one that is none is replaced');
like(ask('own', '/mesa/de-ayuda')->header('Set-Cookie'),
     qr{; Path=/mesa/de-ayuda; }, '... below the portal\'s path');
like(ask('loc', '/barra/')->header('Set-Cookie'), qr{; Path=/barra; },
     '... of a location');

$r = curl('--http2', '-H', 'Host: acme.test',
          'https://' . $nginx->addr('TLS') . '/soporte');
is("$r->{version} $r->{status}", '2.0 200', 'TLS and HTTP/2');
like($r->header('Set-Cookie'), qr{^__Secure-soporte=$nonce;\ Path=/soporte;
     \ HttpOnly;\ SameSite=Lax;\ Secure$}x, '... a secure cookie');

my $h2 = 'http://' . $nginx->addr('H2');

for my $row (['/soporte', 200], ['/soporte/estado.json', 200],
             ['/soporte/x', 404], ['/soportex', 418])
{
    $r = curl('--http2-prior-knowledge', "$h2$row->[0]");
    is("$r->{version} $r->{status}", "2.0 $row->[1]", "HTTP/2: $row->[0]");
}


# the form leads to where it came from

for my $row (['acme', '/soporte', '/soporte'],
             ['own', '/mesa/de-ayuda', '/mesa/de-ayuda'],
             ['loc', '/ayuda', '/ayuda'], ['loc', '/barra/', '/barra'])
{
    my ($host, $path, $base) = @$row;

    like(ask($host, $path)->{body}, qr{action="$base/tickets"},
         "the form of $path");
}


# bodies: the portal has limits of its own

sub file {
    my ($host, $path, $subject, $description) = @_;

    $r = ask($host, "$path/");
    my ($token) = $r->{body} =~ /name=token value="([^"]+)"/;

    return post_form($addr, "$path/tickets",
                     [subject => $subject, description => $description,
                      category => 'uso', email => 'a@b.mx', token => $token],
                     Host => "$host.test", Cookie => cookie($r));
}

my $long = "\x{1f642}" x 20_000;

is(file('acme', '/soporte', 'larga', $long)->{status}, 303,
   'a ticket of 240 kB where the server takes 100');
is(file('loc', '/barra', 'larga', $long)->{status}, 303, '... in a location');
is(file('loc', '/ayuda', 'primera', 'x')->{status}, 303, 'a location: filed');
is(file('loc', '/ayuda', 'segunda', 'x')->{status}, 429, '... not so often');
is(ask('loc', '/ayuda/tickets/SOP-00000-00000?clave=canario&x=1')->{status},
   429, '... nor read');
unlike($nginx->log, qr/canario/, '... without the link\'s key in a log');
like($nginx->log, qr/limiting.*clave=\*{7}&x=1 HTTP/, '... where it was');

for my $row (['acme', '/soporte'], ['loc', '/barra']) {
    my ($host, $path) = @$row;

    for my $length (513 * 1024, 31 * 1024 * 1024, 10 ** 15) {
        my $c = Soporte::Http->connect($addr);

        $c->send("POST $path/tickets HTTP/1.1\r\nHost: $host.test\r\n"
                 . "Content-Type: application/x-www-form-urlencoded\r\n"
                 . "Content-Length: $length\r\nExpect: 100-continue\r\n\r\n");
        $r = $c->response;
        is($r->{status}, 413, "$path: $length bytes are refused");
        is_deeply($r->{interim}, [], '... without an invitation');
        $c->close;
    }

    my $chunks = sprintf("%x\r\n%s\r\n", 100_000, 'x' x 100_000) x 6;

    $r = request($addr, 'POST', "$path/tickets", "${chunks}0\r\n\r\n",
                 Host => "$host.test", 'Transfer-Encoding' => 'chunked',
                 'Content-Type' => 'application/x-www-form-urlencoded');
    is($r->{status}, 413, "$path: 600 kB in chunks are refused");
}

is(request($addr, 'POST', '/x', 'x' x 200_000, Host => 'otra.test')->{status},
   404, 'elsewhere the server\'s limits hold: below');
is(request($addr, 'POST', '/x', 'x' x 200_000, Host => 'acme.test')->{status},
   413, '... above');


# whose it is: what the configuration says of the server, nothing else

my @forged = map { ($_ => 'otra.test') }
             qw(X-Forwarded-Host X-Frappe-Site-Name X-Original-Host Forwarded
                X-Soporte-Tenant);

is(ask('acme', '/soporte/estado.json', @forged)->json->{tenant}, 'acme',
   'no header names a tenant');
is(ask('acme', '/soporte/estado.json?tenant=otra')->json->{tenant}, 'acme',
   'no argument does');
is(get($addr, 'http://otra.test/soporte/estado.json', Host => 'acme.test')
   ->json->{tenant}, 'otra', 'an absolute address goes before Host');
is(get($addr, '/soporte/estado.json', Host => 'OTRA.test.')->json->{tenant},
   'otra', 'a name is a name in capitals and with its dot');

done_testing;
