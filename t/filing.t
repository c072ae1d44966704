# Prevents a ticket that is lost, doubled or altered between the form and
# PostgreSQL, and a form that another site can send.

use strict;
use warnings;
use utf8;

use JSON::PP qw(encode_json);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Test;

my $pg = Soporte::Postgres->new;

my $nginx = Soporte::Nginx->new(
    workers => 2,
    vars    => { PG => $pg->conninfo },
    files   => { 'policy.json' => '{"form": {"min_seconds": 0}}',
                 'slow.json'   => '{"form": {"min_seconds": 60}}' },
    conf    => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    access_log %%PREFIX%%/access.log;
    soporte_zone zone=filing:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_postgres "%%PG%%" timeout=1s;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    soporte_node uno;
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        soporte acme;
        location / { deny all; }
        location ~ ^/soporte { return 418; }
    }
    server { listen 127.0.0.1:%%PORT_B%%; soporte otra;
             soporte_policy %%PREFIX%%/slow.json; }
    server {
        listen 127.0.0.1:%%PORT_C%%; soporte acme; soporte_portal off;
        location ^~ /ayuda { soporte_portal; }
        location / { return 204; }
    }
}
END

my $addr = $nginx->addr;
my $spool = $nginx->prefix . '/spool/spool';

sub spooled { scalar(() = glob "$spool/{new,sending,tmp}/*") }


# a form as a browser has it: its cookie and its token

sub form {
    my ($at, $path) = @_;

    my $r = get($at, $path // '/soporte');
    my ($cookie) = ($r->header('Set-Cookie') // '') =~ /^([^;]+)/;
    my ($token) = $r->{body} =~ /name=token value="([^"]+)"/;

    return ($cookie, $token, $r);
}

my ($cookie, $token, $help) = form($addr);

is($help->{status}, 200, 'the help page, whatever the locations say');
is(() = $help->{body} =~ /name=category/g, 16, 'all categories');
like($help->header('Set-Cookie'), qr{; Path=/soporte; HttpOnly; SameSite=Lax$},
     'the cookie stays in the portal');
like(get($addr, '/soporte', 'Accept-Language' => 'en-US,es;q=0.3')->{body},
     qr/How can we help/, 'English when it is preferred');
is(get($addr, '/soportex')->{status}, 418, 'another path is not ours');
is(get($addr, '/soporte/nada')->{status}, 404, 'an unknown page');
is(request($addr, 'PUT', '/soporte')->header('Allow'), 'GET, HEAD',
   'a method that a page has not');
is(get($nginx->addr('C'), '/ayuda')->{status}, 200, 'a portal in a location');
is(get($nginx->addr('C'), '/soporte')->{status}, 204, 'soporte_portal off');


# by form

my %good = (subject => 'No abre ñandú 🙂', category => 'uso',
            email => 'ana@acme.mx', name => "Ana\tLópez",
            phone => '55 1234 5678');

sub file {
    my ($change, @headers) = @_;

    my %field = (%good, description => "Uno\r\nDos <b>", token => $token,
                 %$change);

    return post_form($addr, '/soporte/tickets',
                     [map { $_ => $field{$_} } grep { defined $field{$_} }
                      sort keys %field],
                     Cookie => $cookie, @headers);
}

my $r = file({});
is($r->{status}, 303, 'by form: 303');
my ($folio) = $r->header('Location')
              =~ m{^/soporte/tickets/(SOP-\w{5}-\w{5})\?clave=[\w-]{43}$};
ok($folio, '... to the page of its folio');

wait_is(sub { $pg->value('SELECT count(*) FROM soporte.ticket') }, 1,
        'in PostgreSQL within 2 s', 2);
is_deeply([$pg->rows('SELECT folio, tenant, subject, description, category,
                     email, name, phone, status, verified::int, urgent::int,
                     out_of_scope::int, node, lang FROM soporte.ticket')],
          [{ folio => $folio, tenant => 'acme', subject => 'No abre ñandú 🙂',
             description => "Uno\nDos <b>", category => 'uso',
             email => 'ana@acme.mx', name => 'Ana López',
             phone => '55 1234 5678', status => 'received', verified => 0,
             urgent => 0, out_of_scope => 0, node => 'uno', lang => 'es' }],
          'field by field');
wait_is(sub { spooled() }, 0, 'and gone from the spool');


# the tracking page

my $link = $r->header('Location');
$r = get($addr, $link);
is($r->{status}, 303, 'the link: 303');
is($r->header('Location'), "/soporte/tickets/$folio", '... without the token');
my ($key) = $r->header('Set-Cookie') =~ /^([^;]+)/;
like($r->header('Set-Cookie'), qr{; Path=/soporte/tickets/$folio; .*HttpOnly},
     '... for a cookie of this ticket alone');
$r = get($addr, "/soporte/tickets/$folio", Cookie => $key);
is($r->{status}, 200, 'the page');
like($r->{body}, qr/$folio.*Recibida|Recibida.*$folio/s, '... has the folio');
like($r->{body}, qr/Uno\nDos &lt;b&gt;/, '... and what was written, escaped');
$r = get($addr, $link, Accept => 'application/json');
is_deeply([sort keys %{$r->json}],
          [qw(attachments category description filed_at folio messages
              reply_due status subject urgent)], 'JSON: these keys and no other');

(my $wrong = $link) =~ s/.$//;
(my $other = $link) =~ s/SOP-\w/SOP-0/;
my %answer = map { $_ => get($addr, $_) } $wrong, $other,
             "/soporte/tickets/$folio", '/soporte/tickets/SOP-00000-00000';
$answer{tenant} = get($nginx->addr('B'), $link);
is($_->{status}, 404, 'no ticket') for values %answer;
s/\d\d:\d\d|>otra<|otra//g for map { $_->{body} } values %answer;
is(scalar(keys %{{ map { $_->{body} => 1 }
                   map { $answer{$_} } grep { $_ ne 'tenant' }
                   keys %answer }}), 1, 'wrong, foreign, unknown: one answer');


# by JSON, and everything that is wrong with it at once

$r = post_json($addr, '/soporte/tickets', { %good, description => 'x' });
is($r->{status}, 201, 'by JSON: 201');
like($r->header('Location'), qr{^/soporte/tickets/SOP-}, '... Location');
is($r->json->{status}, 'received', '... received');
is($r->json->{reply_due}, undef, '... no time is promised');

$r = post_json($addr, '/soporte/tickets',
               { subject => '', category => 'x', email => 'x', extra => 1 });
is($r->{status}, 422, 'JSON: 422');
is_deeply([sort keys %{$r->json->{errors}}],
          [qw(category description email extra subject)], '... every field');

$r = file({ subject => 'x' x 141, email => 'no', description => '' });
is($r->{status}, 422, 'form: 422');
like($r->{body}, qr/id=e-subject.*id=e-description.*id=e-email/s,
     '... each error beside its field');
like($r->{body}, qr/value="55 1234 5678"/, '... filled in again');

my $before = $pg->value('SELECT count(*) FROM soporte.ticket')
             + spooled();

for my $row (['{"subject":"a","subject":"b"}', 400, 'a key twice'],
             ['[' x 100_000,                   400, 'deep'],
             ['{} x',                          400, 'more behind it'],
             ['{"subject":"\u0000"}',          400, 'a NUL'],
             ["{\"subject\":\"\xff\"}",        400, 'no UTF-8'],
             ['[]',                            422, 'no object'],
             ['x' x 600_000,                   413, 'too large'])
{
    my ($body, $status, $name) = @$row;

    is(request($addr, 'POST', '/soporte/tickets', $body,
               'Content-Type' => 'application/json')->{status}, $status,
       "JSON: $name");
}

is(request($addr, 'POST', '/soporte/tickets', 'x=1', 'Content-Type' => $_)
   ->{status}, 415, "type: $_") for 'text/plain', 'application/jsonp';

is(request($addr, 'POST', '/soporte/tickets', $_, Cookie => $cookie,
           'Content-Type' => 'application/x-www-form-urlencoded')->{status},
   400, 'form: ' . length $_) for 'subject=%zz', 'subject=%00', 'subject=%ff';


# forms of others

my $host = "127.0.0.1:" . $nginx->port;
my ($foreign) = (form($nginx->addr('B')))[1];
(my $flipped = $token) =~ tr/A-Za-z/B-ZAb-za/;

for my $row ([403, {}, Origin => 'http://evil.example'],
             [403, {}, Origin => 'null'],
             [403, {}, 'Sec-Fetch-Site' => 'cross-site'],
             [403, {}, 'Sec-Fetch-Site' => 'same-site'],
             [403, {}, 'Sec-Fetch-Site' => 'same-origin',
              Origin => 'http://evil.example'],
             [403, { token => undef }],
             [403, { token => $flipped }],
             [403, { token => $foreign }],
             [422, { token => $flipped }, Origin => "http://$host"],
             [422, { website => 'spam' }],
             [422, { category => undef }],
             [303, {}, Origin => "http://$host"],
             [303, { website => 'spam', confirm => 1 }],
             [303, {}, 'Sec-Fetch-Site' => 'same-origin'])
{
    my ($status, $change, @headers) = @$row;
    my $name = join ' ', map { $_ // 'none' } %$change, @headers;

    $before++ if $status == 303;

    is(file($change, Host => $host, @headers)->{status}, $status,
       "a form with $name");
}

is(post_json($addr, '/soporte/tickets', { %good, description => 'x' },
             Origin => 'http://evil.example')->{status}, 403,
   'JSON from a foreign page');
wait_is(sub { $pg->value('SELECT count(*) FROM soporte.ticket') + spooled() },
        $before, 'what was refused was not kept');

($cookie, $token) = form($nginx->addr('B'));
$r = post_form($nginx->addr('B'), '/soporte/tickets',
               [%good, description => 'x', token => $token],
               Cookie => $cookie);
is($r->{status}, 422, 'filled in faster than a person');
like($r->{body}, qr/name=confirm/, '... who may confirm to be one');
($cookie, $token) = form($addr);


# PostgreSQL away, and back

$pg->stop;
$r = file({ subject => 'apagado' });
is($r->{status}, 303, 'PostgreSQL is down: filed');
my $page = get($addr, $r->header('Location'), Accept => 'application/json');
is($page->json->{subject}, 'apagado', '... and found in the spool');
is(get($addr, $link, Accept => 'application/json')->json->{folio}, $folio,
   'one that PostgreSQL has is said to be safe');
is(get($addr, $wrong)->{status}, 404, 'a wrong link stays wrong');
$nginx->wait_log(qr/tickets stay in the spool/, 10);
$pg->start;
wait_is(sub { eval { $pg->value("SELECT count(*) FROM soporte.ticket
                                 WHERE subject = 'apagado'") } // 0 }, 1,
        'delivered when it is back', 30);


# a reload under load, and all killed with a ticket in the spool

$pg->stop;
is(file({ subject => 'muerte' })->{status}, 303, 'filed before the end');
$nginx->kill_all->start;
$pg->start;
wait_is(sub { eval { $pg->value("SELECT count(*) FROM soporte.ticket
                                 WHERE subject = 'muerte'") } // 0 }, 1,
        'delivered by the next life', 30);


# nothing of it is in a log

my $logs = slurp($nginx->prefix . '/error.log');
unlike($logs, qr/apagado|muerte|ana\@acme|Dos/, 'no ticket in the error log');
unlike($logs, qr/\Q$token\E/, 'no token either');

done_testing;
