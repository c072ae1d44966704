# Prevents a customer's word that is lost, doubled, or put under somebody
# else's ticket, and a lost link whose answer tells who wrote to us, or whose
# mail leads to a stranger's host.

use strict;
use warnings;
use utf8;

use JSON::PP ();

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Test;

my $pg = Soporte::Postgres->new;

my $nginx = Soporte::Nginx->new(
    vars => { PG => $pg->conninfo('soporte_nginx') }, conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=message:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_postgres "%%PG%%" timeout=600ms;
    soporte_portal /soporte;
    server { listen 127.0.0.1:%%PORT%%; server_name acme.mx localhost;
             access_log %%PREFIX%%/access.log combined; soporte acme; }
    server { listen 127.0.0.1:%%PORT_B%%; soporte otra; }
}
END

my $addr = $nginx->addr;
my $spool = $nginx->prefix . '/lib/spool';
my $json = JSON::PP->new->utf8->canonical;
my @json = (Accept => 'application/json');
my $r;


sub file {
    my ($subject, $at) = @_;

    $r = post_json($at // $addr, '/soporte/tickets',
                   { subject => $subject, description => 'x',
                     category => 'uso', email => 'ana@acme.mx' });
    is($r->{status}, 201, "filed: $subject");

    return $r->header('Location') =~ /^(.*)\?clave=(.*)/;
}

sub waiting { scalar(() = glob "$spool/{new,sending}/*") }

sub page {
    my ($r) = @_;

    utf8::decode($r->{body});

    return $r;
}

my ($path, $token) = file('primera');
my ($other, $other_token) = file('segunda');
my ($foreign, $foreign_token) = file('ajena', $nginx->addr('B'));
my @key = (Cookie => "soporte-ticket=$token");


# the form on the page: its cookie, token and nonce

sub form {
    my (@cookie) = @_;

    my $page = page(get($addr, $path, Cookie => join '; ', @cookie));
    my ($cookie) = ($page->header('Set-Cookie') // '') =~ /^([^;]+)/;
    my ($action) = $page->{body} =~ /<form [^>]*action="([^"]+)"/;

    return ($action, $cookie,
            map { $page->{body} =~ /name=$_ value="([^"]+)"/ }
                qw(token nonce));
}

my ($action, $cookie, $form, $nonce) = form("soporte-ticket=$token");

is($action, "$path/mensajes", 'the page has a form');
my $both = "$cookie; soporte-ticket=$token";

sub write_form {
    my ($change, @headers) = @_;

    my %field = (message => 'Hola', token => $form, %$change);

    return post_form($addr, $action,
                     [map { $_ => $field{$_} }
                      grep { defined $field{$_} } sort keys %field],
                     Cookie => $both, @headers);
}

sub write_json {
    my ($text, $where, @headers) = @_;

    return post_json($addr, $where // "$path/mensajes?clave=$token",
                     { message => $text }, @headers);
}

sub told {
    return [map { "$_->{author}: $_->{body}" }
            @{get($addr, $path, @key, @json)->json->{messages}}];
}


# by form and by JSON, seen at once, in order, once

wait_is(\&waiting, 0, 'delivered');
$r = write_form({ message => "  Uno\r\n<b>ñ</b> " });
is($r->{status}, 303, 'by form: 303');
is($r->header('Location'), $path, '... to the ticket');
is_deeply(told(), ["customer: Uno\n<b>ñ</b>"], '... seen at once');
$r = write_json('Dos');
is($r->{status}, 201, 'by JSON: 201');
is_deeply([sort keys %{$r->json}], [qw(filed_at folio status url)],
          '... its keys');
is($r->header('Location'), "$path?clave=$token", '... Location');
is_deeply(told(), ["customer: Uno\n<b>ñ</b>", 'customer: Dos'], '... seen');
wait_is(\&waiting, 0, '... delivered');
is_deeply(told(), ["customer: Uno\n<b>ñ</b>", 'customer: Dos'],
          '... and seen once');
is(write_json('Tres', "$path/mensajes", @key)->{status}, 201,
   'JSON by the cookie');
is(write_form({}, @json)->{status}, 201, 'a form that asks for JSON: 201');
is(write_json('Cuatro', undef, Accept => 'text/html')->{status}, 303,
   'JSON that asks for a page: 303');

my $body = page(get($addr, $path, Cookie => $both))->{body};
like($body, qr/Uno\n&lt;b&gt;ñ&lt;\/b&gt;.*Dos.*Tres.*Hola.*Cuatro/s,
     'the page: in order, escaped');


# once

$r = write_form({ message => 'Doble', nonce => $nonce });
is(write_form({ message => 'Doble', nonce => $nonce })->{status}, 303,
   'a form sent twice') for 1, 2;
is(scalar(grep { /Doble/ } @{told()}), 1, '... is one message');
$r = page(write_form({ message => 'Otra', nonce => $nonce }));
is($r->{status}, 422, 'the same form with another text: 422');
like($r->{body}, qr/>Otra<\/textarea>/, '... filled in');
is(write_json('Llave', undef, 'Idempotency-Key' => 'k')->{status}, 201, 'key');
is(write_json('Llave', undef, 'Idempotency-Key' => 'k')->{status}, 201,
   '... again');
is(write_json('No', undef, 'Idempotency-Key' => 'k')->{status}, 422,
   '... another text');
is(write_json('Llave', "$other/mensajes?clave=$other_token",
              'Idempotency-Key' => 'k')->{status}, 201,
   '... at another ticket');
wait_is(\&waiting, 0, 'delivered');
is(write_json('Llave', undef, 'Idempotency-Key' => 'k')->{status}, 201,
   'a key, delivered: again');
is(scalar(grep { /Llave/ } @{told()}), 1, '... is one message');
is_deeply([map { $_->{body} }
           @{get($addr, "$other?clave=$other_token", @json)
             ->json->{messages}}], ['Llave'], '... and one there');


# what is wrong

my $long = "\x{1f642}" x 20_000;

is(write_json($long)->{status}, 201, '20,000 characters');
for my $case (['', 'missing'], [" \n\t", 'blank'], ["x$long", 'long']) {
    my ($text, $name) = @$case;

    $r = write_json($text);
    is($r->{status}, 422, "$name: 422");
    is_deeply([keys %{$r->json->{errors}}], ['message'], '... says so');
    $r = page(write_form({ message => $text }));
    is($r->{status}, 422, "$name, form: 422");
    like($r->{body}, qr/id=e-message>\w/, '... says so');
    like($r->{body}, qr/<span id=folio>/, '... on the ticket\'s page');
}

for my $case (['{"message":"a","x":1}', 422], ['{"message":1}', 422],
              ['[]', 422], ['{"message":"a","message":"b"}', 400],
              ['{', 400], ['[' x 100_000, 400], ['{"message":"\u0000"}', 400],
              ["{\"message\":\"\xff\"}", 400])
{
    my ($bytes, $status) = @$case;

    is(request($addr, 'POST', "$path/mensajes?clave=$token", $bytes,
               'Content-Type' => 'application/json')->{status}, $status,
       'JSON: ' . substr $bytes, 0, 24);
}

is(write_json('x' x 600_000)->{status}, 413, 'a body over the limit');
is(request($addr, 'POST', $action, 'a', @key, 'Content-Type' => $_)->{status},
   415, 'type: ' . ($_ // 'none'))
    for undef, 'text/plain', 'multipart/form-data; boundary=x';
is(request($addr, 'POST', $path, 'a', @key)->{status}, 405,
   'POST to the ticket itself: 405');
is(get($addr, "$path/mensajes", @key)->{status}, 404, 'GET: 404');


# of other sites, of others

wait_is(\&waiting, 0, 'delivered');
my $before = $pg->value('SELECT count(*) FROM soporte.ticket_message');

for my $headers ([Origin => 'http://evil.example'], [Origin => 'null'],
                 ['Sec-Fetch-Site' => 'cross-site'],
                 ['Sec-Fetch-Site' => 'same-site'])
{
    is(write_form({}, @$headers)->{status}, 403, "form: @$headers");
    is(write_json('x', undef, @$headers)->{status}, 403, "JSON: @$headers");
}

is(write_form({ token => $_ })->{status}, 403,
   'form with token ' . ($_ // 'none')) for undef, '', 'x' x 32;
is(page(write_form({ token => 'x' x 32 }, 'Sec-Fetch-Site' => 'same-origin'))
   ->{status}, 422, 'our page, a bad token: again');

my $flipped = $token =~ s/(.)$/$1 eq 'A' ? 'B' : 'A'/er;
my %seen;

for my $where ("$path/mensajes", "$path/mensajes?clave=$flipped",
               "$path/mensajes?clave=$other_token",
               "$other/mensajes?clave=$token",
               "$foreign/mensajes?clave=$foreign_token",
               "/soporte/tickets/x/mensajes?clave=$token",
               '/soporte/tickets/SOP-00000-00000/mensajes')
{
    $r = write_json('ajeno', $where, Accept => 'application/json');
    is($r->{status}, 404, "no key to it: $where");
    $seen{$r->{body}}++;
}

is(scalar(keys %seen), 1, '... one answer for all of them');
is(waiting(), 0, 'nothing was kept');
is($pg->value('SELECT count(*) FROM soporte.ticket_message'), $before,
   '... nor stored');


# PostgreSQL is away: messages and their ticket from the spool

$pg->stop;

my ($late, $late_token) = file('tercera');
my @late = ("$late/mensajes?clave=$late_token");

is(write_json("n.º $_", @late)->{status}, 201, "away: message $_")
    for 1 .. 12;
$r = get($addr, "$late?clave=$late_token", @json)->json;
is($r->{subject}, 'tercera', 'away: the ticket');
is_deeply([map { $_->{body} } @{$r->{messages}}], [map { "n.º $_" } 1 .. 12],
          '... and its messages, in order');
is_deeply(get($addr, $path, @key, @json)->json,
          { folio => get($addr, $path, @key, @json)->json->{folio},
            status => 'received' }, 'away: one that only PostgreSQL has');
like(page(get($addr, $path, Cookie => $both))->{body},
     qr/action="\Q$action\E"/, '... can be written to');
is(write_form({ message => 'Mientras' })->{status}, 303, '... and is');
$pg->start;
wait_is(\&waiting, 0, 'it is back: delivered', 35);
wait_is(sub { scalar grep { /Mientras/ } @{told()} }, 1,
        '... and asked again, each once', 5);
is_deeply([map { $_->{body} }
           @{get($addr, "$late?clave=$late_token", @json)->json->{messages}}],
          [map { "n.º $_" } 1 .. 12], '... in order');
is_deeply([glob "$spool/dead/*"], [], '... and none set aside');


# a ticket that is closed takes no more on its page

$pg->do("UPDATE soporte.ticket SET status = 'closed' WHERE subject = ?",
        'segunda');
unlike(get($addr, $other, Cookie => "soporte-ticket=$other_token")->{body},
       qr/name=message/, 'closed: no form');


# a lost link: one answer, one piece of work, whoever asks

$r = page(get($addr, '/soporte/tickets'));
is($r->{status}, 200, 'no user: the page of lost links');
like($r->{body}, qr{<form [^>]*action="/soporte/tickets/enlace"},
     '... with a form');
unlike($r->{body}, qr/SOP-/, '... and no ticket');
is(get($addr, '/soporte/tickets', @json)->{status}, 403, 'no user, JSON: 403');
my ($lost_cookie) = $r->header('Set-Cookie') =~ /^([^;]+)/;
my ($lost) = $r->{body} =~ /name=token value="([^"]+)"/;

my (%answer, %kept);

sub lost {
    my ($email, @headers) = @_;

    return post_form($addr, '/soporte/tickets/enlace',
                     [email => $email, token => $lost],
                     Cookie => $lost_cookie, @headers);
}

# the mail is somebody else's job: what was linked for it
sub mail {
    my @mail = map { $json->decode(slurp($_)) } glob "$spool/notify/*";

    return grep { ($_->{kind} // '') eq 'lost_link' } @mail;
}

for my $email ('ana@acme.mx', 'nadie@acme.mx', 'ANA@acme.mx') {
    for my $headers ([], \@json) {
        $r = lost($email, @$headers);
        $answer{join "\n", "@$headers", $r->{status}, $r->{body},
                map { "@$_" } grep { $_->[0] ne 'Date' } @{$r->{headers}}}++;
    }
}

is(scalar(keys %answer), 2, 'a known address and an unknown: one answer');
$r = page(get($addr, lost('ana@acme.mx')->header('Location')));
like($r->{body}, qr/Si hay solicitudes con ese correo/, '... says just that');

my @mail = mail();
is(scalar(@mail), 7, 'one document for each');
is_deeply([sort keys %{$mail[0]}],
          [qw(body_sha256 email filed_at id kind lang node tenant)],
          '... its keys');
$kept{join ' ', @{$_}{qw(tenant lang)}}++ for @mail;
is_deeply([keys %kept], ['acme es'], '... the same but for the address');

is(lost('x')->{status}, 422, 'no address: 422');
is(lost('')->{status}, 422, '... nor an empty one');
is(lost('a@b.mx', Origin => 'http://evil.example')->{status}, 403, 'foreign');
is(post_form($addr, '/soporte/tickets/enlace', [email => 'a@b.mx'])->{status},
   403, 'without a token');
is(post_json($addr, '/soporte/tickets/enlace', { email => 'e@acme.mx' },
             Host => 'evil.example')->{status}, 202, 'another host: 202');
unlike($json->encode((grep { $_->{email} eq 'e@acme.mx' } mail())[0]),
       qr/evil/, '... leaves no trace in it');
wait_is(\&waiting, 0, 'all of it is off the spool');
is_deeply([glob "$spool/dead/*"], [], '... and none set aside');
is($pg->value("SELECT count(*) FROM soporte.ticket_reject"), 0,
   '... nor refused');


# nothing of it is in a log

wait_for(sub { slurp($nginx->prefix . '/access.log') =~ /enlace/ }, 5, 'log');
my $access = slurp($nginx->prefix . '/access.log');

for my $secret ($token, $other_token, $form, 'acme.mx"', 'Mientras') {
    is(() = $access =~ /\Q$secret\E/g, 0, 'not in the access log: '
       . substr $secret, 0, 8);
    is(() = $nginx->log =~ /\Q$secret\E/g, 0, '... nor in the error log');
}

done_testing;
