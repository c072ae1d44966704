# Prevents tests that pass against an ERPNext that never was: the stand-in
# answers as the files of Frappe named in its head do.

use strict;
use warnings;

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Test;

my $erp = Soporte::ErpNext->new(sites => { 'acme.test' => 'up',
                                           'otra.test' => 'maintenance' });
my $addr = $erp->addr;
my @acme = (Host => 'acme.test');
my @otra = (Host => 'otra.test');
my $ping = '/api/method/ping';
my $user = '/api/method/frappe.auth.get_logged_user';


# sites

is_deeply(get($addr, $ping, @acme)->json, { message => 'pong' }, 'ping');
is(get($addr, $ping, Host => 'nobody.test')->{status}, 404, 'unknown site');
is(get($addr, $ping, Host => 'nobody.test', 'X-Frappe-Site-Name' => 'acme.test')
   ->{status}, 200, 'the header wins over Host');
like(get($addr, '/app', @acme)->{body}, qr/ERPNext/, 'the desk');


# who is logged in

is(get($addr, $user, @acme)->{status}, 403, 'a guest');

my $login = post_form($addr, '/api/method/login',
                      [usr => 'ana@acme.test', pwd => 'demo'], @acme);
my ($sid) = map { /^(sid=[^;]+)/ } $login->values('Set-Cookie');

is(get($addr, $user, @acme, Cookie => $sid)->json->{message}, 'ana@acme.test',
   'a user');
is(get($addr, $user, @acme, Cookie => 'sid=old')->json->{session_expired}, 1,
   'an old session');
is(get($addr, $user, @acme, Authorization => 'token a:b')->{status}, 401,
   'a bad token');


# maintenance: Frappe's rule of form

my @xhr = ('X-Requested-With' => 'XMLHttpRequest');

for my $row ([$ping,  [],                                   'json'],
             [$ping,  [Accept => 'text/html'],              'html'],
             ['/app', [],                                   'html'],
             ['/app', [Accept => '*/*'],                    'html'],
             ['/app', [Accept => '*/*', @xhr],              'json'],
             ['/app', [@xhr],                               'html'],
             ['/app', [Accept => 'application/json'],       'json'])
{
    my ($path, $headers, $form) = @$row;
    my $r = get($addr, $path, @otra, @$headers);

    is($r->{status}, 503, "maintenance: $path @$headers");
    $form eq 'json'
        ? is_deeply($r->json, { exc_type => 'SessionStopped' }, 'as JSON')
        : like($r->{body}, qr/<title>Updating/, 'as HTML');
}

$erp->profile('otra.test', 'readonly');

is(get($addr, '/api/resource/Item', @otra)->{status}, 200, 'read-only: reads');

my $write = post_json($addr, '/api/resource/Item', {}, @otra);

is($write->{status}, 503, 'read-only: a write');
is($write->json->{exc_type}, 'InReadOnlyMode', 'read-only: says so');
ok($write->json->{_server_messages}, 'read-only: with a message');

$erp->profile('otra.test', 'limited');
ok(get($addr, '/', @otra)->header('Retry-After'), 'limited: Retry-After');


# one request

sub ask {
    my ($words, @more) = @_;

    return get($addr, '/app', @acme, 'X-Stand-In' => $words, @more);
}

is(ask("status=$_")->{status}, $_, "status $_") for 204, 417, 500, 508;
is(length ask('size=5000')->{body}, 5000, 'a body of a size');
is(length ask('drip=0.2,size=1005')->{body}, 1005, 'a body drop by drop');

my $began = Time::HiRes::time();

is(ask('delay=0.3')->{status}, 200, 'late');
cmp_ok(Time::HiRes::time() - $began, '>=', 0.3, 'as late as said');


# the bytes of one that misbehaves

sub bytes {
    my ($words, $seconds) = @_;

    my $c = Soporte::Http->connect($addr)->timeout($seconds // 2);

    $c->send("GET /app HTTP/1.1\r\nHost: acme.test\r\n"
             . "X-Stand-In: $words\r\n\r\n");

    return $c->rest;
}

is(bytes('close'), '', 'closes without a word');
is(bytes('reset'), '', 'resets without a word');
is(bytes('hang', 0.3), '', 'hangs');
like(bytes('garbage'), qr/^no status/, 'garbage');
like(bytes('cut=100'), qr/Content-Length: 200\r\n\r\nx{100}\z/, 'a cut body');
like(bytes('cut=100,chunked'), qr/\r\n64\r\nx{100}\r\n\z/, 'cut in chunks');
like(bytes('cut=100,reset'), qr/x{100}\z/, 'cut by a RST');


# files, socket.io, what arrived

my $file = get($addr, '/private/files/a%20b.pdf', @acme,
               'X-Use-X-Accel-Redirect' => 'True');

is($file->header('X-Accel-Redirect'), '/protected/private/files/a%20b.pdf',
   'private file');

like(get($addr, '/socket.io/?EIO=4&transport=polling', @acme)->{body},
     qr/^0\{"sid"/, 'socket.io: handshake');

my $socket = get($addr, '/socket.io/?EIO=4&transport=websocket', @acme,
                 Upgrade => 'websocket', 'Sec-WebSocket-Version' => 13,
                 Connection => 'Upgrade',
                 'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==');

is($socket->{status}, 101, 'socket.io: websocket');

$erp->forget;
get($addr, '/app?x=1', @acme, 'X-Frappe-Request-Id' => 'abc');

my ($seen) = $erp->requests;

is($seen->{path}, '/app?x=1', 'what arrived: path');
is($seen->{'x-frappe-request-id'}, 'abc', 'what arrived: a header');

$erp->stop;
ok(!eval { get($addr, $ping, @acme) }, 'stopped: refuses');
$erp->start;
is(get($addr, $ping, @acme)->{status}, 200, 'started again');

done_testing();
