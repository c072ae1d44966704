# Prevents a failure trail that tells of somebody else's session, names a
# document, keeps a query, or goes with a ticket that its customer took it off;
# a tenant that fills the disk of all; a limit that costs disk or database.

use strict;
use warnings;
use utf8;

use JSON::PP ();

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process;
use Soporte::Test;

my $erpnext = Soporte::ErpNext->new(sites => {
    'acme.mx' => 'up', 'otra.mx' => 'up', 'dead.mx' => 'up'
});

my $nginx = Soporte::Nginx->new(
    vars  => { UP => $erpnext->addr },
    files => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    conf  => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=trail:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib max_size=8m;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_probe off;
    map $host $tenant { acme.mx acme; otra.mx otra; dead.mx acme;
                        limit.mx limit; default ""; }
    map $request_method $from { POST $binary_remote_addr; default ""; }
    limit_req_zone $from zone=slow:1m rate=1r/m;
    limit_req_status 429;
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        soporte $tenant;
        soporte_portal /soporte;
        location / {
            proxy_pass http://%%UP%%;
            proxy_set_header Host $host;
            proxy_set_header X-Frappe-Request-Id $request_id;
            error_page 508 /other.html;
        }
        location = /other.html { internal; return 200 x; }
        location /nowhere/ { proxy_pass http://127.0.0.1:%%PORT_DEAD%%; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name limit.mx;
        soporte limit;
        location ^~ /soporte {
            soporte_portal;
            limit_req zone=slow burst=2 nodelay;
            error_page 429 /soporte/ocupado;
        }
    }
    server { listen 127.0.0.1:%%PORT_METRICS%%;
             location / { soporte_metrics; } }
}
END

my $addr = $nginx->addr;
my $spool = $nginx->prefix . '/lib/spool';
my $json = JSON::PP->new->utf8;
my $r;


# one request of a session: its id, as ERPNext was told
sub ask {
    my ($sid, $path, $words, %option) = @_;

    $erpnext->forget if !$option{away};
    request($addr, $option{method} // 'GET', $path, $option{body},
            Host => $option{host} // 'acme.mx',
            Cookie => $sid && "x=1; sid=$sid; y=2", 'X-Stand-In' => $words);

    return if $option{away};
    return ($erpnext->requests)[-1]{'x-frappe-request-id'};
}

# what the form of a session offers: the decoded context, the page
sub offered {
    my ($sid, $host) = @_;

    my $page = get($addr, '/soporte', Host => $host // 'acme.mx',
                   Cookie => "sid=$sid");
    my ($value) = $page->{body} =~ /name=context value="([^"]*)"/;

    return (undef, $page) if !defined $value;

    $value =~ s/&quot;/"/g;
    $value =~ s/&amp;/&/g;

    return ($json->decode($value), $page);
}


# slow, to be looked at last

my $slow = Soporte::Http->connect($addr);

$slow->send(Soporte::Http::bytes('GET', '/app/slow-one/x', undef,
                                 Host => 'acme.mx', Cookie => 'sid=slow',
                                 'X-Stand-In' => 'delay=5.2'));


# nothing of what went well, nothing without a session

ask('ana', '/app/sales-invoice/SINV-0001');
ask(undef, '/app/home', 'status=500');
ask('Guest', '/app/home', 'status=500');
ask('ana', '/app/home', 'status=404');
is((offered($_))[0], undef, "no trail: $_") for qw(ana Guest nobody);


# failures: cut behind the doctype, without a query, with their ids

my @id = (
    ask('ana', '/app/sales-invoice?token=canario', 'status=500'),
    ask('ana', '/api/resource/Sales%20Invoice/SINV-0001', 'status=500'),
    ask('ana', '/api/method/frappe.client.save', 'status=500',
        method => 'POST', body => 'canario'),
    ask('ana', '/private/files/contrato-canario.pdf', 'status=508')
);

ask('ana', '/nowhere/canario', undef, away => 1);

my ($context, $page) = offered('ana');
my @steps = @{$context->{failures}};

is_deeply([keys %$context], ['failures'], 'a trail, and no more');
is_deeply([map { "$_->{method} $_->{path} $_->{status}" } @steps],
          ['GET /app/sales-invoice 500', 'GET /api/resource/Sales Invoice 500',
           'POST /api/method/frappe.client.save 500',
           'GET /private/files 508', 'GET /nowhere 503'],
          'what failed, in order, without names')
    or diag(explain(\@steps));
is_deeply([map { $_->{request_id} } @steps[0 .. 3]], \@id,
          '... with the ids that ERPNext knows');
like($_->{at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, '... when') for @steps;
unlike($page->{body}, qr/canario|SINV/, 'no query, no document on the page');

utf8::decode($page->{body});
like($page->{body},
     qr{name=context value="[^"]+" checked>},
     'it is shown, and can be taken off');
like($page->{body}, qr{<dd>GET /app/sales-invoice, 500, \d+\.\d s</dd>},
     '... in words');

is((offered('eva'))[0], undef, 'another session has none of it');
is((offered('ana', 'otra.mx'))[0], undef, 'nor has another tenant');


# many: the last eight; odd paths

ask('many', "/app/doc-$_/x", 'status=500') for 1 .. 11;
is_deeply([map { $_->{path} } @{(offered('many'))[0]{failures}}],
          [map { "/app/doc-$_" } 4 .. 11], 'the last eight');

ask('odd', $_, 'status=500')
    for '/app/%3Cscript%3E', '/app/%ff%e2%80%ae', '/app/' . 'x' x 200,
        '/%C3%B1and%C3%BA/secreto', '/';
is_deeply([map { $_->{path} } @{(offered('odd'))[0]{failures}}],
          ['/app/<script>', '/app/?', '/app/' . 'x' x 66, '/ñandú', '/'],
          'odd paths');

my $c = curl('--http2-prior-knowledge', '-H', 'Host: acme.mx', '-H',
             'Cookie: sid=two', '-H', 'X-Stand-In: status=500',
             'http://' . $nginx->addr('H2') . '/app/h2/x');
is((offered('two'))[0]{failures}[0]{path}, '/app/h2', 'HTTP/2');

$nginx->reload;
is(scalar @{(offered('ana'))[0]{failures}}, 5, 'a reload keeps it');


# with a ticket, or not

my ($cookie) = $page->header('Set-Cookie') =~ /^([^;]+)/;
my ($token) = $page->{body} =~ /name=token value="([^"]+)"/;
my %good = (subject => 'x', description => 'x', category => 'uso',
            email => 'ana@acme.mx', token => $token);

sub file {
    my (%change) = @_;

    my %field = (%good, %change);

    return post_form($addr, '/soporte/tickets', [%field], Host => 'acme.mx',
                     Cookie => "$cookie; sid=ana");
}

sub spooled {
    my ($ticket) = glob "$spool/new/*";
    my $document = $json->decode(slurp("$ticket/ticket.json"));

    system 'rm', '-r', $ticket;

    return $document;
}

is(file(context => $json->encode($context))->{status}, 303, 'with it: 303');
is_deeply(spooled()->{context}, $context, '... it goes along, as shown');
is(file()->{status}, 303, 'without: 303');
is(spooled()->{context}, undef, '... nothing goes along');

$r = file(email => 'x');
is($r->{status}, 422, 'a mistake, without: 422');
like($r->{body}, qr/name=context value="[^"]+">/, '... it stays off');
$r = file(email => 'x', context => '{"route":"Form/<b>","failures":[1]}');
like($r->{body}, qr/name=context value="[^"]+" checked>/, '... or stays on');
like($r->{body}, qr/<dd>Form\/&lt;b&gt;</, '... as it was, escaped');
is(post_json($addr, '/soporte/tickets', { map { $_ => $good{$_} }
   qw(subject description category email) }, Host => 'acme.mx',
   Cookie => 'sid=ana')->{status}, 201, 'JSON: nobody was shown anything');
is(spooled()->{context}, undef, '... so nothing goes along');


# a tenant's files: half of the disk in an hour, and no more

sub upload {
    my ($host, $mega) = @_;

    my $page = get($addr, '/soporte', Host => $host);
    my ($own) = $page->header('Set-Cookie') =~ /^([^;]+)/;
    my ($form) = $page->{body} =~ /name=token value="([^"]+)"/;

    my $r = post_parts($addr, '/soporte/tickets',
                       [%{{ %good, token => $form }},
                        attachment => ['a', 'x' x ($mega * 1024 * 1024)]],
                       Host => $host, Cookie => $own);

    system 'rm', '-rf', glob "$spool/new/*";

    return $r;
}

is(upload('acme.mx', 1)->{status}, 303, 'a MiB of four: 303') for 1 .. 3;
$r = upload('acme.mx', 1);
is($r->{status}, 422, 'a byte over it: 422');
utf8::decode($r->{body});
like($r->{body}, qr/id=e-attachment>Por ahora no caben/, '... says so');
is(file()->{status}, 303, '... a ticket without files is taken');
is(upload('otra.mx', 1)->{status}, 303, '... and those of another tenant');
spooled() while glob "$spool/new/*";


# limited: 429 in words, counted, and nothing is touched

my @limit = (Host => 'limit.mx');
my %ticket = map { $_ => $good{$_} } qw(subject description category email);

is(post_json($addr, '/soporte/tickets', \%ticket, @limit)->{status}, 201,
   'within the limit') for 1 .. 3;

my ($worker) = $nginx->workers;
my $trace = $nginx->prefix . '/trace';
my $strace = Soporte::Process->start(
    command => ['strace', '-f', '-y', '-p', $worker, '-o', $trace, '-e',
                'trace=openat,open,mkdirat,renameat,fsync,connect,unlinkat'],
    log     => $nginx->prefix . '/strace.log'
);

wait_for(sub { slurp($nginx->prefix . '/strace.log') =~ /attached/ }, 10,
         'strace');

for my $accept ('text/html', 'application/json') {
    $r = post_json($addr, '/soporte/tickets', \%ticket, @limit,
                   Accept => $accept);
    is($r->{status}, 429, "over it: 429 ($accept)");
    like($r->header('Retry-After') // '', qr/^\d+$/, '... Retry-After');
    like($r->header('Content-Type'), $accept =~ /json/
         ? qr{^application/problem\+json$} : qr{^text/html}, '... its type');
    is($r->header('Cache-Control'), 'no-store', '... no-store');
}

is(post_json($addr, '/soporte/tickets', \%ticket, @limit)->{status}, 429,
   '... again') for 1 .. 20;
is(get($addr, '/soporte', @limit)->{status}, 200, 'reading is free');
is(get($addr, '/soporte/ocupado', @limit)->{status}, 404,
   'the page is no page of its own');
$strace->stop('INT');

# the snapshot of the memory is written by the clock, whatever is asked
is(scalar(grep { !m{\Q${\$nginx->prefix}\E/lib(?!/spool)} }
          slurp($trace) =~ /^\d+ +(?:mkdirat|renameat|fsync|connect).*/mg), 0,
   'neither disk nor database was touched') or diag(slurp($trace));

my ($limited) = get($nginx->addr('METRICS'), '/metrics')->{body}
    =~ /^soporte_tickets_total\{result="limited"\} (\d+)$/m;

is($limited, 22, 'counted');


is($slow->response->{status}, 200, 'slow, and well');
$slow->close;
wait_is(sub { (offered('slow'))[0] ? 1 : 0 }, 1, '... is told of');
my ($step) = @{(offered('slow'))[0]{failures}};
is("$step->{path} $step->{status}", '/app/slow-one 200', '... as what it was');
cmp_ok($step->{ms}, '>=', 5000, '... how slow');

done_testing;
