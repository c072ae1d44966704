# Prevents a customer who is left without an answer: each of the sixteen
# categories says at once what holds, can be filed whatever it is, is urgent
# where it must be, and tells when somebody will reply, in both clocks.

use strict;
use warnings;
use utf8;

use JSON::PP qw(decode_json);
use POSIX qw(strftime);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Mmdb qw(mmdb);
use Soporte::Nginx;
use Soporte::Process qw(top);
use Soporte::Test;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);

my $policy = decode_json(slurp(top() . '/conf/politica.json'));
my @categories = @{$policy->{categories}};
my $erp = Soporte::ErpNext->new(sites => { 'acme.test' => 'up' });
my $tomorrow = strftime '%Y-%m-%d', gmtime(time + 86400);

my $nginx = Soporte::Nginx->new(
    workers => 1,
    vars    => { TOMORROW => $tomorrow, ERP => $erp->addr },
    files   => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    conf    => <<'END');
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=policy:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_geoip %%PREFIX%%/city.mmdb;
    soporte_portal /soporte;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Client;
    soporte_calendar abierta {
        timezone America/Mexico_City;
        hours mon-sun 00:00-24:00;
    }
    soporte_calendar cerrada {
        timezone Etc/UTC;
        open %%TOMORROW%%T15:00 %%TOMORROW%%T18:00;
    }
    server { listen 127.0.0.1:%%PORT%%; soporte acme; soporte_hours abierta;
             proxy_set_header Host acme.test;
             location / { proxy_pass http://%%ERP%%; } }
    server { listen 127.0.0.1:%%PORT_SHUT%%; soporte beta;
             soporte_hours cerrada; }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
    }
}
END

{
    open my $out, '>:raw', $nginx->prefix . '/city.mmdb' or die $!;
    print $out mmdb({
        '192.0.2.0/25'   => { country => { iso_code => 'MX' },
                              location => { time_zone => 'America/Tijuana' } },
        '192.0.2.128/25' => { country => { iso_code => 'GB' },
                              location => { time_zone => 'Etc/Nowhere' } },
        '198.51.100.0/24' => { country => { iso_code => 'IS' },
                               location => { time_zone =>
                                             'Atlantic/Reykjavik' } }
    });
}

$nginx->start;

my $control = 'unix:' . $nginx->prefix . '/control.sock';


sub page {
    my ($port, $query, @header) = @_;

    my $r = get($nginx->addr($port), '/soporte' . $query, @header);

    utf8::decode($r->{body});

    return $r->{body} =~ s/&#39;/'/gr =~ s/&quot;/"/gr =~ s/&amp;/&/gr;
}


# what was spooled, by its category

sub file {
    my ($port, $category) = @_;

    my $r = post_json($nginx->addr($port), '/soporte/tickets', {
        subject => "De $category", description => 'Lo que pasa.',
        category => $category, email => 'ana@acme.test'
    });

    is($r->{status}, 201, "$category: filed") or diag $r->{body};

    my $said = $r->json;

    for my $file (glob $nginx->prefix . '/spool/spool/new/*/ticket.json') {
        my $ticket = decode_json(slurp($file));

        return ($ticket, $said, $r) if $ticket->{folio} eq $said->{folio};
    }

    die "no ticket $said->{folio}";
}


is(scalar(@categories), 16, 'sixteen categories');
is(scalar(grep { $_->{included} } @categories), 7, '... seven included');

for my $port ('', 'SHUT') {
    for my $c (@categories) {
        my $id = $c->{id};
        my $where = $port ? "$id, closed" : "$id, open";
        my $page = page($port, "?category=$id");

        like($page, qr/value="$id" checked/, "$where: chosen");
        like($page, qr/\Q$c->{answer}{es}\E/, "$where: answered at once");
        like($page, qr/href="\Q$_->{url}\E"/, "$where: $_->{url}")
            for @{$c->{links} // []};

        my ($ticket) = file($port, $id);

        is(!!$ticket->{out_of_scope}, !$c->{included}, "$where: scope");
        is(!!$ticket->{urgent}, !!$c->{urgent}, "$where: urgency");
        is($ticket->{queue}, $c->{queue}, "$where: queue");
        is($ticket->{reply_due}, undef, "$where: no time is promised");

        next if $c->{included};

        ok(@{$c->{links} // []}, "$where: has a link to documentation");
        like($page, qr/<details open>.*\Q$policy->{success_pack}{title}{es}\E/s,
             "$where: a Success Pack is offered");
        like($page, qr/Aun así puedes enviarnos tu solicitud/,
             "$where: ... and it can be sent");
    }
}

is(join(' ', sort map { $_->{id} } grep { $_->{urgent} } @categories),
   'conectividad restauracion', 'urgent around the clock');

# when somebody replies

like(page('', ''), qr/Estamos en línea/, 'open: somebody is here');

my $closed = page('SHUT', '');

like($closed, qr/te contestaremos cuando abramos, mañana a las 15:00 \(hora (?:de )?UTC\)/,
     'closed: when somebody replies');
unlike($closed, qr/Tijuana/, '... in no other zone than the host\'s');

like(page('SHUT', '', 'X-Client' => '192.0.2.1'),
     qr/15:00 \(hora (?:de )?UTC; [^()]* a las 0[78]:00, hora de Tijuana\)/,
     '... in the visitor\'s as well, where it differs');
unlike(page('SHUT', '', 'X-Client' => '192.0.2.200'), qr/Nowhere/,
       '... not in one that nobody knows');
unlike(page('SHUT', '', 'X-Client' => '198.51.100.1'), qr/Reykjavik/,
       '... nor in one that shows the same time');

# the answer of a ticket says it, too

my (undef, undef, $r) = file('SHUT', 'uso');
my ($path, $token) = $r->json->{url} =~ m{^([^?]*)\?clave=(.*)};
my $first = get($nginx->addr('SHUT'), "$path?clave=$token");
my ($cookie) = ($first->header('Set-Cookie') // '') =~ /^([^;]+)/;
my $ticket = get($nginx->addr('SHUT'), $path, Cookie => $cookie,
                 'X-Client' => '192.0.2.1')->{body};

utf8::decode($ticket);
like($ticket, qr/mañana a las 15:00/, 'the ticket\'s page says when');
like($ticket, qr/hora de Tijuana/, '... in both clocks');

# a tenant that is not up makes anything urgent; an unknown one does not

is((file('SHUT', 'cuenta'))[0]{urgent}, JSON::PP::false,
   'nothing is known of it: as the policy says');

request($control, 'PUT', '/v1/tenants/acme/maintenance', '{}');
is((file('', 'cuenta'))[0]{urgent}, JSON::PP::true, 'maintenance: urgent');
request($control, 'DELETE', '/v1/tenants/acme/maintenance');

get($nginx->addr, '/api/method/ping') for 1 .. 5;
wait_is(sub { get($nginx->addr, '/soporte/estado.json')->json->{state} }, 'up',
        'up', 20);
is((file('', 'cuenta'))[0]{urgent}, JSON::PP::false, 'up: as the policy says');

done_testing();
