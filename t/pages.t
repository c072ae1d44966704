# Prevents a closed tenant that nobody can talk to, or that is not closed: in
# maintenance and restore every method, form of body and version of HTTP gets
# 503 as a page, or as the JSON that the ERPNext desk shows by Frappe's rule.

use strict;
use warnings;
use utf8;

use Digest::SHA qw(sha256_base64);
use JSON::PP ();
use POSIX qw(strftime);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;

my $erp = Soporte::ErpNext->new(sites => { 'acme.test' => 'up',
                                           'shut.test' => 'maintenance' });

my $nginx = Soporte::Nginx->new(
    vars  => { ERP => $erp->addr },
    files => { 'own.html'      => 'propia {{tenant.key}} {{>foot}}',
               'operator.html' => 'the operator',
               'foot.html'     => 'pie {{policy.contact.phone}}' },
    conf  => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=pages:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_portal /soporte;
    map $http_x_close $close { default $http_x_close; two ""; }
    map $server_addr $operator { default ""; 127.0.0.2 1; }
    proxy_set_header Host acme.test;
    proxy_http_version 1.1;
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.2:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        soporte acme;
        soporte_maintenance $close;
        error_page 503 /operator.html;
        client_max_body_size 8m;
        location / { proxy_pass http://%%ERP%%; }
        location = /operator.html { root %%PREFIX%%; }
        location /bypass/ { soporte_bypass $operator $cookie_sesame;
                            proxy_pass http://%%ERP%%/; }
        location /own { soporte_page maintenance %%PREFIX%%/own.html; }
        location /none { soporte_page maintenance off;
                         soporte_page desk off; }
        location /dry { soporte_dry_run on; proxy_pass http://%%ERP%%/app; }
        location /off { soporte off; return 204; }
        location /always { soporte_maintenance 1; }
        location /never { soporte_maintenance ""; return 204; }
        location /sub { soporte_maintenance ""; auth_request /check;
                        mirror /check; proxy_pass http://%%ERP%%/app; }
        location = /check { internal; soporte_maintenance 1;
                            proxy_pass http://%%ERP%%/api/method/ping; }
        location /try { soporte_maintenance ""; root %%PREFIX%%;
                        try_files /nothing @named; }
        location @named { soporte_maintenance 1;
                          proxy_pass http://%%ERP%%; }
    }
    server {
        listen 127.0.0.1:%%PORT_B%%;
        soporte otra;
        soporte_portal off;
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
my @closed = ('X-Close' => 1);
my $r;


sub put {
    my ($verb, $data, $tenant) = @_;

    my $answer = request($control, 'PUT', '/v1/tenants/'
                         . ($tenant // 'acme') . "/$verb",
                         JSON::PP->new->utf8->encode($data));

    is($answer->{status}, 200, "control: $verb");
}

sub end {
    my ($verb) = @_;

    is(request($control, 'DELETE', "/v1/tenants/acme/$verb")->{status}, 200,
       "control: $verb ended");
}

sub instant { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + shift)) }


# open or closed, by value

is(get($addr, '/app')->{status}, 200, 'open');

for my $row (['', 200], ['0', 200], ['two', 200], ['1', 503], ['00', 503],
             ['off', 503])
{
    is(get($addr, '/app', 'X-Close' => $row->[0])->{status}, $row->[1],
       "soporte_maintenance is \"$row->[0]\"");
}


# every method, without a body, with one, in chunks, and never to the upstream

$erp->forget;

for my $method (qw(GET HEAD POST PUT PATCH DELETE OPTIONS PURGE)) {
    for my $form (['none', undef],
                  ['one', 'doc=' . 'x' x 50000],
                  ['chunks', "5\r\nhello\r\n0\r\n\r\n",
                   'Transfer-Encoding' => 'chunked'])
    {
        my ($name, $body, @headers) = @$form;
        my $c = Soporte::Http->connect($addr);

        $r = $c->ask($method, '/app?x=1', $body, @closed, @headers);
        is($r->{status}, 503, "$method, body: $name");
        is($r->header('Content-Type'), 'text/html; charset=utf-8',
           '... a page');
        $method eq 'HEAD'
            ? is($r->{body}, '', '... without a body')
            : like($r->{body}, qr{Estamos dando mantenimiento.*</html>}s,
                   '... whole');
        cmp_ok($r->header('Content-Length'), '>', 1000, '... with a length');

        is($c->ask('GET', '/api/method/ping', undef)->json->{message}, 'pong',
           '... and the connection goes on');
        $c->close;
    }
}

is(scalar(grep { $_->{path} ne '/api/method/ping' } $erp->requests), 0,
   'the upstream saw none of them');


# nothing about the request changes the answer

for my $header (['Range', 'bytes=0-9'], ['If-None-Match', '*'],
                ['If-Modified-Since', 'Mon, 23 Nov 2026 00:00:00 GMT'],
                ['If-Match', '"a"'], ['If-Unmodified-Since',
                                      'Thu, 01 Jan 1970 00:00:00 GMT'])
{
    $r = get($addr, '/app', @closed, @$header);
    is($r->{status}, 503, "$header->[0] changes nothing");
    like($r->{body}, qr{</html>}, '... the page is whole');
    is($r->header($_), undef, "... no $_") for qw(ETag Last-Modified
                                                  Accept-Ranges);
}

my $c = Soporte::Http->connect($addr);
$c->send("POST /app HTTP/1.1\r\nHost: a\r\nX-Close: 1\r\nContent-Length: 90000"
         . "\r\nExpect: 100-continue\r\n\r\n");
$r = $c->response;
is($r->{status}, 503, 'Expect: answered at once');
is_deeply($r->{interim}, [], '... without a 100 Continue');
$c->close;

$r = request($addr, 'GET', '/socket.io/?EIO=4&transport=websocket', undef,
             @closed, Upgrade => 'websocket', Connection => 'Upgrade',
             'Sec-WebSocket-Version' => 13,
             'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==');
is($r->{status}, 503, 'a WebSocket');

$c = Soporte::Http->connect($addr);
$c->send("GET /app HTTP/1.0\r\nX-Close: 1\r\n\r\n");
is($c->response->{status}, 503, 'HTTP/1.0');

my $h2 = 'http://' . $nginx->addr('H2');
my @curl = ('--http2-prior-knowledge', '-H', 'X-Close: 1');

for my $row (['GET'], ['HEAD', '-I'], ['POST', '-X', 'POST'],
             ['DELETE', '-X', 'DELETE'], ['OPTIONS', '-X', 'OPTIONS'])
{
    my ($method, @more) = @$row;

    $r = curl(@curl, @more, "$h2/app");
    is("$r->{exit} $r->{version} $r->{status}", '0 2.0 503',
       "HTTP/2: $method");
    is($r->header('Content-Type'), 'text/html; charset=utf-8', '... a page');
}


# curl gives up when a stream ends before its upload; frames by hand do not

sub frame {
    my ($type, $flags, $stream, $data) = @_;

    return substr(pack('N', length $data), 1) . pack('CCN', $type, $flags,
                                                     $stream) . $data;
}

# literal fields without indexing, RFC 7541 section 6.2.2

my $fields = join '', map { pack 'C C/a C/a', 0, @$_ }
             [':method', 'POST'], [':scheme', 'http'], [':path', '/app'],
             [':authority', 'acme.test'], ['x-close', '1'],
             ['content-length', '16000'], ['expect', '100-continue'];

$c = Soporte::Http->connect($nginx->addr('H2'))->timeout(3);
$c->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(4, 0, 0, ''),
         frame(1, 4, 1, $fields), frame(0, 1, 1, 'x' x 16000));

my ($status, $page, $ended) = ('', '', 0);

until ($ended) {
    my $head = $c->take(9, time + 3) // last;
    my ($type, $flags, $stream) = unpack 'x3 C C N', $head;
    my $data = $c->take(unpack('N', "\0$head"), time + 3);

    $status .= unpack 'x C/a', $data if $type == 1;
    $page .= $data if $type == 0;
    $ended = $type == 3 || $stream == 1 && $type < 2 && $flags & 1;
}

is($status, '503', 'HTTP/2: POST with a body, one response');
like($page, qr{Estamos dando mantenimiento.*</html>}s, '... whole');
$c->close;


# headers

$r = get($addr, '/app', @closed);
is($r->header('Cache-Control'), 'no-store', 'Cache-Control');
is($r->header('X-Content-Type-Options'), 'nosniff', 'nosniff');
is($r->header('Referrer-Policy'), 'same-origin', 'Referrer-Policy');
is($r->header('Set-Cookie'), undef, 'no cookie');
is(scalar($r->values($_)), 1, "one $_")
    for qw(Content-Type Cache-Control Retry-After Content-Security-Policy);

my %after = map { get($addr, '/app', @closed)->header('Retry-After') => 1 }
            1 .. 20;
my ($least, $most) = (sort { $a <=> $b } keys %after)[0, -1];

cmp_ok($least, '>=', 15, 'Retry-After: no less than that');
cmp_ok($most, '<=', 150, '... no more than that');
cmp_ok(scalar(keys %after), '>', 1, '... not the same for all');


# the policy allows what the page has, by hash, and the page has nothing else

sub csp {
    my ($name, $r) = @_;

    my $csp = $r->header('Content-Security-Policy');
    my %policy = map { my ($key, @words) = split ' '; $key => "@words" }
                 split /;\s*/, $csp;

    is($policy{'default-src'}, "'none'", "$name: default-src");
    is($policy{'frame-ancestors'}, "'none'", "$name: frame-ancestors");
    is($policy{'base-uri'}, "'none'", "$name: base-uri");
    unlike($csp, qr/unsafe/, "$name: nothing unsafe");

    for my $tag (qw(style script)) {
        my @hash;

        while ($r->{body} =~ m{<$tag\b([^>]*)>(.*?)</$tag>}gs) {
            is($1, '', "$name: $tag inline");
            my $hash = sha256_base64($2);
            $hash .= '=' while length($hash) % 4;
            push @hash, "'sha256-$hash'";
        }

        cmp_ok(scalar(@hash), '>', 0, "$name: a $tag was seen");
        ok(index($policy{"$tag-src"}, $_) >= 0,
           "$name: $tag-src allows what the page has") for @hash;
    }

    unlike($r->{body}, qr/<[^>]*\s(?:style|on\w+)=/i,
           "$name: no inline attribute");
    unlike($r->{body}, qr/<(?:link|iframe|object|base)\b|<\w+[^>]*\ssrc=/i,
           "$name: nothing from elsewhere");
}

csp('maintenance', $r);


# Frappe's rule of form: the stand-in has it from frappe/app.py

$erp->profile('shut.test', 'maintenance');

my $ours = Soporte::Http->connect($addr);
my $frappe = Soporte::Http->connect($erp->addr);
my %form;

for my $path ('/app', '/api/method/x', '/api', '/apis/x', '/api/') {
    for my $accept (undef, '*/*', 'application/json',
                    'application/json, text/plain, */*', 'text/html',
                    'text/html,application/xhtml+xml,*/*;q=0.8', 'text/plain',
                    'text/html, application/json', 'image/png')
    {
        for my $with (undef, 'XMLHttpRequest', 'xmlhttprequest') {
            my @headers = (Accept => $accept, 'X-Requested-With' => $with);
            my $said = $frappe->ask('GET', $path, undef, @headers,
                                    Host => 'shut.test');
            $r = $ours->ask('GET', $path, undef, @headers, @closed);

            my $expected = $said->header('Content-Type') =~ /json/
                           ? 'application/json' : 'text/html; charset=utf-8';

            is("$said->{status} $r->{status} " . $r->header('Content-Type'),
               "503 503 $expected", "form: $path, Accept "
               . ($accept // 'none') . ', X-Requested-With '
               . ($with // 'none'));
            $form{$expected}++;
        }
    }
}

cmp_ok($_, '>', 20, 'both forms were seen') for values %form;
$_->close for $ours, $frappe;

my $rest = '/api/resource/Item';

for my $method (qw(GET HEAD POST PUT DELETE OPTIONS)) {
    is(request($addr, $method, $rest, undef, @closed)->header('Content-Type'),
       'application/json', "JSON: $method");
}

$r = curl(@curl, '-H', 'Accept: */*', "$h2$rest");
is($r->header('Content-Type'), 'application/json', 'JSON: HTTP/2');


# what the desk reads: JSON texts within JSON, the message is HTML

sub dialog {
    my ($r) = @_;

    my $json = JSON::PP->new;
    my @list = @{$json->decode($r->json->{_server_messages})};

    is(scalar(@list), 1, 'one message');

    return $json->decode($list[0]);
}

$r = get($addr, $rest, @closed);
is($r->json->{exc_type}, 'SessionStopped', 'JSON: exc_type');
is($r->json->{soporte}{state}, 'maintenance', 'JSON: the state');
is($r->json->{soporte}{retry_after}, $r->header('Retry-After'),
   'JSON: retry_after');
is($r->header($_), get($addr, '/app', @closed)->header($_), "JSON: $_")
    for qw(Cache-Control X-Content-Type-Options Referrer-Policy);
like($r->header('Content-Security-Policy'), qr/^default-src 'none'; frame-anc/,
     'JSON: a policy of nothing');

my $said = dialog($r);
is($said->{title}, 'Estamos en mantenimiento', 'JSON: the title');
is($said->{indicator}, 'orange', 'JSON: the indicator');
like($said->{message}, qr{href="/soporte/estado"}, 'JSON: where to look');

$said = dialog(get($addr, $rest, @closed, 'Accept-Language' => 'en'));
like($said->{message}, qr/This is planned work/, 'JSON: in English');
like(get($addr, '/app', @closed, 'Accept-Language' => 'en, es;q=0.5')->{body},
     qr/We are doing maintenance/, 'the page: in English');


# who goes on

$r = get($addr, '/robots.txt', @closed);
is($r->{status}, 200, 'robots.txt');
like($r->{body}, qr/^User-agent: \*\nDisallow:\n\z/, '... forbids nothing');
is(request($addr, 'HEAD', '/robots.txt', undef, @closed)->{status}, 200,
   '... HEAD');
unlike(get($addr, '/robots.txt')->{body}, qr/^User-agent/,
       '... is the site\'s when it is open');

my $acme = '/.well-known/acme-challenge';
is(get($addr, "$acme/x", @closed)->{status}, 404, 'certificates: the site');
is(get($addr, $_, @closed)->{status}, 503, "closed: $_")
    for $acme, "$acme/", "$acme/../../app", "$acme/%2e%2e/%2e%2e/app",
        "/$acme/../../app", '/soportex', '/robots.txt/x', '/Robots.txt';

is(get($addr, $_, @closed)->{status}, 200, "goes on: $_")
    for qw(/soporte /soporte/ /soporte/estado /soporte/estado.json);
like(get($addr, '/soporte', @closed)->{body},
     qr/hay un mantenimiento en curso/, '... and knows it');

is(get($addr, '/bypass/app', @closed, Cookie => 'sesame=1')->{status}, 200,
   'bypass: by a cookie');
is(get($addr, '/bypass/app', @closed, Cookie => 'sesame=0')->{status}, 503,
   '... that is "0"');
is(get('127.0.0.2:' . $nginx->port, '/bypass/app', @closed)->{status}, 200,
   'bypass: by address');
is(get('127.0.0.2:' . $nginx->port, '/app', @closed)->{status}, 503,
   '... not elsewhere');
is(get($addr, '/bypass/app?operator=1', @closed, 'X-Operator' => 1,
       'X-Forwarded-For' => '127.0.0.2', 'X-Real-IP' => '127.0.0.2',
       Operator => 1)->{status}, 503, 'bypass: not by what a client says');

is(get($addr, '/dry', @closed)->{status}, 200, 'a dry run');
is(get($addr, '/off', @closed)->{status}, 204, 'soporte off');
is(get($addr, '/always')->{status}, 503, 'closed by location');
is(get($addr, '/never', @closed)->{status}, 204, 'open by location');
is(get($nginx->addr('B'), '/app', @closed)->{status}, 200, 'another tenant');


# the rest of nginx

unlike(get($addr, '/app', @closed)->{body}, qr/the operator/,
       'error_page 503 does not swallow ours');
$erp->forget;
is(get($addr, '/sub', @closed)->{status}, 200, 'subrequests are not gated');
is(scalar(grep { $_->{path} eq '/api/method/ping' } $erp->requests), 2,
   '... auth_request and mirror were made');
is(get($addr, '/try')->{status}, 503, 'the gate stands after a redirect too');


# pages of the operator

$r = get($addr, '/own', @closed);
is($r->{status}, 503, 'a page of one\'s own');
is($r->{body}, 'propia acme pie 800 788 0081', '... with its own partial');
is($r->header('Content-Security-Policy') =~ /(script-src [^;]*)/ && $1,
   "script-src 'none'", '... and a policy by what it has');
is(get($addr, '/own', @closed, @{[Accept => 'application/json']})
   ->header('Content-Type'), 'application/json', '... JSON stays');

$r = get($addr, '/none', @closed);
is($r->{status}, 503, 'soporte_page off: 503 all the same');
is($r->{body}, '', '... without a page');
like($r->header('Retry-After'), qr/^\d+$/, '... with Retry-After');
$r = get($addr, '/none', @closed, Accept => 'application/json');
is($r->json->{exc_type}, 'SessionStopped', '... JSON stays');
is(dialog($r)->{message}, '', '... without words');


# by word of the operator

my $evil = '<script>alert(1)</script> & "ñ" \' {{base}}';

put(maintenance => { title => $evil, message => $evil,
                     ends_at => instant(60) });

$r = get($addr, '/app');
is($r->{status}, 503, 'control: in force');
csp('a message', $r);
unlike($r->{body}, qr/<script>alert/, 'the page: escaped');
like($r->{body}, qr/&lt;script&gt;alert\(1\)&lt;\/script&gt; &amp; &quot;/,
     '... and shown');
like($r->{body}, qr/\{\{base\}\}/, '... not rendered again');
like($r->header('Retry-After'), qr/^(?:5[89]|[678]\d|90)$/,
     'Retry-After: by the end');

$r = get($addr, $rest);
$said = dialog($r);
unlike($said->{message}, qr/<script>/, 'JSON: escaped');
like($said->{message}, qr/&lt;script&gt;alert\(1\)&lt;\/script&gt; &amp; /,
     '... and shown');
like($said->{message}, qr/ñ/, '... in UTF-8');
is(get($addr, '/bypass/app', Cookie => 'sesame=1')->{status}, 200,
   'bypass holds for control too');
is(get($addr, '/dry')->{status}, 200, 'dry run holds for control too');
is(get($nginx->addr('B'), '/app')->{status}, 200, 'another tenant is open');
end('maintenance');
is(get($addr, '/app')->{status}, 200, 'open again');

put(maintenance => { ends_at => instant(7200) });
like(get($addr, '/app')->header('Retry-After'), qr/^1[2-4]\d$/,
     'Retry-After: two minutes at most, and some');
end('maintenance');


# a restore

put(restore => { phase => 'database', progress => 40, message => $evil,
                 backup_at => instant(-3600) });

$r = get($addr, '/app');
my $restore = get($addr, '/soporte/estado.json')->json->{restore};

is($r->{status}, 503, 'restore: 503');
csp('restore', $r);
like($r->{body}, qr/Estamos restaurando tu sistema/, 'restore: the page');
unlike($r->{body}, qr/<script>alert/, 'restore: escaped');
my @phases = qw(detected diagnosis locating_backup verifying_backup database
                public_files private_files migration checks restored);
my @seen;

push @seen, [$1, $2] while $r->{body} =~ m{<li data-phase="(\w+)"([^>]*)>}g;
is_deeply([map { $_->[0] } @seen], \@phases, 'restore: all phases, in order');
is_deeply([map { $_->[1] } @seen],
          [(' class=done') x 4, ' class=now aria-current=step', ('') x 5],
          'restore: done, now, to come');
like($r->{body}, qr{<progress max=100 value="40".*<b>40 %</b>},
     'restore: progress');
like($r->{body}, qr/Respaldo que usamos: /, 'restore: the backup');
my ($deadline) = $r->{body} =~ /<time datetime="([^"]+)">/;
is($deadline, $restore->{deadline_at}, 'restore: the deadline');
$r = get($addr, $rest);
is($r->json->{exc_type}, 'SessionStopped', 'restore: JSON');
is($r->json->{soporte}{state}, 'restore', '... the state');
is($r->json->{soporte}{phase}, 'database', '... the phase');
is($r->json->{soporte}{deadline_at}, $deadline, '... the deadline');
is(dialog($r)->{title}, 'Estamos restaurando tu sistema', '... the title');
unlike(dialog($r)->{message}, qr/<script>/, '... escaped');

put(restore => { phase => 'restored', progress => undef });
$r = get($addr, '/app');
like($r->{body}, qr/<p data-progress hidden>/, 'restore: progress unknown');
like($r->{body}, qr/data-phase="restored" class=now/, 'restore: the last');
is(get($addr, '/soporte/estado.json')->json->{restore}{started_at},
   $restore->{started_at}, 'restore: its begin stays');

put(maintenance => { title => 'Ambas' });
is(get($addr, $rest)->json->{soporte}{state}, 'restore',
   'a restore goes before maintenance');
end('restore');
is(get($addr, $rest)->json->{soporte}{state}, 'maintenance',
   '... which is in force after it');
end('maintenance');
is(get($addr, '/app')->{status}, 200, 'open again');

put('maintenance', {}, 'otra');
$r = get($nginx->addr('B'), '/app');
is($r->{status}, 503, 'without a portal');
unlike($r->{body}, qr/soporte/, '... nothing leads to it');
unlike(dialog(get($nginx->addr('B'), $rest))->{message}, qr/soporte/,
       '... nor in JSON');

done_testing;
