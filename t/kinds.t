# Prevents a method, or a kind of closing, that slips through: each reason for
# a closed tenant is asked in each way that clients know; and a maintenance of
# Frappe's that outlasts its window, about which nobody says a word.

use strict;
use warnings;

use JSON::PP ();
use POSIX qw(strftime);
use Time::HiRes qw(time);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(wait_for);
use Soporte::Test;

my $erp = Soporte::ErpNext->new(sites => { 'acme.test' => 'up' });
my $json = JSON::PP->new->utf8;

my $nginx = Soporte::Nginx->new(vars => { ERP => $erp->addr },
                                conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=kinds:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_portal /soporte;
    proxy_set_header Host acme.test;
    map $remote_addr $operator { default ""; 127.0.0.2 1; }
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        soporte acme;
        soporte_bypass $operator;
        error_page 503 /operator.html;
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

sub say_it {
    my ($method, $what, $data) = @_;

    return request($control, $method, "/v1/tenants/$what",
                   $data ? $json->encode($data) : undef);
}

sub at { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0])) }

sub is_closed {
    my ($r, $name) = @_;

    is($r->{status}, 503, "$name: 503");
    is($r->header('Cache-Control'), 'no-store', '... no-store');
    like($r->header('Retry-After') // '', qr/^\d+$/, '... Retry-After');
    like($r->header('Content-Security-Policy') // '', qr/^default-src 'none'/,
         '... CSP');
}


my %close = (
    maintenance => sub { say_it('PUT', 'acme/maintenance', {}) },
    'maintenance of all' => sub { say_it('PUT', '*/maintenance', {}) },
    window => sub {
        say_it('POST', 'acme/maintenances', { starts_at => at(1) });
        wait_for(sub { get($control, '/v1/tenants/acme')->json->{state}
                       eq 'maintenance' }, 10, 'the window to begin');
    },
    restore => sub { say_it('PUT', 'acme/restore', { phase => 'checks' }) },
    incident => sub {
        say_it('PUT', 'acme/incident', { block => JSON::PP::true })
    }
);

for my $kind (sort keys %close) {
    $close{$kind}->();
    $erp->forget;

    for my $method (qw(GET POST PUT PATCH DELETE OPTIONS PROPFIND)) {
        my $body = $method =~ /^(?:GET|OPTIONS)$/ ? undef : 'x=1';
        is_closed(request($addr, $method, '/app', $body), "$kind, $method");
    }

    my $r = request($addr, 'HEAD', '/app');
    is_closed($r, "$kind, HEAD");
    is($r->{body}, '', '... no body');

    is_closed(request($addr, 'POST', '/api/method/upload_file',
                      'x' x 300_000), "$kind, an upload");
    is_closed(get($addr, '/app', Range => 'bytes=0-9'), "$kind, Range");
    is_closed(get($addr, '/app', 'If-None-Match' => '*'),
              "$kind, If-None-Match");
    is_closed(get($addr, '/socket.io/?EIO=4&transport=websocket',
                  Upgrade => 'websocket', Connection => 'Upgrade',
                  'Sec-WebSocket-Key' => 'eA==',
                  'Sec-WebSocket-Version' => 13), "$kind, an upgrade");
    is_closed(get($addr, '/app', $_ => '127.0.0.2'), "$kind, a forged $_")
        for qw(X-Forwarded-For X-Real-IP Forwarded);

    for my $method (qw(GET POST)) {
        is_closed(curl('--http2-prior-knowledge', '-X', $method,
                       'http://' . $nginx->addr('H2') . '/app'),
                  "$kind, HTTP/2 $method");
    }

    # no invitation to send what nobody will read

    my $c = Soporte::Http->connect($addr);
    $c->send("POST /app HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n"
             . "Expect: 100-continue\r\n\r\n");
    $r = $c->response;
    is_closed($r, "$kind, Expect");
    is_deeply($r->{interim}, [], '... no 100 Continue');
    $c->close;

    for my $path ('/api/method/x', '/api/v2/document/x') {
        $r = get($addr, $path);
        is_closed($r, "$kind, $path");
        is($r->header('Content-Type'), 'application/json', '... JSON');
        is($r->json->{exc_type}, 'SessionStopped', '... as Frappe says it');
    }

    is(scalar $erp->requests, 0, "$kind: nothing came to the application");

    $r = curl('--interface', '127.0.0.2', "http://$addr/app");
    is($r->{status}, 200, "$kind: an operator sees the site");
    is(get($addr, '/robots.txt')->{status}, 200, '... robots.txt');
    is(get($addr, '/.well-known/acme-challenge/x')->{status}, 404,
       '... certificates');
    is(get($addr, '/soporte')->{status}, 200, '... the portal');

    say_it('DELETE', "acme/$_") for qw(maintenance restore incident);
    say_it('DELETE', '*/maintenance');
    is(get($addr, '/app')->{status}, 200, "$kind: open again");
}


# Frappe stays in maintenance when the window is over

$erp->profile('acme.test', 'maintenance');
say_it('PUT', 'acme/maintenance', { title => 'Actualización',
                                    ends_at => at(2) });
unlike(get($addr, '/app')->{body}, qr/se alargó/, 'in its window');
wait_for(sub { get($control, '/v1/tenants/acme')->json->{state}
               ne 'maintenance' }, 10, 'the window to end');

my $r = get($addr, '/app');
is($r->{status}, 503, 'after it: 503');
like($r->{body}, qr/El mantenimiento se alargó/, '... the page says so');
like($r->{body}, qr/Debía terminar \(\d+:\d\d\)/, '... and since when');
like(get($addr, '/api/x')->json->{_server_messages}, qr/Deb.a terminar/,
     '... the desk hears it');

wait_for(sub {
    get($addr, '/app');
    return get($control, '/v1/tenants/acme')->json->{state} eq 'down';
}, 60, 'the outage to be seen');

my $incident = get($control, '/v1/tenants/acme')->json->{incident};
is($incident->{cause}, 'stopped', 'it is an incident, for that reason');
like(get($addr, '/app')->{body}, qr/El mantenimiento se alargó/,
     '... and the page says so still');
like(get($addr, '/soporte/estado')->{body}, qr/El mantenimiento se alargó/,
     '... and the status page');

done_testing;
