# Prevents a ticket that a repeated request doubles or alters, a key that opens
# somebody else's answer, and a full disk that loses what PostgreSQL could take.

use strict;
use warnings;
use utf8;

use Digest::SHA qw(hmac_sha256);
use JSON::PP ();
use Time::HiRes qw(time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Test;

my $pg = Soporte::Postgres->new;
my $conf = <<'END';
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=keep:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_postgres "%%PG%%" timeout=600ms;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; }
    server { listen 127.0.0.1:%%PORT_B%%; soporte otra; }
}
END

my %option = (
    vars    => { PG => $pg->conninfo('soporte_nginx') },
    files   => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    workers => 2,
    conf    => $conf
);

my $nginx = Soporte::Nginx->new(%option)->start;
my $key = slurp($nginx->prefix . '/lib/key');

# another node of the fleet: the same key, a spool of its own

my $far = Soporte::Nginx->new(%option);

mkdir $far->prefix . '/lib' or die;
chmod 0700, $far->prefix . '/lib';
spew($far->prefix . '/lib/key', $key);
chmod 0600, $far->prefix . '/lib/key';
$far->start;

my $addr = $nginx->addr;
my $spool = $nginx->prefix . '/lib/spool';
my $tickets = '/soporte/tickets';
my %good = (subject => 'No abre', description => 'Uno', category => 'uso',
            email => 'ana@acme.mx');
my $r;


sub file {
    my ($key, $change, $at, @headers) = @_;

    return post_json($at // $addr, $tickets, { %good, %{$change // {}} },
                     'Idempotency-Key' => $key, @headers);
}

sub waiting { scalar(() = map { glob "$_/lib/spool/{new,sending}/*" }
                    $nginx->prefix, $far->prefix) }

sub rows { $pg->value('SELECT count(*) FROM soporte.ticket') }

# the id that a key of acme stands for

sub uuid {
    my ($idempotency) = @_;

    my @b = unpack 'C16', hmac_sha256("idempotency\0acme\0ticket key "
                                      . $idempotency, $key);

    $b[6] = $b[6] & 0x0f | 0x80;
    $b[8] = $b[8] & 0x3f | 0x80;

    return sprintf '%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-'
                   . '%02x%02x%02x%02x%02x%02x', @b;
}


# the same key and body: the first answer again, spooled or delivered, at
# another worker, at another node

my $first = file('uno');

is($first->{status}, 201, 'a key: 201');
is(file('uno')->{body}, $first->{body}, '... the same again') for 1 .. 8;
wait_is(\&waiting, 0, '... delivered');
is(rows(), 1, '... once');
is($pg->value('SELECT id FROM soporte.ticket'), uuid('uno'),
   '... under the id of its key');

for my $at ($addr, $far->addr) {
    $r = file('uno', undef, $at);
    is($r->{status}, 201, "delivered, again: 201 at $at");
    is($r->{body}, $first->{body}, '... the same');
    is($r->header('Location'), $first->header('Location'), '... Location');
}

$r = file('uno', undef, undef, Accept => 'text/html');
is($r->{status}, 303, 'as a page: 303');
is($r->header('Location'), $first->header('Location'), '... to the same');
is(waiting(), 0, 'nothing was spooled again');


# another body: 422

for my $at ($addr, $far->addr) {
    $r = file('uno', { subject => 'Otra' }, $at);
    is($r->{status}, 422, "another body: 422 at $at");
    is_deeply([keys %{$r->json->{errors}}], ['form'], '... says so');
}

$pg->stop;
my $spooled = file('dos');
is($spooled->{status}, 201, 'PostgreSQL is down: 201');
is(file('dos')->{body}, $spooled->{body}, '... the same again');
is(file('dos', { description => 'Dos' })->{status}, 422, '... another body');
$r = file('uno', undef, $far->addr);
is($r->json->{url}, $first->json->{url}, '... one that only PostgreSQL has: the same ticket');
$pg->start;
wait_is(\&waiting, 0, 'it is back: delivered', 35);
is(rows(), 2, '... each once');
is(() = glob("$spool/dead/*"), 0, '... and none set aside');


# whose key it is

$r = file('uno', undef, $nginx->addr('B'));
is($r->{status}, 201, 'the key of another tenant is another key');
isnt($r->json->{folio}, $first->json->{folio}, '... another ticket');
is(file('k' x 255)->{status}, 201, 'a key of 255');
is(file('k' x 256)->{status}, 400, 'a key of 256');
isnt(file('')->json->{folio}, file('')->json->{folio}, 'an empty key is none');
isnt(file(undef)->json->{folio}, file(undef)->json->{folio}, 'no key');


# the form's nonce is one

sub form {
    my ($cookie) = @_;

    my $page = get($addr, '/soporte', Cookie => $cookie);
    my ($set) = ($page->header('Set-Cookie') // '') =~ /^([^;]+)/;

    return ($set // $cookie,
            map { $page->{body} =~ /name=$_ value="([^"]+)"/ }
                qw(token nonce));
}

my ($cookie, $token, $nonce) = form();
my ($same, undef, $other) = form($cookie);

is($same, $cookie, 'the cookie stays');
isnt($nonce, $other, '... each form has a nonce of its own');

sub post {
    my ($nonce, %change) = @_;

    my %field = (%good, token => $token, nonce => $nonce, %change);

    return post_form($addr, $tickets, [%field], Cookie => $cookie);
}

$r = post($nonce);
is($r->{status}, 303, 'a form: 303');
is(post($nonce)->header('Location'), $r->header('Location'), '... sent twice');
isnt(post($other)->header('Location'), $r->header('Location'),
     '... another form is another ticket');
$r = post($nonce, subject => 'Otra cosa');
is($r->{status}, 422, 'sent again with another text: 422');
utf8::decode($r->{body});
like($r->{body}, qr/ya se había enviado con otro contenido/, '... says so');
like($r->{body}, qr/value="Otra cosa"/, '... filled in');
my ($fresh) = $r->{body} =~ /name=nonce value="([^"]+)"/;
is(post($fresh, subject => 'Otra cosa')->{status}, 303, '... and good then');


# many at once: one ticket

my @c = map { Soporte::Http->connect($addr) } 1 .. 24;
my $body = JSON::PP->new->encode({ %good, subject => 'A la vez' });
my $before = rows();

$_->send(Soporte::Http::bytes('POST', $tickets, $body, 'Content-Type'
                              => 'application/json', 'Idempotency-Key' => 'x',
                              'Content-Length' => length $body))
    for @c;

my %seen;
$seen{($_->response // { body => 'none' })->{body}}++ for @c;
$_->close for @c;
is(scalar(keys %seen), 1, 'many at once: one answer') or diag(explain(\%seen));
like((keys %seen)[0], qr/"status":"received"/, '... and a good one');
wait_is(\&waiting, 0, '... delivered');
is($pg->value("SELECT count(*) FROM soporte.ticket WHERE subject = 'A la vez'"),
   1, '... one ticket');


# the first is still under way: wait, then 409

my $under = "$spool/tmp/" . uuid('lento') . '.' . ($nginx->workers)[0] . '.999';

mkdir $under or die "$under: $!";

my $began = time;

$r = file('lento');
is($r->{status}, 409, 'the first under way: 409');
cmp_ok(time - $began, '>=', 0.6, '... after the timeout');
cmp_ok(time - $began, '<', 3, '... and not long after');
is($r->header('Content-Type'), 'application/problem+json', '... a problem');
rmdir $under;
is(file('lento')->{status}, 201, 'it failed: the next one is the first');

my $dead = fork // die;

if (!$dead) {
    require POSIX;
    POSIX::_exit(0);
}

waitpid $dead, 0;
mkdir "$spool/tmp/" . uuid('huerfano') . ".$dead.1" or die;
$began = time;
is(file('huerfano')->{status}, 201, 'its process is dead: nobody waits');
cmp_ok(time - $began, '<', 0.5, '... at all');
rmdir "$spool/tmp/" . uuid('huerfano') . ".$dead.1";


# the disk takes nothing: PostgreSQL does, with its files, or nobody does

wait_is(\&waiting, 0, 'delivered');
chmod 0500, "$spool/tmp" or die;

my @parts = (%{{ %good, token => $token, subject => 'Sin disco' }},
             attachment => ['a.png', "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"],
             attachment => ['grande.bin', "\0\1" x 400_000]);

$r = post_parts($addr, $tickets, \@parts, Cookie => $cookie);
is($r->{status}, 303, 'no disk: 303');
$nginx->allow_log(qr/tickets go to PostgreSQL past the spool: mkdir/);
is_deeply([$pg->rows(<<'END')],
SELECT a.name, filename, type, size::int,
       string_agg(p.content, '' ORDER BY p.at)
       IN (decode(repeat('0001', 400000), 'hex'),
           '\x89504e470d0a1a0a0000000d49484452') AS whole
FROM soporte.attachment a JOIN soporte.attachment_part p
     USING (tenant, ticket, owner, name)
WHERE ticket = (SELECT id FROM soporte.ticket WHERE subject = 'Sin disco')
GROUP BY a.name, filename, type, size
ORDER BY name
END
          [{ name => 'file-1', filename => 'a.png', type => 'image/png',
             size => 16, whole => 1 },
           { name => 'file-2', filename => 'grande.bin',
             type => 'application/octet-stream', size => 800_000,
             whole => 1 }], '... all of it in PostgreSQL');
like(get($addr, $r->header('Location'), Accept => 'application/json')->{body},
     qr/Sin disco/, '... its page');
$r = file('directo');
is($r->{status}, 201, 'no disk, with a key: 201');
is(file('directo')->{body}, $r->{body}, '... the same again');
is(file('directo', { subject => 'x' })->{status}, 422, '... another body');
is_deeply([glob "$spool/{tmp,new,sending,dead}/*"], [], 'nothing on the disk');
is($pg->value('SELECT count(*) FROM soporte.notice'), 2,
   '... somebody is to be told of each, once');

$pg->stop;
$before = time;
$r = file('perdido', undef, undef, Accept => 'text/html');
is($r->{status}, 503, 'no disk, no PostgreSQL: 503');
cmp_ok(time - $before, '<', 2, '... soon');
like($r->header('Retry-After'), qr/^\d+$/, '... Retry-After');
like($r->{body}, qr/tel:/, '... the telephone');
$nginx->allow_log(qr/tickets can.t be kept and are refused: mkdir/);
$pg->start;
wait_is(sub { file('perdido')->{status} }, 201, 'it is back: 201', 10);
chmod 0700, "$spool/tmp";
is(file('perdido', { subject => 'y' })->{status}, 422, 'one ticket by its key');

done_testing;
