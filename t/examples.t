# Prevents an example that does not load, or does something else than it says:
# each file of conf/examples, with its addresses moved to free ports, at work.

use strict;
use warnings;

use JSON::PP qw(decode_json);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Mmdb qw(mmdb);
use Soporte::Nginx;
use Soporte::Process qw(top run);
use Soporte::Test;

my $erp = Soporte::ErpNext->new(sites => { 'acme.example.mx' => 'up' });

my %made = map { s{.*/}{}r => 1 } glob top() . '/conf/examples/*.conf';
my %seen;


# An example in the http block of a test.  More: blocks after it; hours: the
# calendar of the file's own (or the built in) named so is made this one.

sub example {
    my ($file, %option) = @_;

    my $text = slurp(top() . "/conf/examples/$file");

    $seen{$file} = 1;

    for my $name (sort keys %{$option{calendars} // {}}) {
        $text =~ s/soporte_calendar $name \{.*?^\}\n//ms;
        $text = "soporte_calendar $name {\n timezone Etc/UTC;\n"
              . ($option{calendars}{$name} ? " hours mon-sun 00:00-24:00;\n"
                                           : '') . "}\n$text";
    }

    my $nginx = Soporte::Nginx->new(workers => 1, log_level => 'notice');

    $text =~ s/127\.0\.0\.1:80;/127.0.0.1:%%PORT%%;/g;
    $text =~ s/127\.0\.0\.1:8000/${\$erp->addr}/g;
    $text =~ s/127\.0\.0\.1:(3000|8125|9000|9001)/127.0.0.1:%%PORT_P$1%%/g;
    $text =~ s{/usr/share/GeoIP/\S+?;}{%%PREFIX%%/city.mmdb;};

    open my $out, '>:raw', $nginx->prefix . '/city.mmdb' or die $!;
    print $out mmdb({
        '192.0.2.0/24'    => { country => { iso_code => 'MX' } },
        '198.51.100.0/24' => { country => { iso_code => 'ES' } }
    });
    close $out;

    $nginx->file('policy.json', '{"form": {"min_seconds": 0}}');
    $nginx->conf(<<"END");
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=example:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_policy %%PREFIX%%/policy.json;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Client;
    $text
    ${\($option{more} // '')}
}
END

    my ($code, $said) = $nginx->check;

    is($code, 0, "$file: nginx -t") or diag $said;

    return $nginx->start;
}


# the ticket of a category, as it was spooled

sub file {
    my ($nginx, $category, $host, @header) = @_;

    my $r = post_json($nginx->addr, '/soporte/tickets', {
        subject => 'No abre', description => 'Desde las nueve.',
        category => $category, email => 'ana@acme.test'
    }, Host => $host, @header);

    my $folio = $r->json->{folio} or die $r->{body};

    for my $file (glob $nginx->prefix . '/spool/spool/new/*/ticket.json') {
        my $ticket = decode_json(slurp($file));

        return $ticket->{queue} if $ticket->{folio} eq $folio;
    }

    return;
}


# chat in hours, the form outside

my $server = 'server { listen 127.0.0.1:%%PORT_P3000%%;'
             . ' location / { return 200 "chat $uri\n"; } }';
my @host = (Host => 'acme.example.mx');

my $nginx = example('chat.conf', calendars => { mx => 1 }, more => $server);

is(get($nginx->addr, '/ayuda', @host)->header('Location') =~ s{.*//[^/]*}{}r,
   '/chat/', 'open: to the chat');
is(get($nginx->addr, '/chat/hola', @host)->{body}, "chat /chat/hola\n",
   '... which is proxied');
is(get($nginx->addr, '/api/method/ping', @host)->json->{message}, 'pong',
   '... and ERPNext as well');

$nginx = example('chat.conf', calendars => { mx => 1 });

my $r = get($nginx->addr, '/chat/hola', @host);

is($r->{status}, 303, 'the chat is down: to the form');
is($r->header('Location') =~ s{.*//[^/]*}{}r, '/soporte', '... which is there');

$nginx = example('chat.conf', calendars => { mx => 0 }, more => $server);

is(get($nginx->addr, $_, @host)->header('Location') =~ s{.*//[^/]*}{}r,
   '/soporte', "closed: $_ is the form") for qw(/ayuda /chat/hola);
is(get($nginx->addr, '/soporte', @host)->{status}, 200, '... which is there');


# queues

for my $open (1, 0) {
    $nginx = example('queues.conf', calendars => { mx => $open });

    for my $row (['conectividad', '192.0.2.1', 'infraestructura', 'guardia'],
                 ['restauracion', '10.0.0.1', 'infraestructura', 'guardia'],
                 ['cuenta', '192.0.2.1', 'facturacion-mx', 'manana'],
                 ['cuenta', '198.51.100.1', 'facturacion-exterior', 'manana'],
                 ['cuenta', '10.0.0.1', 'facturacion-mx', 'manana'],
                 ['uso', '192.0.2.1', 'soporte', 'manana'],
                 ['visita', '198.51.100.1', 'soporte', 'manana'])
    {
        my ($category, $client, @queue) = @$row;

        is(file($nginx, $category, 'acme.example.mx', 'X-Client' => $client),
           $queue[1 - $open],
           "$category from $client, " . ($open ? 'open' : 'closed'));
    }
}


# two teams

for my $row ([1, 1, 'mexico'], [1, 0, 'mexico'], [0, 1, 'madrid'],
             [0, 0, 'madrid'])
{
    my ($mexico, $madrid, $team) = @$row;

    $nginx = example('teams.conf', calendars => { mexico => $mexico,
                                                  madrid => $madrid });

    is(file($nginx, 'uso', 'acme.example.mx'), $team,
       "Mexico $mexico, Madrid $madrid: $team");

    for my $of (['acme.example.mx', $mexico], ['iberia.example.es', $madrid]) {
        my $json = get($nginx->addr, '/soporte/estado.json', Host => $of->[0])
                   ->json;

        is(!!$json->{hours}{open}, !!$of->[1], "... $of->[0] has its hours");
    }
}

# as it is written, of whatever hour it is now

$nginx = example('teams.conf');
like(file($nginx, 'uso', 'iberia.example.es'), qr/^(?:mexico|madrid)$/,
     'one of the two');


# the pager, rung by soporte-notify itself

for my $open (1, 0) {
    $nginx = example('pager.conf', calendars => { mx => $open },
        more => <<'END');
    log_format told "$server_port $request_method $uri"
                    " $http_x_soporte_urgent $http_idempotency_key";
    server { listen 127.0.0.1:%%PORT_P9000%%;
             access_log %%PREFIX%%/told.log told;
             location / { return 202; } }
    server { listen 127.0.0.1:%%PORT_P9001%%;
             access_log %%PREFIX%%/told.log told;
             location / { return 202; } }
    server { listen 127.0.0.1:%%PORT%%; soporte acme; soporte_portal /soporte; }
END

    file($nginx, $_, 'acme.example.mx') for qw(conectividad uso);

    my ($code, $said) = run(top() . '/bin/soporte-notify', '--path',
        $nginx->prefix . '/spool', '--webhook',
        'http://' . $nginx->addr('P8125') . '/aviso');

    is($code, 0, 'soporte-notify: all are told') or diag $said;

    my $port = $nginx->port('P9000');
    my $room = $nginx->port('P9001');
    my $log = slurp($nginx->prefix . '/told.log');

    is(scalar(() = $log =~ m{^$port POST /v2/enqueue 1 [0-9a-f-]{36}$}mg), 1,
       'the urgent one rings the pager, ' . ($open ? 'open' : 'closed'));
    is(scalar(() = $log =~ m{^$room POST /sala 0 }mg), $open,
       $open ? '... the other one is for the room'
             : '... the other one waits for the morning');
    is(scalar(() = $log =~ /\n/g), 1 + $open, '... and nobody else is told');
}

is(join(' ', sort keys %seen), join(' ', sort keys %made),
   'each example was tried');

done_testing();
