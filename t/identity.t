# Prevents a ticket under a name that nobody proved, a help page that hangs or
# goes down with ERPNext, and a session's id anywhere but at ERPNext.

use strict;
use warnings;
use utf8;

use JSON::PP ();
use Time::HiRes qw(time);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Test;

my $pg = Soporte::Postgres->new;
my $erpnext = Soporte::ErpNext->new(sites => {
    'acme.mx' => 'up', 'otra.mx' => 'up', 'cerrada.mx' => 'maintenance'
});

my $nginx = Soporte::Nginx->new(
    vars  => { PG => $pg->conninfo('soporte_nginx'),
               UP => $erpnext->addr,
               ASK => '/api/method/frappe.auth.get_logged_user' },
    files => { 'policy.json' => '{"form": {"min_seconds": 0}}',
               'state.json'  => '{"public": ["state"]}',
               'none.json'   => '{"public": ["hours"]}' },
    conf  => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=identity:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_postgres "%%PG%%" timeout=600ms;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    map $host $tenant { acme.mx acme; otra.mx otra; cerrada.mx cerrada;
                        fija.mx fija; negada.mx negada; larga.mx larga;
                        parte.mx acme; nada.mx acme;
                        default ""; }
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        access_log %%PREFIX%%/access.log combined;
        soporte $tenant;
        soporte_identity /api/method/frappe.auth.get_logged_user;
        location / {
            try_files /nothing @frappe;
        }
        location @frappe {
            proxy_pass http://%%UP%%;
            proxy_set_header Host $host;
        }
    }
    server { listen 127.0.0.1:%%PORT_NAMED%%; server_name acme.mx;
             soporte acme;
             soporte_identity %%ASK%%;
             location / { proxy_pass http://%%UP%%;
                          proxy_set_header Host $http_host; } }
    server { listen 127.0.0.1:%%PORT_ANY%%; server_name _;
             soporte acme;
             soporte_identity %%ASK%%;
             location / { proxy_pass http://%%UP%%;
                          proxy_set_header Host $host; } }
    server { listen 127.0.0.1:%%PORT%%; server_name fija.mx;
             soporte $tenant; soporte_identity /who;
             location = /who { return 200 '{"message":"fija@acme.mx"}'; } }
    server { listen 127.0.0.1:%%PORT%%; server_name parte.mx;
             soporte $tenant; soporte_policy %%PREFIX%%/state.json;
             soporte_identity /who;
             location = /who { proxy_pass http://%%UP%%%%ASK%%;
                               proxy_set_header Host acme.mx; } }
    server { listen 127.0.0.1:%%PORT%%; server_name nada.mx;
             soporte $tenant; soporte_policy %%PREFIX%%/none.json;
             soporte_identity /who;
             location = /who { proxy_pass http://%%UP%%%%ASK%%;
                               proxy_set_header Host acme.mx; } }
    server { listen 127.0.0.1:%%PORT%%; server_name negada.mx;
             soporte $tenant; soporte_identity /who;
             location = /who { error_page 403 /other; return 403; }
             location = /other { return 200 '{"message":"x@acme.mx"}'; } }
    server { listen 127.0.0.1:%%PORT%%; server_name larga.mx;
             soporte $tenant; soporte_identity /who;
             location = /who { root %%PREFIX%%; try_files /long =404; } }
    server { listen 127.0.0.1:%%PORT_OFF%%; soporte acme; }
    server { listen 127.0.0.1:%%PORT_METRICS%%;
             location / { soporte_metrics; } }
}
END

spew($nginx->prefix . '/long', '{"message":"larga@acme.mx"}' . ' ' x 100_000);

my $addr = $nginx->addr;
my $spool = $nginx->prefix . '/lib/spool';
my $json = JSON::PP->new->utf8;
my $url = '/api/method/frappe.auth.get_logged_user';
my $r;


sub login {
    my ($who, $site) = @_;

    my $r = request($erpnext->addr, 'POST',
                    '/api/method/login?usr=' . ($who =~ s/@/%40/r)
                    . '&pwd=demo', '', Host => $site // 'acme.mx');

    return map { /^(sid=[^;]+)/ ? $1 : () } $r->values('Set-Cookie');
}

sub help {
    my ($cookie, $host, @more) = @_;

    my $r = get($addr, '/soporte', Host => $host // 'acme.mx',
                Cookie => $cookie, @more);

    utf8::decode($r->{body});

    return $r;
}

sub asked { scalar grep { $_->{path} eq $url } $erpnext->requests }

# files a ticket without an e-mail unless one is given: the answer
sub file {
    my ($cookie, %change) = @_;

    return post_json($addr, '/soporte/tickets',
                     { subject => 'x', description => 'x',
                       category => 'uso', %change },
                     Host => 'acme.mx', Cookie => $cookie);
}

sub stored {
    my ($r) = @_;

    my @rows;

    wait_for(sub {
        @rows = $pg->rows('SELECT email, user_id, verified::int FROM
                           soporte.ticket WHERE folio = ?',
                          $r->json->{folio});
    }, 5, 'the ticket');

    return $rows[0];
}


# a user that ERPNext knows

my ($sid) = login('ana@acme.mx');
my ($id) = $sid =~ /=(.*)/;

$erpnext->forget;
$r = help($sid);
is($r->{status}, 200, 'verified: the page');
like($r->{body}, qr/Te contestamos a <b>ana\@acme\.mx</, '... knows who');
unlike($r->{body}, qr/name=email/, '... and asks for no e-mail');
is(asked(), 1, '... ERPNext was asked');
my ($question) = grep { $_->{path} eq $url } $erpnext->requests;
is($question->{method}, 'GET', '... by GET');
is($question->{headers}{cookie} // $question->{cookie}, $sid,
   '... with the session alone');

is(help("other=1; $sid; x=2")->{status}, 200, 'again: the page');
is(asked(), 1, '... the answer is kept');

$r = file($sid);
is($r->{status}, 201, 'a ticket without an e-mail: 201');
is_deeply(stored($r), { email => 'ana@acme.mx', user_id => 'ana@acme.mx',
                        verified => 1 }, '... of a verified user');
$r = file($sid, email => 'casa@example.mx');
is_deeply(stored($r), { email => 'casa@example.mx', user_id => 'ana@acme.mx',
                        verified => 1 }, '... with another e-mail');
is(asked(), 1, '... all of it with one question');


# The site that is asked is the tenant's, whatever Host says: the administrator
# of another one makes users of any name.

my ($foreign) = login('ana@acme.mx', 'otra.mx');

for my $port (qw(NAMED ANY)) {
    $r = get($nginx->addr($port), '/soporte', Host => 'otra.mx',
             Cookie => $foreign);
    like($r->{body}, qr/name=email/, "\L$port\E: a session of another site");
}

$r = get($nginx->addr('NAMED'), '/soporte', Host => 'otra.mx', Cookie => $sid);
unlike($r->{body}, qr/name=email/, 'the tenant\'s own, whatever Host says');
$r = get($nginx->addr('ANY'), '/soporte', Host => 'acme.mx', Cookie => $sid);
like($r->{body}, qr/name=email/, 'a server without a name: nobody is known');

my ($admin) = login('Administrator');

like(help($admin)->{body}, qr/name=email/, 'no address: an e-mail is asked for');
is_deeply(stored(file($admin)), { email => undef, user_id => 'Administrator',
                                  verified => 1 }, '... but not required');

my $c = curl('--http2-prior-knowledge', '-H', "Cookie: $sid", '-H',
             'Host: acme.mx', 'http://' . $nginx->addr('H2') . '/soporte');
like($c->{body}, qr/<b>ana\@acme\.mx</, 'HTTP/2');
is(request($addr, 'HEAD', '/soporte', undef, Host => 'acme.mx',
           Cookie => (login('head@acme.mx'))[0])->{status}, 200, 'HEAD');


# nobody, or nobody any more

for my $case (['no cookie', undef], ['a guest', 'sid=Guest'],
              ['an old session', 'sid=deadbeef'], ['an empty one', 'sid='],
              ['a long one', 'sid=' . 'x' x 300],
              ['a claim without a session', 'user_id=ana%40acme.mx'],
              ['an old session and a claim', 'sid=0ld; user_id=ana%40acme.mx'])
{
    my ($name, $cookie) = @$case;

    $r = help($cookie);
    is($r->{status}, 200, "$name: the page");
    like($r->{body}, qr/name=email [^>]*value=""/, '... asks for an e-mail');
    is(file($cookie)->{status}, 422, '... and requires it');
    is_deeply(stored(file($cookie, email => 'x@acme.mx')),
              { email => 'x@acme.mx', user_id => undef, verified => 0 },
              '... of a guest');
}

is(post_json($nginx->addr('OFF'), '/soporte/tickets',
             { subject => 'x', description => 'x', category => 'uso' },
             Cookie => $sid)->{status}, 422, 'not asked for: a guest');

# another tenant: the session is asked of its own ERPNext

$erpnext->forget;
help($sid, 'otra.mx');
is(join(' ', map { $_->{site} } grep { $_->{path} eq $url }
        $erpnext->requests), 'otra.mx', 'another tenant, another question');

# answers of other kinds

like(help($sid, 'fija.mx')->{body}, qr/<b>fija\@acme\.mx</, 'by "return"');
like(help($sid, 'negada.mx')->{body}, qr/name=email [^>]*value=""/,
     'refused: error_page has no say');
like(help($sid, 'larga.mx')->{body}, qr/name=email [^>]*value=""/,
     'an answer of 100 KB is none');


# the tickets of a user

my @mine = map { file($sid, subject => "mía $_")->json } 1 .. 3;
my ($eva) = login('eva@acme.mx');
my $hers = file($eva, subject => 'suya', email => 'ana@acme.mx')->json;

stored(file(undef, email => 'ana@acme.mx', subject => 'de un huésped'));
wait_is(sub { scalar(() = glob "$spool/{new,sending}/*") }, 0, 'delivered');

sub mine {
    my ($cookie, @more) = @_;

    my $r = get($addr, '/soporte/tickets', Host => 'acme.mx',
                Cookie => $cookie, @more);

    utf8::decode($r->{body});

    return $r;
}

$r = mine($sid);
is($r->{status}, 200, 'own tickets: the page');
like($r->{body}, qr/mía 3.*mía 2.*mía 1/s, '... the latest first');
unlike($r->{body}, qr/suya|huésped/, '... nobody else\'s');
my ($link) = $r->{body} =~ m{<a href="([^"]+)">mía 3};
is($link =~ s/&amp;/&/gr, $mine[2]{url}, '... each with its link');
is(get($addr, $link, Host => 'acme.mx')->{status}, 303, '... which opens it');
$r = get($addr, '/soporte/tickets', Host => 'acme.mx', Cookie => $sid,
         Accept => 'application/json');
is_deeply([map { $_->{subject} } @{$r->json->{tickets}}[0 .. 2]],
          ['mía 3', 'mía 2', 'mía 1'], '... JSON');
is_deeply([sort keys %{$r->json->{tickets}[0]}],
          [qw(category filed_at folio reply_due status subject urgent url)],
          '... its keys');
like(mine($eva)->{body}, qr/suya/, 'hers are hers');
unlike(mine($eva)->{body}, qr/mía/, '... alone');
unlike(mine('sid=0ld; user_id=ana%40acme.mx')->{body}, qr/mía|suya/,
       'a claim lists nothing');
like(mine((login('nueva@acme.mx'))[0])->{body}, qr/Todavía no hay ninguna/,
     'none yet');

$pg->stop;
$r = mine($sid);
is($r->{status}, 200, 'PostgreSQL is away: the page');
like($r->{body}, qr/la lista se verá aquí en cuanto vuelva/, '... is honest');
$pg->start;


# ERPNext is down, closed, or hangs: a claim is a claim

my $claim = 'user_id=eva%40acme.mx';
my $n = 0;

for my $case (['closed', 'cerrada.mx', sub { }, sub { }],
              ['away', 'acme.mx', sub { $erpnext->stop },
               sub { $erpnext->start }],
              ['hangs', 'acme.mx', sub { $erpnext->freeze },
               sub { $erpnext->thaw }])
{
    my ($name, $host, $begin, $end) = @$case;
    my $cookie = 'sid=nueva' . $n++ . "; $claim";

    $begin->();

    my $began = time;

    $r = help($cookie, $host);
    cmp_ok(time - $began, '<', 2, "$name: the page comes soon");
    is($r->{status}, 200, '... it comes');
    like($r->{body}, qr/name=email [^>]*value="eva\@acme\.mx"/,
         '... the e-mail is a proposal');
    $began = time;
    $r = post_json($addr, '/soporte/tickets',
                   { subject => $name, description => 'x', category => 'uso',
                     email => 'eva@acme.mx' },
                   Host => $host, Cookie => $cookie);
    is($r->{status}, 201, '... a ticket is taken');
    cmp_ok(time - $began, '<', 2, '... soon');
    is(post_json($addr, '/soporte/tickets',
                 { subject => $name, description => 'x', category => 'uso' },
                 Host => $host, Cookie => $cookie)->{status}, 422,
       '... an e-mail is required');
    is(get($addr, '/soporte/tickets', Host => $host, Cookie => $cookie,
           Accept => 'application/json')->{status}, 403,
       '... nothing is listed');
    like(help('sid=mala; user_id=%22%3E%3Cscript%3E', $host)->{body},
         qr/name=email [^>]*value=""/, '... a claim that is no address');
    $end->();
    is_deeply(stored($r), { email => 'eva@acme.mx', user_id => 'eva@acme.mx',
                            verified => 0 }, '... unverified');
}

wait_is(sub { help((login('vuelta@acme.mx'))[0])->{body}
              =~ /<b>vuelta\@acme\.mx</ ? 1 : 0 }, 1, 'it is back', 10);


# a verified user sees what the policy keeps from the public

sub status {
    my ($host, $cookie) = @_;

    return get($addr, '/soporte/estado', Host => $host, Cookie => $cookie);
}

my $reserved = qr/id=reservado/;

for my $row (['', 'nobody'], ['sid=Guest', 'a guest'],
             ['sid=0123', 'an unknown session'],
             ['user_id=ana%40acme.mx; sid=0123', 'a claim'])
{
    like(status('parte.mx', $row->[0])->{body}, $reserved,
         "status: $row->[1] sees the public part");
    is(status('nada.mx', $row->[0])->{status}, 404,
       '... and no page where nothing is public');
}

$r = status('parte.mx', $sid);
is($r->{status}, 200, 'status: a user');
unlike($r->{body}, $reserved, '... sees all');
is(status('nada.mx', $sid)->{status}, 200, '... where nothing is public, too');

$erpnext->forget;
status('acme.mx', (login('nueva@acme.mx'))[0]);
is(asked(), 0, '... nobody is asked where all is public');

($sid) = login('lenta@acme.mx');
$erpnext->freeze;
my $began = time;
like(status('parte.mx', $sid)->{body}, $reserved,
     'an ERPNext that hangs: the public part');
cmp_ok(time - $began, '<', 5, '... soon');
$erpnext->thaw;


# clients that leave while it is asked for; connections go back to none

my ($worker) = $nginx->workers;

sub sockets {
    return scalar grep { /^socket:/ } map { readlink($_) // '' }
                  glob "/proc/$worker/fd/*";
}

my $sockets = sockets();

$erpnext->freeze;

for my $n (1 .. 20) {
    my $c = Soporte::Http->connect($addr);

    $c->send("GET /soporte HTTP/1.1\r\nHost: acme.mx\r\n"
             . "Cookie: sid=gone$n\r\n\r\n");
    select undef, undef, undef, 0.01 * ($n % 4);
    $c->abort;
}

$erpnext->thaw;
wait_is(\&sockets, $sockets, 'clients that left: all connections are closed',
        10);


# it is no request of anybody's, and the session's id is nowhere

my $metrics = get($nginx->addr('METRICS'), '/metrics')->{body};
my %count = $metrics =~ /^soporte_requests_total\{(.*?)\} (\d+)$/mg;

is($count{"tenant=\"acme\",result=\"$_\""}, 0, "the questions are not $_")
    for qw(good hard soft);
cmp_ok($count{'tenant="acme",result="excluded"'}, '>', 0,
       '... the pages are excluded');

wait_for(sub { slurp($nginx->prefix . '/access.log') =~ /HTTP\/2/ }, 5, 'log');
is(() = slurp($nginx->prefix . '/access.log') =~ /get_logged_user/g, 0,
   '... nor are they logged');

for my $text ($id, 'deadbeef', 'eva%40') {
    is(() = slurp($nginx->prefix . '/access.log') =~ /\Q$text\E/g, 0,
       "not in the access log: $text");
    is(() = $nginx->log =~ /\Q$text\E/g, 0, '... nor in the error log');
}

is(() = `grep -ra -- '$id' $spool $nginx->{prefix}/shm 2>/dev/null`, 0,
   '... nor in the spool, nor in the memory');

done_testing;
