# Prevents a tracking page that tells a stranger whether a ticket exists, keeps
# its key in the address, shows more than it may, or vanishes with PostgreSQL.

use strict;
use warnings;
use utf8;

use JSON::PP ();
use Time::HiRes qw(time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(children);
use Soporte::Test;

my $pg = Soporte::Postgres->new;

my $nginx = Soporte::Nginx->new(
    vars => { PG => $pg->conninfo('soporte_nginx') }, conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=track:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_postgres "%%PG%%" timeout=600ms;
    soporte_portal /soporte;
    soporte_node nodo-secreto;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; }
    server { listen 127.0.0.1:%%PORT_B%%; soporte otra; }
}
END

my $addr = $nginx->addr;
my $spool = $nginx->prefix . '/lib/spool';
my @json = (Accept => 'application/json');
my @public = qw(attachments category description filed_at folio messages
                reply_due status subject urgent);
my $r;


# as characters

sub page {
    my ($r) = @_;

    utf8::decode($r->{body});

    return $r;
}

# files a ticket: its clean address, its token, its folio

sub file {
    my ($subject, $at) = @_;

    $r = post_json($at // $addr, '/soporte/tickets',
                   { subject => $subject, description => "<b>ñ</b>\nfin",
                     category => 'cuenta', email => 'ana@acme.mx',
                     name => 'Ana Secreta', phone => '5590909090',
                     context => { secreto => 1 } });
    is($r->{status}, 201, "filed: $subject");

    my ($path, $folio, $token) = $r->header('Location')
        =~ m{^(/soporte/tickets/([^?]+))\?clave=([\w-]{43})$};

    return ($path, $token, $folio);
}

sub waiting { scalar(() = glob "$spool/{new,sending}/*") }

my ($path, $token, $folio) = file('primera');


# the link: once, for a cookie of this ticket

$r = get($addr, "$path?clave=$token");
is($r->{status}, 303, 'the link: 303');
is($r->header('Location'), $path, '... to the address without the key');
is($r->header('Set-Cookie'), "soporte-ticket=$token; Path=$path; "
   . 'Max-Age=7776000; HttpOnly; SameSite=Lax', '... for a cookie');
is($r->header('Cache-Control'), 'no-store', '... no-store');
is($r->header('Referrer-Policy'), 'same-origin', '... told to nobody');
is($r->{body}, '', '... no body');
is(get($addr, "$path?x=1&clave=$token&y=2")->header('Location'), $path,
   'other arguments are dropped');
is(get($addr, "$path?clave=" . $token =~ s/-/%2D/gr)->{status}, 303,
   'a key in another spelling');
is(request($addr, 'HEAD', "$path?clave=$token", undef)->{status}, 303, 'HEAD');

my @key = (Cookie => "other=1; soporte-ticket=$token");

for my $spelling ($path, lc($path) =~ s{/soporte/tickets}{/soporte/tickets}r,
                  $path =~ s/-//gr)
{
    $r = get($addr, $spelling, @key);
    is($r->{status}, 200, "the page: $spelling");
    like($r->{body}, qr/<span id=folio>$folio</, '... with its folio');
}


# delivered

wait_is(\&waiting, 0, 'delivered');
$r = page(get($addr, $path, @key));
is($r->{status}, 200, 'delivered: the page');
is($r->header('Cache-Control'), 'no-store', '... no-store');
like($r->{body}, qr/<h2 id=detalle>primera</, '... the subject');
like($r->{body}, qr/&lt;b&gt;ñ&lt;\/b&gt;\nfin/, '... the text, escaped');
like($r->{body}, qr/Cuenta|cuenta/, '... the category');
like($r->{body}, qr/Recibida/, '... the status');
like($r->{body}, qr{value="http://localhost\Q$path\E\?clave=$token"},
     '... the private link');
unlike($r->{body}, qr/a salvo con nosotros/, '... no longer on its way');
unlike($r->{body}, qr/5590909090|Ana Secreta|nodo-secreto|secreto/,
       '... and no more than that');

$r = get($addr, "$path?clave=$token", @json);
is($r->{status}, 200, 'delivered: JSON by the link, without a detour');
is_deeply([sort keys %{$r->json}], \@public, '... these keys and no other');
is_deeply([@{$r->json}{qw(folio subject category status urgent reply_due)}],
          [$folio, 'primera', 'cuenta', 'received', JSON::PP::false, undef],
          '... their values');
is($r->header('Cache-Control'), 'no-store', '... no-store');
is(get($addr, $path, @key, @json)->json->{subject}, 'primera',
   '... and by the cookie');


# what the help desk does

my $id = $pg->value('SELECT id FROM soporte.ticket WHERE folio = ?', $folio);

$pg->do("INSERT INTO soporte.ticket_message (tenant, ticket, author, visible,
                                             body, at)
         VALUES ('acme', ?, 'agent', true, '<i>Hola</i> ¿ñ?', now()),
                ('acme', ?, 'customer', true, 'Gracias', now() + '1 s'),
                ('acme', ?, 'agent', false, 'entre-nosotros', now()),
                ('otra', ?, 'agent', true, 'de-otra', now())",
        ($id) x 4);

for my $status (['open', 'En revisión'], ['waiting', 'Esperamos tu respuesta'],
                ['solved', 'Resuelta'], ['closed', 'Cerrada'])
{
    $pg->do('UPDATE soporte.ticket SET status = ? WHERE id = ?', $status->[0],
            $id);
    $r = page(get($addr, $path, @key));
    like($r->{body}, qr{<p class=s>$status->[1]</p>}, "status $status->[0]");
    is(get($addr, $path, @key, @json)->json->{status}, $status->[0],
       '... in JSON');
}

like($r->{body}, qr/&lt;i&gt;Hola&lt;\/i&gt; ¿ñ\?.*Gracias/s,
     'messages in their order, escaped');
like($r->{body}, qr{<b>Código Binario</b>.*<b>Tú</b>}s, '... and whose');
unlike($r->{body}, qr/entre-nosotros|de-otra/, '... none that is not for them');
is_deeply([map { "$_->{author}: $_->{body}" }
           @{get($addr, $path, @key, @json)->json->{messages}}],
          ['agent: <i>Hola</i> ¿ñ?', 'customer: Gracias'], '... in JSON');


# nobody else: one and the same answer

my ($other, $other_token, $other_folio) = file('segunda');
my ($foreign, $foreign_token) = file('ajena', $nginx->addr('B'));
my $flipped = $token =~ s/(.)$/$1 eq 'A' ? 'B' : 'A'/er;
my $first = $token =~ s/^(.)/$1 eq 'A' ? 'B' : 'A'/er;
my $unknown = '/soporte/tickets/SOP-00000-00000';

my %wrong = (
    'no key'                  => [$path],
    'an empty key'            => ["$path?clave="],
    'a wrong key'             => ["$path?clave=$flipped"],
    'a key wrong at its head' => ["$path?clave=$first"],
    'a short key'             => ["$path?clave=" . substr $token, 0, 42],
    'a long key'              => ["$path?clave=${token}A"],
    'a key of 4,000'          => ["$path?clave=" . 'A' x 4000],
    'a key of no characters'  => ["$path?clave=%00%ff"],
    'a torn key'              => ["$path?clave=%4"],
    'another ticket\'s key'   => ["$path?clave=$other_token"],
    'another tenant\'s key'   => ["$path?clave=$foreign_token"],
    'a wrong cookie'          => [$path, Cookie => "soporte-ticket=$flipped"],
    'another\'s cookie'       => [$other, @key],
    'another name of it'      => [$path, Cookie => "soporte=$token"],
    'a wrong key, good cookie' => ["$path?clave=$flipped", @key],
    'another folio'           => ["$other?clave=$token"],
    'an unknown folio'        => ["$unknown?clave=$token"],
    'a folio with a slip'     => [$path =~ s/.$/\*/r . "?clave=$token"],
    'a folio that is none'    => ["/soporte/tickets/x?clave=$token"],
    'a folio of 4,000'        => ['/soporte/tickets/' . 'A' x 4000],
    'more behind the folio'   => ["$path/x?clave=$token"],
    'a foreign ticket'        => ["$foreign?clave=$foreign_token"],
);


# the bytes but for the time

sub bytes {
    my ($r) = @_;

    return join "\n", $r->{status},
                map({ "$_->[0]: $_->[1]" } grep { $_->[0] ne 'Date' }
                    @{$r->{headers}}),
                $r->{body} =~ s/\d\d:\d\d//gr;
}

for my $form ([], \@json) {
    my %seen;

    for my $name (sort keys %wrong) {
        my ($where, @headers) = @{$wrong{$name}};

        $r = get($addr, $where, @headers, @$form);
        is($r->{status}, 404, "404: $name @$form");
        push @{$seen{bytes($r)}}, $name;
    }

    is(scalar(keys %seen), 1, "one answer for all of them @$form")
        or diag(explain([values %seen]));
}

# ... in the same time: medians of requests that take turns

my %took;
my @turns = ('a wrong key', 'an unknown folio', "another tenant's key",
             'a folio that is none', 'a key wrong at its head');

for (1 .. 60) {
    for my $name (@turns) {
        my ($where, @headers) = @{$wrong{$name}};
        my $began = time;

        get($addr, $where, @headers);
        push @{$took{$name}}, time - $began;
    }
}

my @medians = sort { $a <=> $b } map { (sort { $a <=> $b } @$_)[30] }
              values %took;

cmp_ok($medians[-1], '<', 3 * $medians[0], 'none takes longer than another');

is(get($nginx->addr('B'), "$path?clave=$token")->{status}, 404,
   'the right link at another tenant');
is(get($nginx->addr('B'), $path, @key)->{status}, 404, '... by its cookie');


# PostgreSQL is away, and does not have this one

wait_is(\&waiting, 0, 'delivered');
$pg->stop;

my ($late, $late_token, $late_folio) = file('tercera');
my @late = (Cookie => "soporte-ticket=$late_token");

$r = page(get($addr, $late, @late));
is($r->{status}, 200, 'spooled: the page');
like($r->{body}, qr/<h2 id=detalle>tercera</, '... the subject');
like($r->{body}, qr/Está a salvo con nosotros y en camino/, '... on its way');
like($r->{body}, qr/Recibida/, '... received');
unlike($r->{body}, qr/5590909090|Ana Secreta|nodo-secreto|secreto/,
       '... and no more than that');
$r = get($addr, $late, @late, @json);
is($r->json->{subject}, 'tercera', 'spooled: JSON');
is_deeply([grep { my $key = $_; !grep { $_ eq $key } @public }
           keys %{$r->json}], [], '... no key that is not public');
is(get($addr, "$late?clave=$token")->{status}, 404, '... a wrong key');


# ... and this one it has: nobody can look, but the link is proof

for my $n (1, 2) {
    my $began = time;

    $r = page(get($addr, $path, @key));
    is($r->{status}, 200, 'away: the page');
    cmp_ok(time - $began, '<', 1, '... soon');
    like($r->{body}, qr/Tenemos tu solicitud; su detalle se verá aquí/,
         '... we have it');
    like($r->{body}, qr/<span id=folio>$folio</, '... its folio');
    unlike($r->{body}, qr/primera/, '... no more is known');
}

$r = get($addr, $path, @key, @json);
is_deeply($r->json, { folio => $folio, status => 'received' },
          'away: JSON, what is sure');
is(bytes(get($addr, "$path?clave=$flipped")),
   bytes(get($addr, "$unknown?clave=$token")), 'away: wrong stays wrong');
is(get($addr, "$path?clave=$flipped")->{status}, 404, '... 404');


# one that the database refused lies aside, and is still the customer's

my ($name) = wait_for(sub { (glob "$spool/{new,sending}/*")[0] }, 5, 'it');
$name =~ s{.*/}{};

# the leader may be taking it at this very moment
wait_for(sub {
    grep { rename "$spool/$_/$name", "$spool/dead/$name" } qw(new sending);
}, 5, 'the ticket');

$r = get($addr, $late, @late);
is($r->{status}, 200, 'set aside: the page');
like($r->{body}, qr/tercera/, '... with its subject');
rename "$spool/dead/$name", "$spool/new/$name" or die;


# back again

$pg->start;
wait_is(sub {
    page(get($addr, $path, @key))->{body} =~ /primera.*Hola/s ? 1 : 0
}, 1, 'back: all of it', 10);
wait_is(\&waiting, 0, 'back: delivered', 35);
wait_is(sub { page(get($addr, $late, @late))->{body} =~ /tercera/ ? 1 : 0 }, 1,
        'back: the late one too', 10);


# a database that hangs: one waits its time, the others do not

my @backends = ($pg->process->pid, children($pg->process->pid));
kill 'STOP', @backends;

my $c = Soporte::Http->connect($addr);
my $began = time;

$c->send("GET $path HTTP/1.1\r\nHost: a\r\n$key[0]: $key[1]\r\n\r\n");
is(get($addr, '/soporte/estado.json')->{status}, 200, 'hangs: others go on');
cmp_ok(time - $began, '<', 0.4, '... at once');
$r = page($c->response);
cmp_ok(time - $began, '<', 3, '... and who asked is answered');
is($r->{status}, 200, '... with a page');
like($r->{body}, qr/Tenemos tu solicitud/, '... we have it');
$began = time;
is(get($addr, $path, @key)->{status}, 200, '... the next one');
cmp_ok(time - $began, '<', 0.4, '... does not wait again');

kill 'CONT', @backends;
wait_is(sub { page(get($addr, $path, @key))->{body} =~ /primera/ ? 1 : 0 }, 1,
        'goes on: all of it again', 10);
$c->close;


done_testing;
