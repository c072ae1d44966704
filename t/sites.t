# Prevents a host of a bench that soporte does not know: its nginx.conf stays
# as bench made it, sites come and go without a reload, a host nobody has is
# nobody's, and of a site_config.json nothing but the domains is taken.

use strict;
use warnings;

use JSON::PP qw(decode_json encode_json);

use Soporte::Bench;
use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;

my $bench = Soporte::Bench->new;

$bench->site('acme.example.mx',
             domains => ['www.acme.mx', 'ERP.Acme.MX',
                         { domain => 'tls.acme.mx',
                           ssl_certificate => '/etc/ssl/a.pem' },
                         'bad host', '', 7, { name => 'x' }, ['deep.mx']]);
$bench->site('Beta.Example.mx');
$bench->site('_private.mx');
$bench->site('broken.mx');
$bench->config('broken.mx', '{"domains": ["half.mx"');
mkdir $bench->sites . '/notes';
symlink $bench->sites, $bench->sites . '/loop';
symlink 'self.mx', $bench->sites . '/self.mx';

my %hosts = map { $_ => /acme/ ? 'acme.example.mx' : 'beta.example.mx' }
    qw(acme.example.mx www.acme.mx erp.acme.mx tls.acme.mx beta.example.mx);

my $erp = Soporte::ErpNext->new(sites => {
    localhost => 'up', map { $_ => 'up' } values %hosts, 'nueva.mx'
});

my $nginx = Soporte::Nginx->new(
    workers => 2,
    vars    => { BENCH => $bench->dir, ERP => $erp->addr },
    conf    => <<'END');
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    include %%PREFIX%%/frappe-bench.conf;
    soporte_zone zone=bench:8m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_bench %%BENCH%% upstream=http://%%ERP%%;
    soporte_portal /soporte;
    server {
        listen 127.0.0.1:%%PORT_OWN%%;
        soporte own;
        location / { return 200 "$soporte_tenant"; }
        location /off { soporte off; return 200 "[$soporte_tenant]"; }
    }
    server {
        listen 127.0.0.1:%%PORT_NONE%%;
        soporte off;
        location / { return 200 "[$soporte_tenant]"; }
    }
    server {
        listen 127.0.0.1:%%PORT_ANY%% reuseport;
        add_header X-Pid $pid;
        location / { return 200 "[$soporte_tenant]"; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        soporte off;
        location / { soporte_control; }
        location /metrics { soporte_metrics; }
    }
}
END

$nginx->file('frappe-bench.conf', $bench->conf(
    listen => $nginx->addr, web => $erp->addr, hosts => \%hosts));

my ($code, $said) = $nginx->check;

is($code, 0, 'nginx -t') or diag $said;
like($said, qr/\[warn\].*"_private.mx" has a name that can be no tenant's/,
     '... warns of a name');
like($said, qr/\[warn\].*"broken.mx" can't be understood.*\(2 such\)/,
     '... and of what is broken');
unlike($said, qr/canary/, '... without a password');

$nginx->start;

my $addr = $nginx->addr;
my $any = $nginx->addr('ANY');
my $control = 'unix:' . $nginx->prefix . '/control.sock';


sub tenant {
    my ($host) = @_;

    return get($any, '/', Host => $host)->{body};
}


sub known {
    my $list = get($control, '/v1/tenants')->json;

    return join ' ', sort map { $_->{tenant} }
        @{ref $list eq 'HASH' ? $list->{tenants} : $list};
}


sub good {
    my ($tenant) = @_;

    my ($n) = get($control, '/metrics/tenants')->{body}
        =~ /^soporte_requests_total\{tenant="\Q$tenant\E",result="good"\} (\d+)/m;

    return $n;
}


is(known(), 'acme.example.mx beta.example.mx broken.mx own',
   'the tenants are there from the start');

# whose a host is

for my $row (['acme.example.mx', 'acme.example.mx'],
             ['www.acme.mx', 'acme.example.mx'],
             ['WWW.ACME.MX:8080', 'acme.example.mx'],
             ['www.acme.mx.', 'acme.example.mx'],
             ['erp.acme.mx', 'acme.example.mx'],
             ['tls.acme.mx', 'acme.example.mx'],
             ['beta.example.mx', 'beta.example.mx'],
             ['broken.mx', 'broken.mx'],
             ['half.mx', ''], ['deep.mx', ''], ['nobody.mx', ''],
             ['_private.mx', ''], ['notes', ''], ['loop', ''], ['self.mx', ''],
             ['assets', ''], ['x' x 300, ''], ['127.0.0.1', ''])
{
    my ($host, $key) = @$row;

    is(tenant($host), "[$key]", substr($host, 0, 20) . " is \"$key\"");
}

is(get($nginx->addr('OWN'), '/', Host => 'www.acme.mx')->{body}, 'own',
   'what the configuration says goes before the host');
is(get($nginx->addr('OWN'), '/off', Host => 'www.acme.mx')->{body}, '[]',
   'off is off in a location');
is(get($nginx->addr('NONE'), '/', Host => 'www.acme.mx')->{body}, '[]',
   'off is off in a server');

my $c = Soporte::Http->connect($any);
$c->send("GET http://www.acme.mx/ HTTP/1.1\r\nHost: beta.example.mx\r\n"
         . "X-Forwarded-Host: broken.mx\r\n"
         . "X-Frappe-Site-Name: broken.mx\r\n\r\n");
is($c->response->{body}, '[acme.example.mx]',
   'the host of the request line goes before Host, no other header is asked');
$c->close;

$c = Soporte::Http->connect($any);
$c->send("GET / HTTP/1.0\r\n\r\n");
is($c->response->{body}, '[]', 'no host at all is nobody\'s');
$c->close;

# bench's own nginx.conf: proxied, counted, closed, and with a portal

is(get($addr, '/api/method/ping', Host => 'www.acme.mx')->json->{message},
   'pong', 'proxied through try_files and @webserver');
is(get($addr, '/api/method/ping', Host => 'beta.example.mx')->{status}, 200,
   'the other site');
wait_is(sub { good('acme.example.mx') }, 1, 'counted once');
is(good('beta.example.mx'), 1, '... each for itself');

my $page = get($addr, '/soporte', Host => 'www.acme.mx');

is($page->{status}, 200, 'the portal is there');
is(get($addr, '/soporte/estado.json', Host => 'erp.acme.mx')->json->{tenant},
   'acme.example.mx', '... and the tenant\'s');
is(get($addr, '/soporte', Host => 'nobody.mx')->{status}, 404,
   '... for nobody else');

is(request($control, 'PUT', '/v1/tenants/acme.example.mx/maintenance', '{}')
   ->{status}, 200, 'maintenance by control');
is(get($addr, '/app', Host => 'tls.acme.mx')->{status}, 503, '... closes it');
is(get($addr, '/api/method/ping', Host => 'beta.example.mx')->{status}, 200,
   '... and nobody else');
request($control, 'DELETE', '/v1/tenants/acme.example.mx/maintenance');

# while it runs

$bench->site('nueva.mx', domains => ['www.nueva.mx']);

# each worker looks by itself, so each is asked

sub everywhere {
    my ($host, $key) = @_;

    my %pid;

    for (1 .. 200) {
        my $r = get($any, '/', Host => $host);

        return 0 if $r->{body} ne "[$key]";

        $pid{$r->header('X-Pid')} = 1;
        return 1 if keys %pid == 2;
    }

    return 0;
}

wait_is(sub { everywhere('www.nueva.mx', 'nueva.mx') }, 1,
        'a new site is known without a reload', 20);
like(known(), qr/\bnueva\.mx\b/, '... to the operator as well');

$bench->config('nueva.mx', encode_json({
    domains => ['tienda.nueva.mx', 'www.acme.mx']
}));

wait_is(sub { everywhere('tienda.nueva.mx', 'nueva.mx') }, 1,
        'a new domain', 20);
wait_is(sub { everywhere('www.nueva.mx', '') }, 1, 'an old one is gone', 20);
ok(everywhere('www.acme.mx', 'acme.example.mx'),
   'a domain that two claim stays the first one\'s');
$nginx->wait_log(qr/\[warn\].*"nueva.mx" claims a host of another site/, 20);

$bench->config('nueva.mx', '{"domains": ["tienda.nue');
$nginx->wait_log(qr/\[warn\].*"broken.mx" can't be understood.*\(3 such\)/,
                 20);
ok(everywhere('tienda.nueva.mx', 'nueva.mx'),
   'a file half written changes nothing');

$bench->config('broken.mx', encode_json({ domains => ['half.mx'] }));
wait_is(sub { everywhere('half.mx', 'broken.mx') }, 1, 'mended', 20);

$bench->remove('nueva.mx');
wait_is(sub { everywhere('nueva.mx', '') }, 1, 'a site that is gone', 20);
unlike(known(), qr/nueva/, '... is no longer known');
is(get($control, '/v1/tenants/nueva.mx')->{status}, 404, '... 404');

$bench->site('nueva.mx');
wait_is(sub { everywhere('nueva.mx', 'nueva.mx') }, 1, 'and back', 20);

# what the worker may not read

chmod 0600, $bench->sites . '/beta.example.mx/site_config.json';

if (!$>) {
    rename $bench->sites, $bench->sites . '.real';
    mkdir $bench->sites, 0700;

    $nginx->wait_log(qr/\[warn\].*can't be read by this process/, 20);
    ok(everywhere('tls.acme.mx', 'acme.example.mx'),
       'what can\'t be read stays as it was');

    rmdir $bench->sites;
    rename $bench->sites . '.real', $bench->sites;

    $bench->site('cerrada.mx', domains => ['www.cerrada.mx']);
    chmod 0600, $bench->sites . '/cerrada.mx/site_config.json';
    chown 0, 0, $bench->sites . '/cerrada.mx/site_config.json';

    $nginx->wait_log(qr/\[warn\].*"cerrada.mx" can't be read/, 20);
    is(tenant('www.cerrada.mx'), '[]', 'a site it may not read');

    $nginx->reload('gone');
    is(tenant('www.cerrada.mx'), '[cerrada.mx]', '... a reload reads it');
    ok(everywhere('www.cerrada.mx', 'cerrada.mx'), '... and it stays');
}

is(scalar(() = $nginx->log =~ /has a name that can be no tenant.s/g), $> ? 2 : 3,
   'what is wrong is said once a configuration and once while it runs');

# each site is probed by the name of its folder, gunicorn's own way

sub probed {
    my ($site) = @_;

    return scalar grep {
        $_->{path} eq '/api/method/ping' && $_->{site} eq $site
        && !exists $_->{headers}{'x-frappe-site-name'}
    } $erp->requests;
}

wait_is(sub { probed($_) > 0 }, 1, "$_ is probed", 45)
    for qw(acme.example.mx Beta.Example.mx nueva.mx);
is(probed('own'), 0, 'what the configuration names has its own probe, or none');

# nothing of a site_config.json but the domains

unlike($nginx->log, qr/canary/, 'no password in the log');
unlike(get($control, '/v1/tenants')->{body}, qr/canary/, '... nor shown');

for my $pid ($nginx->workers) {
    no warnings 'portable';

    my ($domain, $secret) = (0, 0);

    open my $maps, '<', "/proc/$pid/maps" or next;
    open my $mem, '<:raw', "/proc/$pid/mem" or next;

    while (my $line = <$maps>) {
        my ($from, $to) = $line =~ /^(\w+)-(\w+) rw/ or next;
        my $size = hex($to) - hex($from);

        next if $size > 64 * 1024 * 1024;
        sysseek $mem, hex($from), 0 or next;
        sysread $mem, my $bytes, $size or next;

        $domain++ if $bytes =~ /tls\.acme\.mx/;
        $secret++ if $bytes =~ /canary-/;
    }

    ok($domain, 'a domain is in the worker\'s memory');
    is($secret, 0, '... and no password');
}

done_testing();
