# Prevents a visitor who is placed elsewhere: by the address that realip found,
# IPv4 and IPv6, by the newest database, which a bad one never replaces; and by
# nothing that a client says.

use strict;
use warnings;

use JSON::PP qw(decode_json);

use Soporte::Http;
use Soporte::Mmdb qw(mmdb);
use Soporte::Nginx;
use Soporte::Process qw(top run);
use Soporte::Test;


sub city {
    my ($country, $zone) = @_;

    return { country => { iso_code => $country, names => { en => 'x' } },
             location => { latitude => \19,
                           defined $zone ? (time_zone => $zone) : () } };
}


my %networks = (
    '192.0.2.0/24'       => city('MX', 'America/Mexico_City'),
    '192.0.2.128/25'     => city('MX', 'America/Tijuana'),
    '198.51.100.7/32'    => city('US', 'America/New_York'),
    '203.0.113.0/24'     => { registered_country => { iso_code => 'ES' } },
    '203.0.114.0/24'     => { country_code => 'GT',
                              timezone => 'America/Guatemala' },
    '203.0.115.0/24'     => city('MX', "America/X\r\nSet-Cookie: a"),
    '203.0.116.0/24'     => { country => { iso_code => 'MEX' } },
    '203.0.117.0/24'     => { traits => { is_tor => 'yes' } },
    '2001:db8:4000::/36' => city('CL', 'America/Santiago'),
    '2001:db8:4000::1/128' => city('AR', 'America/Argentina/Buenos_Aires')
);

my $real = top() . '/build/geo/node_modules/@ip-location-db'
           . '/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb';

my $conf = <<'END';
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=geo:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_geoip %%FILE%%;
    soporte_portal /soporte;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Client;
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        soporte acme;
        location / { return 200 "$pid $soporte_country $soporte_timezone"; }
    }
}
END

my $nginx = Soporte::Nginx->new(
    workers => 2, conf => $conf, vars => { FILE => '%%PREFIX%%/city.mmdb' },
    files => { 'policy.json' => '{"form": {"min_seconds": 0}}' });

$nginx->{vars}{FILE} = $nginx->prefix . '/city.mmdb';
$nginx->conf($conf);


sub put {
    my ($bytes) = @_;

    my $path = $nginx->prefix . '/city.mmdb';

    open my $out, '>:raw', "$path.new" or die "$path: $!";
    print $out $bytes;
    close $out;
    rename "$path.new", $path;
}


# what both workers say of a client

sub where {
    my ($client) = @_;

    my (%said, %pid);

    for (1 .. 200) {
        my ($pid, $where) = get($nginx->addr, '/', 'X-Client' => $client)
                            ->{body} =~ /^(\d+) (.*)/s;

        $pid{$pid} = 1;
        $said{$where} = 1;

        last if keys %pid == 2;
    }

    return join ' | ', sort keys %said;
}


# a file that is no database stops the start

my $whole = mmdb(\%networks);

for my $row (['nothing', ''], ['text', "country: MX\n" x 100],
             ['one cut short by a byte', substr $whole, 0, -1],
             ['one cut short by half', substr $whole, 0, length($whole) / 2],
             ['one without a beginning', substr $whole, 600],
             ['one that knows no country',
              mmdb({ '192.0.2.0/24' => { asn => 'AS1' } })])
{
    my ($name, $bytes) = @$row;

    put($bytes);

    my ($code, $said) = $nginx->check;

    isnt($code, 0, "refused: $name");
    like($said, qr/city\.mmdb" can't be used: .+ in .+nginx\.conf:\d+/,
         '... with file and line');
}

unlink $nginx->prefix . '/city.mmdb';

my ($code, $said) = $nginx->check;

like($said, qr/can't be used: No such file or directory in/, 'no file');

put($whole);
$nginx->start;

for my $row (['192.0.2.1', 'MX America/Mexico_City'],
             ['192.0.2.200', 'MX America/Tijuana'],
             ['198.51.100.7', 'US America/New_York'],
             ['198.51.100.8', ' '],
             ['203.0.113.9', 'ES '],
             ['203.0.114.9', 'GT America/Guatemala'],
             ['203.0.115.9', 'MX '],
             ['203.0.116.9', ' '],
             ['203.0.117.9', ' '],
             ['10.0.0.1', ' '],
             ['2001:db8:4fff::5', 'CL America/Santiago'],
             ['2001:db8:4000::1', 'AR America/Argentina/Buenos_Aires'],
             ['2001:db8:5000::1', ' '],
             ['::ffff:192.0.2.200', 'MX America/Tijuana'])
{
    my ($client, $where) = @$row;

    is(where($client), $where, "$client: " . ($where eq ' ' ? 'not known'
                                                            : $where));
}

# into the ticket, and only what the address says

sub context {
    my ($client, $context) = @_;

    my $r = post_json($nginx->addr, '/soporte/tickets', {
        subject => 'No abre', description => 'Desde las nueve.',
        category => 'uso', email => 'ana@acme.test', context => $context
    }, 'X-Client' => $client);

    my ($folio) = $r->{body} =~ /"folio":"([^"]+)"/ or return $r->{body};

    for my $file (glob $nginx->prefix . '/spool/spool/new/*/ticket.json') {
        my $ticket = decode_json(slurp($file));

        return $ticket->{context} if $ticket->{folio} eq $folio;
    }

    return;
}

is_deeply(context('192.0.2.200', { page => '/app' }),
          { page => '/app',
            geo => { country => 'MX', timezone => 'America/Tijuana' } },
          'country and zone go into the ticket');
is_deeply(context('192.0.2.1', { geo => 'Narnia' }),
          { geo_said => 'Narnia',
            geo => { country => 'MX', timezone => 'America/Mexico_City' } },
          '... and what a client calls so does not');
is_deeply(context('203.0.113.1', undef), { geo => { country => 'ES',
                                                    timezone => '' } },
          '... where the customer gave no context');
is(context('10.0.0.1', undef), undef, '... nothing where nothing is known');

# replaced on disk

$networks{'10.0.0.0/8'} = city('BR', 'America/Sao_Paulo');
put(mmdb(\%networks));
wait_is(sub { where('10.0.0.1') }, 'BR America/Sao_Paulo',
        'a new database without a reload', 20);

put(substr mmdb(\%networks), 0, 700);
$nginx->wait_log(qr/\[error\].*city\.mmdb" stays as it was: /, 20);
is(where('10.0.0.1'), 'BR America/Sao_Paulo', 'a bad one changes nothing');

# cut short in place, as a careless copy does while it runs

put(mmdb(\%networks));
$nginx->wait_log(qr/\[notice\].*city\.mmdb" was read anew/, 20);
truncate $nginx->prefix . '/city.mmdb', 10;
is(where('10.0.0.1'), 'BR America/Sao_Paulo', 'nor one that is cut in place');

my $lines = () = $nginx->log =~ /stays as it was/g;

cmp_ok($lines, '<=', 2, 'each said once');

# a real one, beside another reader of the same file

my $other = Soporte::Nginx->new(
    workers => 1, conf => $conf, vars => { FILE => $real },
    files => { 'policy.json' => '{}' })->start;

my ($wrong, $known) = (0, 0);

srand 7;

for (1 .. 300) {
    my $client = $_ % 3
        ? join '.', map { int rand 256 } 1 .. 4
        : sprintf '2%03x:%x:%x::1', rand 4096, rand 65536, rand 65536;

    my (undef, $text) = run('mmdblookup', '--file', $real, '--ip', $client,
                            'country_code');
    my ($expected) = $text =~ /"(\w\w)"/;
    my (undef, $got) = split ' ', get($other->addr, '/',
                                      'X-Client' => $client)->{body};

    $known++ if defined $expected;
    $wrong++ if ($got // '') ne ($expected // '');
}

is($wrong, 0, '300 addresses in a real database as mmdblookup has them');
cmp_ok($known, '>', 100, "... $known of them known");
is((split ' ', get($other->addr, '/', 'X-Client' => '132.248.10.2')->{body})[1],
   'MX', 'a Mexican university is in Mexico');

done_testing();
