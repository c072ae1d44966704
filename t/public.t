# Prevents a status that tells strangers more than the policy says, a status
# link that opens another tenant's, stays in the address or enters a log; and
# scripts and badge that a page can't use.

use strict;
use warnings;
use utf8;

use Digest::SHA qw(sha256_base64);
use JSON::PP ();

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(slurp top);
use Soporte::Test;

my $nginx = Soporte::Nginx->new(
    files => {
        'some.json' => JSON::PP->new->encode(
            { public => ['state', 'incident', 'maintenance', 'hours'] }
        ),
        'none.json' => '{"public": ["hours"]}'
    },
    conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=public:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_portal /soporte;
    log_format line '$request';
    access_log %%PREFIX%%/access.log line;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; }
    server {
        listen 127.0.0.1:%%PORT_SOME%%;
        soporte acme;
        soporte_policy %%PREFIX%%/some.json;
    }
    server {
        listen 127.0.0.1:%%PORT_NONE%%;
        soporte acme;
        soporte_policy %%PREFIX%%/none.json;
    }
    server {
        listen 127.0.0.1:%%PORT_B%%;
        soporte otra;
        soporte_policy %%PREFIX%%/some.json;
    }
    server { listen 127.0.0.1:%%PORT_OFF%%; soporte acme; soporte_portal off; }
}
END

my $addr = $nginx->addr;
my $some = $nginx->addr('SOME');
my $none = $nginx->addr('NONE');
my $r;


# the link, from the page of a ticket

sub link_of {
    my ($at) = @_;

    my $url = post_json($at, '/soporte/tickets',
                        { subject => 'a', description => 'b',
                          category => 'uso', email => 'ana@acme.mx' })
              ->json->{url};
    my ($path, $token) = split /\?clave=/, $url;

    my ($link) = get($at, $path, Cookie => "soporte-ticket=$token")->{body}
        =~ m{href="(/soporte/estado\?clave=[\w-]{22})"};

    return $link;
}


# what the policy leaves out is null, and no part of the page

my $all = get($addr, '/soporte/estado.json')->json;
my $few = get($some, '/soporte/estado.json')->json;

ok(ref $all->{month} && ref $all->{latency_ms}, 'all is public by default');
is_deeply([sort keys %$few], [sort keys %$all], 'the keys are the same');
is($few->{$_}, undef, "$_ is reserved") for qw(month latency_ms);
is($few->{state}, $all->{state}, 'the state is not');
unlike(get($addr, '/soporte/estado')->{body}, qr/id=reservado/,
       'nothing is said to be reserved where nothing is');
like(get($some, '/soporte/estado')->{body}, qr/id=reservado/,
     'else that it is');


# the link

my $link = link_of($some);
ok($link, 'a ticket has the status link') or die;
is($link, link_of($addr), 'it is the tenant\'s, not the server\'s');

$r = get($some, $link);
is("$r->{status} " . $r->header('Location'), '303 /soporte/estado',
   'it leaves the address bar at once');
my $cookie = $r->header('Set-Cookie');
like($cookie, qr{^soporte-estado=[\w-]{22};\sPath=/soporte;\sMax-Age=\d+;
                 \sHttpOnly;\sSameSite=Lax$}x, 'for a cookie');
$cookie =~ s/;.*//;

$r = get($some, '/soporte/estado.json', Cookie => $cookie);
ok(ref $r->json->{month}, 'the cookie opens the month');
unlike(get($some, '/soporte/estado', Cookie => $cookie)->{body},
       qr/id=reservado/, '... of the page, too');
my ($query) = $link =~ /(\?.*)/;
ok(ref get($some, "/soporte/estado.json$query")->json->{month},
   'programs use the link itself');

for my $row ([$nginx->addr('B'), $cookie, 'another tenant\'s'],
             [$some, $cookie =~ s/.$/A/r =~ s/A$/B/r, 'a changed one'],
             [$some, 'soporte-estado=', 'an empty one'],
             [$some, "${cookie}x", 'a longer one'])
{
    is(get($row->[0], '/soporte/estado.json', Cookie => $row->[1])
       ->json->{month}, undef, "$row->[2] opens nothing");
}

$r = get($some, '/soporte/estado?clave=wrong');
is("$r->{status} " . ($r->header('Set-Cookie') // 'none'), '303 none',
   'a wrong link sets no cookie');


# without "state" there is no page, and yet the news for those who wait

is(get($none, $_)->{status}, 404, "$_ is nobody's")
    for qw(/soporte/estado /soporte/badge.svg);
is(get($none, '/soporte/estado.json')->json->{state}, $all->{state},
   'a page that stands in sees when to leave');
is(get($none, '/soporte/estado', Cookie => $cookie)->{status}, 200,
   'the link opens the page');


# what is no page

for my $name (qw(widget.js form.js)) {
    $r = get($addr, "/soporte/$name");
    is($r->{status}, 200, $name);
    is($r->{body}, slurp(top() . "/conf/$name"), '... is the file');
    is($r->header('Content-Type'), 'text/javascript; charset=utf-8',
       '... its type');
    is($r->header('Cache-Control'), 'max-age=3600', '... is kept for a while');
    is($r->header('X-Content-Type-Options'), 'nosniff', '... nosniff');
    is(request($addr, 'POST', "/soporte/$name", '')->{status}, 405,
       '... is read only');
    is(get($nginx->addr('OFF'), "/soporte/$name")->{status}, 404,
       '... is not there without a portal');
}

cmp_ok(length get($addr, '/soporte/widget.js')->{body}, '<=', 6000,
       'the widget is small');

my $hash = sha256_base64(slurp(top() . '/conf/form.js')) . '=';
$r = get($addr, '/soporte');
like($r->{body}, qr{<script\ssrc="/soporte/form\.js"\s
                    integrity="sha256-\Q$hash\E"></script>}x,
     'the form\'s script has its hash');
like($r->header('Content-Security-Policy'),
     qr/script-src 'sha256-\Q$hash\E'[ ;]/, 'and may run');

$r = get($addr, '/soporte/badge.svg');
is($r->header('Content-Type'), 'image/svg+xml; charset=utf-8', 'the badge');
like($r->{body}, qr{^<svg [^>]*aria-label="ERPNext: .*</svg>$}m,
     '... is a picture with words');
is($r->header('Cache-Control'), 'max-age=60', '... of the last minute');


$r = get($some, $link =~ s{estado}{api/v2/summary.json}r);
is($r->{status}, 200, "a feed by the link");

$nginx->stop;

my ($token) = $link =~ /clave=(.*)/;
unlike(slurp($nginx->prefix . "/$_.log"), qr/\Q$token/,
       "no token in $_.log") for qw(access error);

done_testing();
