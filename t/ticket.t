# Prevents a ticket that is lost, doubled or altered between the form and
# PostgreSQL, an answer before it is durable, a form that another site can
# send, and a word of it in a log.

use strict;
use warnings;
use utf8;

use Digest::SHA qw(hmac_sha256 sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use POSIX qw(strftime);
use Time::HiRes qw(time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(top);
use Soporte::Test;

my $json = JSON::PP->new->utf8->canonical;

# the shipped policy, in which "uso" promises a time
my $policy = $json->decode(slurp(top() . '/conf/politica.json'));
my ($uso) = grep { $_->{id} eq 'uso' } @{$policy->{categories}};

$uso->{response_minutes} = 90;

my $pg = Soporte::Postgres->new;

my $nginx = Soporte::Nginx->new(
    vars  => { PG => $pg->conninfo('soporte_nginx')
                     . ' password=canario-conninfo' },
    files => {
        'policy.json' => $json->encode({
            categories => $policy->{categories}, form => { min_seconds => 0 }
        }),
        'slow.json'   => '{"form": {"min_seconds": 60}}'
    },
    conf  => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=ticket:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib max_size=1m;
    soporte_postgres "%%PG%%" timeout=1s;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    soporte_node uno;
    soporte_calendar always { timezone UTC; hours mon-sun 00:00-24:00; }
    soporte_hours always;
    map $soporte_category $queue {
        cuenta cobranza; visita $http_x_queue; default "";
    }
    soporte_queue $queue;
    log_format all '$remote_user "$request" $request_uri $args $arg_clave '
                   '$http_referer $http_user_agent';
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        access_log %%PREFIX%%/access.log all;
        soporte acme;
    }
    server { listen 127.0.0.1:%%PORT_B%%; soporte otra;
             soporte_policy %%PREFIX%%/slow.json; }
    server { listen 127.0.0.1:%%PORT_SHUT%%; soporte cerrada;
             soporte_maintenance $http_x_close; }
}
END

my $addr = $nginx->addr;
my $host = '127.0.0.1:' . $nginx->port;
my $spool = $nginx->prefix . '/lib/spool';
my @json = ('Content-Type' => 'application/json');
my @form = ('Content-Type' => 'application/x-www-form-urlencoded');
my $tickets = '/soporte/tickets';
my $r;


# a form as a browser has it: its cookie and its token

sub form {
    my ($at) = @_;

    my $page = get($at // $addr, '/soporte');
    my ($cookie) = ($page->header('Set-Cookie') // '') =~ /^([^;]+)/;
    my ($token) = $page->{body} =~ /name=token value="([^"]+)"/;

    return ($cookie, $token);
}

my ($cookie, $token) = form();
my %good = (subject => 'No abre', description => 'Uno', category => 'preguntas',
            email => 'ana@acme.mx');


# a good form with changes; an undefined value takes a field away

sub file {
    my ($change, @headers) = @_;

    my %field = (%good, token => $token, %$change);

    return post_form($addr, $tickets,
                     [map { $_ => $field{$_} } grep { defined $field{$_} }
                      sort keys %field],
                     join(' ', map { $_ // '' } @headers) =~ /^Cookie/
                         ? () : (Cookie => $cookie),
                     @headers);
}

sub file_json {
    my ($change, @headers) = @_;

    my %field = (%good, %$change);

    delete @field{grep { !defined $field{$_} } keys %field};

    return post_json($addr, $tickets, \%field, @headers);
}

sub folio {
    my ($r) = @_;

    my ($folio) = ($r->header('Location') // '')
        =~ m{^/soporte/tickets/(SOP-[0-9A-Z]{5}-[0-9A-Z]{5})\?clave=[\w-]{43}$};

    return $folio;
}

# how many were ever taken: none counts twice while it is delivered

sub kept {
    my %id = map { m{([^/]+)$} => 1 } glob "$spool/{new,sending,dead}/*";

    $id{$_->{id}} = 1 for $pg->rows('SELECT id FROM soporte.ticket');

    return scalar keys %{{ map { s/-//gr => 1 } keys %id }};
}

sub stored {
    my ($folio) = @_;

    my @rows;

    eval {
        wait_for(sub {
            @rows = $pg->rows(<<'END', $folio);
SELECT id::text, tenant, folio, encode(body_sha256, 'hex') AS sha, subject,
       description, category, out_of_scope::int, urgent::int, queue, email,
       name, phone, verified::int, user_id, context::text, lang, node,
       soporte.rfc3339(filed_at) AS filed_at,
       soporte.rfc3339(reply_due) AS reply_due, status
FROM soporte.ticket WHERE folio = ?
END
            return @rows;
        }, 2);
    };

    is(scalar(@rows), 1, 'in PostgreSQL within 2 s, once');

    return $rows[0] // {};
}

# what says that two bodies are the same: core/ticket, canonical

sub sha {
    my ($row, $context) = @_;

    my $text = '';

    for my $name (qw(tenant subject description category email name phone)) {
        my $value = $row->{$name} // '';
        utf8::encode($value);
        $text .= "$name " . length($value) . " $value\n";
    }

    $context = defined $context ? "context $context" : '';
    utf8::encode($context);

    return sha256_hex($text . $context);
}


# by form, field by field

my $before = time;

$r = file({ subject     => "  No abre \x{202e}ñandú\x{7} \x{1f642} ",
            description => "Uno\r\nDos\rTres\nCuatro \x{202e}<b>\x{1f980}\r\n",
            category    => 'uso',
            name        => "Ana\tLópez\x{200f}",
            phone       => '+52 (55) 1234-5678',
            context     => '{"route": "Form", "n": [1, {"é": null}]}' });

is($r->{status}, 303, 'by form: 303');
is($r->{body}, '', '... no body');
my $folio = folio($r);
ok($folio, '... to the page of its folio');
my $link = $r->header('Location');

my $row = stored($folio);
my $id = delete $row->{id};
my $filed = delete $row->{filed_at};

is_deeply(JSON::PP->new->decode(delete $row->{context}),
          { route => 'Form', n => [1, { 'é' => undef }] }, 'context');
is(delete $row->{sha}, sha($row, '{"route":"Form","n":[1,{"é":null}]}'),
   'the hash of the body');
is(delete $row->{reply_due}, strftime('%Y-%m-%dT%H:%M:%SZ',
   gmtime(seconds($filed) + 90 * 60)), 'a reply by 90 minutes of hours');
is_deeply($row, {
    tenant => 'acme', folio => $folio, subject => "No abre ñandú \x{1f642}",
    description => "Uno\nDos\nTres\nCuatro \x{202e}<b>\x{1f980}",
    category => 'uso', out_of_scope => 0, urgent => 0, queue => 'soporte',
    email => 'ana@acme.mx', name => 'Ana López', phone => '+52 (55) 1234-5678',
    verified => 0, user_id => undef, lang => 'es', node => 'uno',
    status => 'received'
}, 'field by field');
like($id, qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/, 'a UUIDv7');
no warnings 'portable';
cmp_ok(abs(hex($id =~ s/^(.{8})-(.{4}).*/$1$2/r) / 1000 - $before), '<', 5,
       '... of now');
wait_is(sub { scalar(() = glob "$spool/{new,sending,tmp,dead}/*") }, 0,
        'and gone from the spool');

sub seconds {
    my ($instant) = @_;

    my ($y, $m, $d, @time) = $instant =~ /(\d+)/g;

    local $ENV{TZ} = 'UTC';
    POSIX::tzset();

    return POSIX::mktime(reverse(@time[0 .. 2]), $d, $m - 1, $y - 1900);
}


# by JSON

$r = file_json({ subject => "\x{1f9ea} é", category => 'conectividad',
                 name => undef, context => { a => "\x{1f980}", b => [1.5] } },
               'Accept-Language' => 'en');
is($r->{status}, 201, 'by JSON: 201');
is($r->header('Content-Type'), 'application/json', '... JSON');
is_deeply([sort keys %{$r->json}], [qw(filed_at folio reply_due status url)],
          '... its keys');
is($r->json->{folio}, folio($r), '... folio');
is($r->json->{url}, $r->header('Location'), '... url');
is($r->json->{status}, 'received', '... status');
is($r->json->{reply_due}, undef, '... no time is promised');

$row = stored(folio($r));
is($row->{subject}, "\x{1f9ea} é", 'JSON: subject');
is($row->{lang}, 'en', 'JSON: lang');
is($row->{urgent}, 1, 'JSON: urgent by its category');
is($row->{queue}, 'infraestructura', 'JSON: the queue of its category');
is($row->{name}, undef, 'JSON: no name');
is($row->{filed_at} =~ s/\.\d+//r, $r->json->{filed_at} =~ s/\.\d+//r,
   'JSON: filed_at');
is_deeply(JSON::PP->new->decode($row->{context}),
          { a => "\x{1f980}", b => [1.5] }, 'JSON: context');

$r = file({}, Accept => 'application/json');
is($r->{status}, 201, 'a form that asks for JSON: 201');
$r = file_json({}, Accept => 'text/html');
is($r->{status}, 303, 'JSON that asks for a page: 303');
$r = file_json({ category => 'uso' });
is(stored(folio($r))->{reply_due} =~ s/\.\d+//r, $r->json->{reply_due},
   'reply_due is said and stored');

for my $case (['cuenta', 'cobranza', 0, ''], ['preguntas', 'soporte', 0, ''],
              ['visita', 'campo', 1, 'campo'],
              ['visita', 'success-pack', 1, 'x' x 65],
              ['visita', 'success-pack', 1, "\xff"])
{
    my ($category, $queue, $outside, $header) = @$case;

    $r = file({ category => $category }, 'X-Queue' => $header);
    $row = stored(folio($r));
    is($row->{queue}, $queue, "the queue of $category is $queue");
    is($row->{out_of_scope}, $outside, '... out of scope or not');
}

$r = file({ category => 'importacion' }, Accept => 'application/json');
is($r->json->{reply_due}, undef, 'what is not included has no time');

$r = post_json($nginx->addr('SHUT'), $tickets, \%good, 'X-Close' => 1);
is($r->{status}, 201, 'a tenant that is closed takes tickets');
is(stored(folio($r))->{urgent}, 1, '... as urgent');

$r = request($addr, 'POST', $tickets,
             "8\r\nsubject=\r\n3\r\n%C3\r\n5\r\n%B1&t\r\n"
             . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $_, $_),
             Cookie => $cookie, @form, 'Transfer-Encoding' => 'chunked')
    for "oken=$token&description=x&category=uso&email=a\@b.mx";
is($r->{status}, 303, 'in chunks that cut a character');
is(stored(folio($r))->{subject}, 'ñ', '... which is whole');

my $c = Soporte::Http->connect($addr);
my $body = $json->encode(\%good);
$c->send("POST $tickets HTTP/1.1\r\nHost: $host\r\nContent-Length: "
         . length($body) . "\r\nContent-Type: application/json\r\n"
         . "Expect: 100-continue\r\n\r\n", $body);
$r = $c->response;
is($r->{status}, 201, 'Expect: 100-continue');
is($r->{interim}[0]{status}, 100, '... was invited');
$c->close;

$r = curl('--http2-prior-knowledge', '-H', "Cookie: $cookie", '-H',
          'Cookie: other=1', '--data-urlencode', 'subject=HTTP/2',
          map({ ('-d', $_) } "token=$token", 'description=x', 'category=uso',
              'email=a%40b.mx'), 'http://' . $nginx->addr('H2') . $tickets);
is("$r->{version} $r->{status}", '2.0 303', 'HTTP/2');
is(stored(folio($r))->{subject}, 'HTTP/2', '... arrives');

is(file_json({}, 'Content-Type' => $_)->{status}, 201, "type: $_")
    for 'application/json; charset=utf-8', 'Application/JSON;x=y';


# limits: the last good one, the first bad one

my $wide = "\x{1f642}";

sub deep { '{"a":' x ($_[0] - 1) . '{}' . '}' x ($_[0] - 1) }

for my $case (['subject', $wide x 140, $wide x 141],
              ['description', $wide x 20_000, $wide x 20_001],
              ['name', $wide x 140, $wide x 141],
              ['phone', '5' x 32, '5' x 33],
              ['email', 'a' x 64 . '@' . join('.', ('b' x 60) x 3) . '.mxabcd',
               'a' x 64 . '@' . join('.', ('b' x 60) x 3) . '.mxabcdef'],
              ['context', '{"a":"' . 'x' x 8184 . '"}',
               '{"a":"' . 'x' x 8185 . '"}'],
              ['context', deep(8), deep(9)])
{
    my ($name, $good, $bad) = @$case;
    my $length = length $bad;

    is(file({ $name => $good })->{status}, 303, "$name: as long as may be");
    $r = file({ $name => $bad }, Accept => 'application/json');
    is($r->{status}, 422, "$name: longer ($length)");
    is_deeply([keys %{$r->json->{errors}}], [$name], '... is what is wrong');
}

is(length 'a' x 64 . '@' . join('.', ('b' x 60) x 3) . '.mxabcd', 254,
   'the e-mail was of 254');


# everything that is wrong, at once

my $kept;

wait_is(sub { scalar(() = glob "$spool/{new,sending}/*") }, 0, 'delivered', 5);
$kept = kept();

$r = file_json({ subject => '', description => " \n\x{a0}", category => 'x',
                 email => 'x', phone => 'no', extra => 1, name => 5,
                 context => [] });
is($r->{status}, 422, 'JSON: 422');
is($r->header('Content-Type'), 'application/problem+json', '... a problem');
is_deeply([sort keys %{$r->json}], [qw(errors status type)], '... its keys');
is_deeply([sort keys %{$r->json->{errors}}],
          [qw(category context description email extra name phone subject)],
          '... every field');
like($_, qr/\w{3,}/, '... in words') for values %{$r->json->{errors}};
is($r->json->{errors}{category}, 'Ese tema no existe. Elige uno de la lista.',
   '... in Spanish');
is(file_json({ category => 'x' }, 'Accept-Language' => 'en')
   ->json->{errors}{category} =~ /\b(\w+ does not exist|list)\b/ ? 1 : 0, 1,
   '... or English');

my $evil = q("><script>alert(1)</script>'&);

$r = file({ subject => $evil x 6, description => "$evil</textarea>\nñ",
            email => $evil, name => $evil, phone => $evil,
            category => 'visita' });
utf8::decode($r->{body});

is($r->{status}, 422, 'form: 422');
is(() = $r->{body} =~ /<script>alert/g, 0, '... nothing gets out');
is_deeply([$r->{body} =~ /<p class=e id=e-(\w+)>/g], [qw(subject email phone)],
          '... each error beside its field');
is_deeply([$r->{body} =~ /aria-describedby=e-(\w+)/g],
          [qw(subject email phone)], '... and bound to it');
is_deeply([sort $r->{body} =~ /<a href="#f-(\w+)">/g],
          [qw(email phone subject)], '... and told above');
like($r->{body}, qr/value="visita" checked/, '... the choice is kept');
like($r->{body}, qr{&lt;/textarea&gt;\nñ</textarea>}, '... and the text');
is(() = $r->{body} =~ /value="&quot;&gt;&lt;script&gt;/g, 4,
   '... and the rest');
my ($again) = $r->{body} =~ /name=token value="([^"]+)"/;
like($again, qr/^[\w-]{32}$/, '... with a token');
is(file({ token => $again })->{status}, 303, '... that is good');
$kept++;

$r = request($addr, 'POST', $tickets,
             "token=$token&subject=a&subject=b&description=x&category=uso"
             . '&email=a%40b.mx', Cookie => $cookie, @form);
is($r->{status}, 422, 'a field twice');
like($r->{body}, qr/id=e-subject>Este dato/, '... says so');


# a person or not

for my $accept ('text/html', 'application/json') {
    my @accept = (Accept => $accept);

    $r = file({ website => 'http://spam' }, @accept);
    is($r->{status}, 422, "honeypot: 422 ($accept)");
    like($r->{body}, $accept =~ /html/ ? qr/<button name=confirm value=1>/
                                       : qr/"form":"Confirma/, '... asks');
}

is(file({ website => 'x', confirm => 1 })->{status}, 303, '... and believes');
is(file({ website => '' })->{status}, 303, 'an empty one is none');
$kept += 2;

my ($slow_cookie, $slow_token) = form($nginx->addr('B'));
my @slow = (%good, token => $slow_token);

$r = post_form($nginx->addr('B'), $tickets, \@slow, Cookie => $slow_cookie);
is($r->{status}, 422, 'too fast');
like($r->{body}, qr/<button name=confirm value=1>/, '... asks');
like($r->{body}, qr/value="No abre"/, '... filled in');
is(post_form($nginx->addr('B'), $tickets, [@slow, confirm => 1],
             Cookie => $slow_cookie)->{status}, 303, '... and believes');
$kept++;

$r = post_form($nginx->addr('B'), $tickets, [@slow, email => '', confirm => 1],
               Cookie => $slow_cookie);
is($r->{status}, 422, 'a person with a mistake');


# forms of others: Origin x Sec-Fetch-Site x token

my $key = slurp($nginx->prefix . '/lib/key');
is(length $key, 32, 'the key');
my ($nonce) = $cookie =~ /=(.*)/;

sub token {
    my ($tenant, $expires, $with) = @_;

    my $time = pack 'Q>', $expires;
    my $mac = hmac_sha256("form\0$tenant\0$time" . ($with // $nonce), $key);

    return encode_base64url($time . substr $mac, 0, 16);
}

my %token = (
    good    => [$token, 'good'],
    made    => [token('acme', time + 3600), 'good'],
    expired => [token('acme', time - 1), 'expired'],
    tenant  => [token('otra', time + 3600), 'forged'],
    later   => [substr(token('acme', time + 9999), 0, 11)
                . substr($token, 11), 'forged'],
    nonce   => [token('acme', time + 3600, 'x' x 22), 'forged'],
    short   => [substr($token, 0, 31), 'forged'],
    empty   => ['', 'forged'],
    absent  => [undef, 'forged']
);

for my $i (0, 10, 11, 20, 31) {
    my $flipped = $token;

    substr($flipped, $i, 1) = substr($flipped, $i, 1) eq 'b' ? 'c' : 'b';
    $token{"flipped at $i"} = [$flipped, 'forged'];
}

my %origin = (absent => [undef, ''], same => ["http://$host", 'yes'],
              tls => ["https://$host", 'yes'], null => ['null', 'no'],
              foreign => ['http://evil.example', 'no'],
              port => ['http://127.0.0.1:1', 'no'],
              longer => ["http://$host.evil.example", 'no'],
              user => ["http://evil.example\@$host", 'no'], none => ['', 'no']);
my %site = (absent => [undef, ''], 'same-origin' => ['same-origin', 'yes'],
            user => ['none', 'yes'], 'same-site' => ['same-site', 'no'],
            'cross-site' => ['cross-site', 'no'], odd => ['x', 'no']);
my %seen;

for my $o (sort keys %origin) {
    for my $s (sort keys %site) {
        for my $t (sort keys %token) {
            my ($origin, $from) = @{$origin{$o}};
            my ($site, $vouched) = @{$site{$s}};
            my ($value, $is) = @{$token{$t}};

            my $expected = "$from$vouched" =~ /no/ ? 403
                           : $is eq 'good' ? 303
                           : $is eq 'expired' || $from || $vouched ? 422
                           : 403;

            # most of it is foreign: one token says it all there
            next if "$from$vouched" =~ /no/ && $t !~ /^(?:good|absent)$/;

            $r = file({ token => $value }, Host => $host, Origin => $origin,
                      'Sec-Fetch-Site' => $site);
            is($r->{status}, $expected,
               "Origin $o, Sec-Fetch-Site $s, token $t");
            $seen{$expected}++;
        }
    }
}

$kept += $seen{303};
cmp_ok($seen{$_}, '>', 10, "$_ was seen") for 303, 403, 422;

is(file({}, Cookie => 'a=b')->{status}, 403, 'a token without its cookie');
is(file({}, Cookie => 'soporte=' . 'x' x 22)->{status}, 403,
   'a token with another cookie');
$r = file({ token => $token{expired}[0] });
utf8::decode($r->{body});
like($r->{body}, qr/Pasó mucho tiempo/, 'expired: is told');
like($r->{body}, qr/value="No abre"/, '... filled in');

for my $headers ([Origin => 'http://evil.example'], [Origin => 'null'],
                 ['Sec-Fetch-Site' => 'cross-site'],
                 ['Sec-Fetch-Site' => 'same-site'])
{
    is(file_json({}, Host => $host, @$headers)->{status}, 403,
       "JSON with @$headers");
}

is(file_json({}, Host => $host, Origin => "http://$host")->{status}, 201,
   'JSON of our own page');
$kept++;

$r = request($addr, 'OPTIONS', $tickets, undef, Origin => 'http://evil.example',
             'Access-Control-Request-Method' => 'POST',
             'Access-Control-Request-Headers' => 'content-type');
is($r->{status}, 405, 'a preflight is refused');
unlike($r->{raw}, qr/Access-Control/i, '... without a word of CORS');


# types and bodies that are none

is(request($addr, 'POST', $tickets, '{}', 'Content-Type' => $_)->{status}, 415,
   'type: ' . ($_ // 'none'))
    for undef, '', 'text/plain', 'application/jsonp', 'text/json',
        'application/json-patch+json', 'application/x-www-form-urlencodedx';
is(file_json({}, 'Content-Encoding' => 'gzip')->{status}, 415,
   'a body that is packed');

my $whole = $json->encode(\%good);
my $begun = $whole =~ s/\}$//r;

for my $case (['', 'nothing'], ['x', 'no JSON'], ["$whole x", 'more behind it'],
              ["$whole$whole", 'two'], ['[' x 100_000, 'deep'],
              ["$begun,\"subject\":\"z\"}", 'a key twice'],
              ["$begun,\"context\":{\"a\":1,\"a\":1}}", 'a key twice, within'],
              ["$begun,\"name\":\"\\u0000\"}", 'a NUL'],
              ["$begun,\"name\":\"\0\"}", 'a NUL as it is'],
              ["$begun,\"name\":\"\\ud800\"}", 'half a character'],
              ["$begun,\"name\":\"\xff\"}", 'no UTF-8'],
              ["$begun,\"name\":\"\xed\xa0\x80\"}", 'a surrogate in UTF-8'],
              ["$begun,\"name\":\"\xc0\xaf\"}", 'an overlong one'],
              ["$begun,\"name\":\"a\nb\"}", 'a raw line feed'],
              ["$begun,}", 'a comma too many'], ["$begun,\"name\":NaN}", 'NaN'],
              ["$begun,'name':1}", 'single quotes'],
              ["\xef\xbb\xbf$whole", 'a BOM'],
              ["/**/$whole", 'a comment'], ["$begun,\"n\":" . '9' x 400 . '}',
                                        'a number too large'],
              ["$begun,\"context\":" . deep(9) . '}', 'deep within'])
{
    my ($bytes, $name) = @$case;
    my $began = time;

    $r = request($addr, 'POST', $tickets, $bytes, @json);
    is($r->{status}, 400, "JSON: $name");
    is($r->header('Content-Type'), 'application/problem+json', '... says so');
    cmp_ok(time - $began, '<', 0.5, '... quickly');
}

for my $case (['[]', ''], ['null', ''], ['"a"', ''], ['1', ''],
              ["$begun,\"name\":1}", 'name'], ["$begun,\"name\":{}}", 'name'],
              ["$begun,\"context\":\"x\"}", 'context'],
              ["$begun,\"tenant\":\"otra\"}", 'tenant'],
              ["$begun,\"verified\":true}", 'verified'],
              ["$begun,\"id\":\"x\"}", 'id'],
              ["$begun,\"token\":\"x\"}", 'token'])
{
    my ($bytes, $field) = @$case;

    $r = request($addr, 'POST', $tickets, $bytes, @json);
    is($r->{status}, 422, "JSON: $bytes");
    is_deeply([keys %{$r->json->{errors}}], [$field], '... names the field');
}

my ($worker) = $nginx->workers;
my $memory = sub { (split ' ', slurp("/proc/$worker/statm"))[1] };
my $pages = $memory->();

request($addr, 'POST', $tickets, $_ x 100_000, @json)
    for ('[', '{"a":', '"\u0061', '[[],') x 5;
# a sanitizer keeps for a while what is freed
cmp_ok($memory->() - $pages, '<', $ENV{ASAN_OPTIONS} ? 8192 : 1024,
       'hostile JSON leaves memory flat');

for my $case (['subject=%zz', 400], ['subject=%', 400], ['subject=%00', 400],
              ['subject=a%00b', 400], ['subject=%ff', 400],
              ['subject=%ed%a0%80', 400], ["subject=\xff", 400],
              ['=' x 1000, 403], ['&' x 1000, 403], ['', 403])
{
    my ($bytes, $status) = @$case;

    $r = request($addr, 'POST', $tickets, $bytes, Cookie => $cookie, @form);
    is($r->{status}, $status, 'form: ' . substr $bytes, 0, 20);
}

is(request($addr, 'POST', $tickets, 'x' x 600_000, @$_)->{status}, 413,
   "a body over the limit: $_->[1]") for \@json, \@form;

$c = Soporte::Http->connect($addr);
$c->send("POST $tickets HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n"
         . "Content-Type: application/json\r\n\r\n", substr $whole, 0, 20);
$c->abort;

wait_is(\&kept, $kept, 'nothing of what was refused was kept');
is_deeply([glob "$spool/{tmp,dead}/*"], [], '... nor half of it');


# PostgreSQL away: taken all the same, up to the limit of the disk

wait_is(sub { scalar(() = glob "$spool/{new,sending}/*") }, 0, 'all delivered');
$pg->stop;

$r = file({ subject => 'apagado' });
is($r->{status}, 303, 'PostgreSQL is down: filed');
($folio, $link) = (folio($r), $r->header('Location'));
my ($clave) = $link =~ /clave=(.*)/;
$r = get($addr, "$tickets/$folio", Cookie => "soporte-ticket=$clave");
is($r->{status}, 200, '... its page');
utf8::decode($r->{body});
like($r->{body}, qr/Está a salvo con nosotros y en camino/, '... says so');

my @filed = ($folio);

for (1 .. 60) {
    my $began = time;

    $r = file({ subject => 'llena', description => $wide x 20_000 });
    cmp_ok(time - $began, '<', 1, 'nobody waits for PostgreSQL');
    last if $r->{status} != 303;
    push @filed, folio($r);
}

is($r->{status}, 503, 'the spool is full: 503');
cmp_ok(scalar(@filed), '>', 4, '... after a few');
like($r->{body}, qr/$policy->{contact}{phone}/, '... with the phone');
like($r->{body}, qr/$policy->{contact}{email}/, '... and the e-mail');
like($r->header('Retry-After'), qr/^\d+$/, '... and Retry-After');
$r = file_json({ description => $wide x 20_000 });
is($r->{status}, 503, '... JSON: 503');
is_deeply([@{$r->json}{qw(status phone email)}],
          [503, @{$policy->{contact}}{qw(phone email)}], '... the same');
is(scalar(() = glob "$spool/{new,sending}/*"), scalar(@filed),
   'what was told is kept');
is_deeply([glob "$spool/tmp/*"], [], 'nothing is half kept');
is(file({ subject => 'poca cosa' })->{status}, 303,
   'a small one still finds room');
$nginx->allow_log(qr/tickets can.t be kept and are refused: no room/);

$pg->start;
wait_is(sub {
    my @rows = eval { $pg->rows('SELECT folio FROM soporte.ticket
                                 WHERE subject IN (?, ?)', qw(apagado llena)) };
    join ' ', sort map { $_->{folio} } @rows;
}, join(' ', sort @filed), 'delivered when it is back, each once', 35);
wait_is(sub { scalar(() = glob "$spool/{new,sending}/*") }, 0,
        'the spool is empty');
is(file({ description => $wide x 20_000 })->{status}, 303,
   'there is room again');


# the order: written, made durable, named, and only then answered

my $traced = Soporte::Nginx->new(
    files => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    conf  => <<'END');
%%GLOBALS%%
daemon off;
events { }
http {
    %%HTTP%%
    soporte_zone zone=traced:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; }
}
END

my $trace = $traced->prefix . '/trace';

my $strace = Soporte::Process->start(
    command => ['strace', '-f', '-y', '-s', 16, '-o', $trace, '-e',
                'trace=write,pwrite64,writev,sendto,sendmsg,fsync,fdatasync,'
                . 'renameat,renameat2,rename', $traced->command('error.log')],
    env     => { ASAN_OPTIONS => Soporte::Nginx::leaking() },
    log     => $traced->prefix . '/strace.log'
);
wait_for(sub { $traced->workers }, 20, 'nginx under strace');

$r = post_json($traced->addr, $tickets, \%good);
is($r->{status}, 201, 'traced: 201');
ok($traced->stop, 'traced: stopped');
$strace->stop;

# a call that others interrupt ends with its second half

my (@steps, %open);

for my $line (split /\n/, slurp($trace)) {
    my ($pid, $call) = $line =~ /^(\d+) +(.*)/ or next;

    if ($call =~ /(.*) <unfinished \.\.\.>$/) {
        $open{$pid} = $1;
        push @steps, 'answered' if $1 =~ /"HTTP\/1\.1 201/;
        next;
    }

    $call = ($open{$pid} // '') . $1 if $call =~ /^<\.\.\. \w+ resumed>(.*)/;

    push @steps,
        $call =~ /^p?write(?:64)?\(\d+<.*ticket\.json>/ ? 'written'
        : $call =~ /^f(?:data)?sync\(\d+<.*ticket\.json>\) += 0/ ? 'file'
        : $call =~ m{^fsync\(\d+<.*/tmp/[^/]+>\) += 0} ? 'directory'
        : $call =~ m{^rename.*/tmp>.*/new>.*= 0} ? 'named'
        : $call =~ m{^fsync\(\d+<.*/spool/new>\) += 0} ? 'name'
        : $call =~ /"HTTP\/1\.1 201/ ? 'answered' : ();
}

# the start syncs too
shift @steps while @steps && $steps[0] ne 'written';

is(join(' ', @steps), 'written file directory named name answered',
   'written, synced, renamed, synced, answered') or diag(slurp($trace));


# nothing of it is in a log

$nginx->reload(1);

my %canary = (subject => 'canario-asunto', description => 'canario-texto',
              name => 'canario-nombre', email => 'canario@acme.mx',
              phone => '5590909090', context => '{"a":"canario-contexto"}');

$r = file(\%canary, Origin => "http://$host", Host => $host);
is($r->{status}, 303, 'canaries: filed');
my $told = $r->header('Location');
my ($secret) = $told =~ /clave=(.*)/;
get($addr, $told);
get($addr, "$told&x=1");
get($addr, $told, Accept => 'application/json');
get($addr, substr $told, 0, -1);
{
    my $large = Soporte::Http->connect($addr);
    $large->send("GET $told HTTP/1.1\r\nHost: $host\r\n"
                 . "Content-Length: 99999999\r\n\r\n");
    is($large->response->{status}, 413, '... with too large a body');
    $large->close;
}
get($addr, folio($r) ? "$tickets/" . folio($r) : '/',
    Cookie => "soporte-ticket=$secret");
curl('--http2-prior-knowledge', 'http://' . $nginx->addr('H2') . $told);
file({ %canary, email => 'canario' });
file({ %canary, token => undef });
post_json($addr, $tickets, { %canary, context => undef });

my ($access, $errors);

wait_for(sub {
    $access = slurp($nginx->prefix . '/access.log');
    return $access =~ m{GET $tickets/.*HTTP/2} && $access =~ /POST/;
}, 5, 'the access log');
$errors = $nginx->log . $traced->log;

for my $text (qw(canario 5590909090), $token, $nonce, $secret,
              substr($secret, 0, -1), $clave)
{
    is(() = $access =~ /\Q$text\E/g, 0, 'not in the access log: '
       . substr $text, 0, 12);
    is(() = $errors =~ /\Q$text\E/g, 0, 'not in the error log: '
       . substr $text, 0, 12);
}

like($access, qr{GET \Q$tickets\E/SOP-\w{5}-\w{5}\?clave=\*{43} HTTP/1\.1},
     'that there was a key is logged');
like($access, qr{clave=\*{43}&x=1 HTTP/1\.1}, '... and what is behind it');

done_testing;
