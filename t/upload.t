# Prevents a file that is altered, misnamed or believed on its way into the
# spool, a limit that is off by one, and a body left on the disk.

use strict;
use warnings;
use utf8;

use Digest::SHA qw(sha256_hex);
use JSON::PP ();

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;

my $nginx = Soporte::Nginx->new(
    files => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    conf  => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=upload:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib max_size=800m;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        soporte acme;
    }
}
END

my $addr = $nginx->addr;
my $spool = $nginx->prefix . '/lib/spool';
my $tickets = '/soporte/tickets';
my $json = JSON::PP->new->utf8;
my %good = (subject => 'No abre', description => 'Uno', category => 'uso',
            email => 'ana@acme.mx');
my $mega = 1024 * 1024;
my $r;


my $page = get($addr, '/soporte');
my ($cookie) = $page->header('Set-Cookie') =~ /^([^;]+)/;
my ($token) = $page->{body} =~ /name=token value="([^"]+)"/;

like($page->{body}, qr/<form[^>]* enctype=multipart\/form-data/,
     'the form takes files');
like($page->{body}, qr/<input[^>]* name=attachment type=file multiple/,
     '... several');


# files: [filename, bytes, type], ...

sub file {
    my ($files, $change, @headers) = @_;

    my %field = (%good, token => $token, %{$change // {}});

    delete @field{grep { !defined $field{$_} } keys %field};

    return post_parts($addr, $tickets,
                      [(map { $_ => $field{$_} } sort keys %field),
                       map { (attachment => $_) } @$files],
                      Cookie => $cookie, @headers);
}

# what lies in the spool now: the document, and the bytes of its files

sub taken {
    my ($ticket) = glob "$spool/new/*";

    my %file = map { m{([^/]+)$}; $1 => slurp($_) } glob "$ticket/*";
    my $document = $json->decode(delete $file{'ticket.json'});

    system 'rm', '-r', $ticket;

    return ($document, \%file);
}

sub is_taken {
    my ($files, $types, $name) = @_;

    my ($document, $stored) = taken();
    my $n = 0;

    is_deeply($document->{attachments}, [map { {
        name     => 'file-' . ++$n,
        filename => $types->[$n - 1][1] // $_->[0],
        type     => $types->[$n - 1][0],
        size     => length $_->[1],
        sha256   => sha256_hex($_->[1])
    } } @$files], "$name: told");

    $n = 0;
    is_deeply({ map { $_ => sha256_hex($stored->{$_}) } keys %$stored },
              { map { 'file-' . ++$n => sha256_hex($_->[1]) } @$files },
              '... and stored');

    return $document;
}


# what a file is, by its bytes alone, and how it is called

my $png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR" . "\0" x 40;
my $gif = "GIF89a" . "\1" x 40;
my @files = (
    ['foto.png', $png, 'text/html'],
    ['foto.jpg', $gif, 'image/jpeg'],
    ['../../../etc/passwd', "root:x:0:0\n", 'text/plain'],
    ["C:\\Users\\Ana\\ñandú\x{202e}gpj.exe", "MZ\x90\0\3\0\0\0", 'image/png'],
    ['a.html', '<script>alert(1)</script>', 'text/plain']
);

$r = file(\@files);
is($r->{status}, 303, 'five files: 303');
my $document = is_taken(\@files, [
    ['image/png'], ['image/gif'], ['text/plain', 'passwd'],
    ['application/octet-stream', 'ñandúgpj.exe'], ['application/octet-stream']
], 'by their bytes');

is($document->{subject}, 'No abre', 'its other fields');
is($document->{email}, 'ana@acme.mx', '... all of them');

for my $case (['x.svg', '<svg onload="alert(1)"/>', 'application/octet-stream'],
              ['x.xml', '<?xml version="1.0"?><a/>',
               'application/octet-stream'],
              ['x.zip', "PK\3\4" . "\0" x 60, 'application/octet-stream'],
              ['x.pdf', "%PDF-1.7\n%abc\n", 'application/pdf'],
              ['x.gz', "\x1f\x8b\x08" . "\0" x 20, 'application/octet-stream'],
              ['x.txt', "sólo texto\n", 'text/plain'],
              ['x.csv', "a,b\n1,2\n", 'text/csv'],
              ['x.txt', "a\0b", 'application/octet-stream'],
              ['vacio.txt', '', undef])
{
    my ($name, $bytes, $type) = @$case;

    utf8::encode($bytes);
    is(file([[$name, $bytes, 'image/png']])->{status}, 303, "$name: 303");
    ($document) = taken();
    is($document->{attachments}[0]{type}, $type, '... ' . ($type // 'any'))
        if defined $type;
}

is(file([['', '', 'application/octet-stream']])->{status}, 303,
   'a field that nobody put a file into');
($document) = taken();
is($document->{attachments}, undef, '... is no file');

# \r\n and half a delimiter within a file's bytes

my $odd = "\r\n--\r\n----Sopo\r\n\r\n\r\n-" . "\r" x 100 . "\r\n--x";

is(file([['odd', $odd], ['a', $odd x 2], ['b', "\r"]])->{status}, 303,
   'bytes like a delimiter: 303');
my (undef, $stored) = taken();
is_deeply([map { sha256_hex($stored->{"file-$_"}) } 1 .. 3],
          [map { sha256_hex($_) } $odd, $odd x 2, "\r"], '... whole');


# the body in any split

my ($body, $type) = parts([%good, token => $token,
                           attachment => ['odd', $odd],
                           attachment => ['png', $png]]);
my @headers = (Cookie => $cookie, 'Content-Type' => $type);

for my $cut (map { $_ * 37 + 3 } 0 .. length($body) / 37 - 1) {
    my $c = Soporte::Http->connect($addr);

    $c->send(Soporte::Http::bytes('POST', $tickets, substr($body, 0, $cut),
                                  @headers, 'Content-Length' => length $body));
    select undef, undef, undef, 0.003;
    $c->send(substr $body, $cut);
    $r = $c->response;
    $c->close;

    (undef, $stored) = taken();
    my $whole = $r->{status} == 303 && $stored->{'file-1'} eq $odd
                && $stored->{'file-2'} eq $png;

    is($whole, 1, "cut at $cut") if !$whole || $cut < 100;
}

my $chunks = '';

for (my $at = 0; $at < length $body; $at += 13) {
    my $piece = substr $body, $at, 13;

    $chunks .= sprintf "%x\r\n%s\r\n", length $piece, $piece;
}

$r = request($addr, 'POST', $tickets, "${chunks}0\r\n\r\n", @headers,
             'Transfer-Encoding' => 'chunked');
is($r->{status}, 303, 'in chunks of 13');
(undef, $stored) = taken();
is($stored->{'file-2'}, $png, '... whole');

my $path = spew($nginx->prefix . '/foto.bin', join '', map { chr }
                map { $_ * 7 % 256 } 1 .. 3 * $mega);
$r = curl('--http2-prior-knowledge', '-H', "Cookie: $cookie",
          map({ ('-F', "$_=$good{$_}") } keys %good), '-F', "token=$token",
          '-F', "attachment=\@$path", 'http://' . $nginx->addr('H2')
          . $tickets);
is("$r->{version} $r->{status}", '2.0 303', 'HTTP/2, from a file');
(undef, $stored) = taken();
is(sha256_hex($stored->{'file-1'}), sha256_hex(slurp($path)), '... whole');


# limits: the last good one, the first bad one

my $large = "\0" . 'x' x (15 * $mega - 1);

for my $case (['five files', [(['a', 'x']) x 5], undef],
              ['six', [(['a', 'x']) x 6], 'hasta 5 archivos'],
              ['nine', [(['a', 'x']) x 9], 'hasta 5 archivos'],
              ['15 MiB', [['a', $large]], undef],
              ['a byte more', [['a', "${large}x"]], 'hasta 15 MB'],
              ['25 MiB', [['a', $large], ['b', 'x' x (10 * $mega)]], undef],
              ['a byte more together',
               [['a', $large], ['b', 'x' x (10 * $mega)], ['c', 'x']],
               'hasta 25 MB'])
{
    my ($name, $files, $said) = @$case;

    $r = file($files);

    if (!defined $said) {
        is($r->{status}, 303, "$name: taken");
        (undef, $stored) = taken();
        is(join(' ', map { length $stored->{$_} } sort keys %$stored),
           join(' ', map { length $_->[1] } @$files), '... whole');
        next;
    }

    is($r->{status}, 422, "$name: 422");
    utf8::decode($r->{body});
    like($r->{body}, qr/id=e-attachment>[^<]*$said/, '... says so');
    like($r->{body}, qr/value="No abre"/, '... filled in');
    $r = file($files, undef, Accept => 'application/json');
    is_deeply([keys %{$r->json->{errors}}], ['attachment'], '... JSON, too');
    is_deeply([glob "$spool/{new,tmp}/*"], [], '... nothing is kept');
}

is(file([['a', 'x' x (30 * $mega)]])->{status}, 413, 'over 30 MiB: 413');
is(file([], { description => 'x' x 530_000 })->{status}, 413,
   'fields of over 512 KiB: 413');


# what is no such body

my $head = 'Content-Disposition: form-data; name=';

for my $case (["--x\r\n$head\"subject\"\r\n\r\na", 400, 'torn'],
              ["--x\r\n$head\"subject\"\r\n\r\na\r\n--x\r\n", 400, 'no end'],
              ['', 400, 'empty'],
              ["--x\r\n\r\na\r\n--x--\r\n", 400, 'nameless'],
              ["--x\r\n$head\"subject\"\r\n\r\na\0b\r\n--x--\r\n", 400, 'NUL'],
              ["--x\r\n$head\"subject\"\r\n\r\n\xff\r\n--x--\r\n", 400,
               'no UTF-8'],
              ["--x\r\n$head\"a\"; filename=\"b\"\r\n\r\na\r\n--x--\r\n", 400,
               'a file of another name'],
              ["--x\r\n$head\"subject\"\r\nContent-Transfer-Encoding: base64"
               . "\r\n\r\nYQ==\r\n--x--\r\n", 400, 'base64'],
              ["--x\r\n$head\"a\"\r\n\r\nb\r\n" x 80 . "--x--\r\n", 400,
               '80 parts'],
              ["--x\r\n$head\"subject\"\r\n\r\na\r\n--x--\r\n", 403,
               'no token'])
{
    my ($bytes, $status, $name) = @$case;

    is(request($addr, 'POST', $tickets, $bytes, Cookie => $cookie,
               'Content-Type' => 'multipart/form-data; boundary=x')->{status},
       $status, "$name: $status");
}

is(request($addr, 'POST', $tickets, "--x--\r\n", 'Content-Type' => $_)
   ->{status}, 400, "type: $_")
    for 'multipart/form-data', 'multipart/form-data; boundary=',
        'multipart/form-data; boundary=a; boundary=b';
is(request($addr, 'POST', $tickets, "--x--\r\n",
           'Content-Type' => 'multipart/mixed; boundary=x')->{status}, 415,
   'multipart/mixed');


# a client that leaves in the middle leaves nothing behind

for my $cut (1, 1000, 600_000, 5 * $mega) {
    my $c = Soporte::Http->connect($addr);
    my ($bytes, $of) = parts([%good, token => $token,
                              attachment => ['a', 'x' x (6 * $mega)]]);

    $c->send(Soporte::Http::bytes('POST', $tickets, substr($bytes, 0, $cut),
                                  Cookie => $cookie, 'Content-Type' => $of,
                                  'Content-Length' => length $bytes));
    $c->abort;
}

wait_is(sub { scalar(() = glob $nginx->prefix . '/tmp/body/*') }, 0,
        'no temporary file is left');
is_deeply([glob "$spool/{new,tmp}/*"], [], '... nor anything in the spool');

done_testing;
