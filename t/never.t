# Prevents a figure that is nicer than the month was: 100 % with a minute down,
# 99.99 % for 99.9899 %, on any surface.

use strict;
use warnings;

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(run top);
use Soporte::Test;

my ($faketime) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';

my $nginx = Soporte::Nginx->new(conf => <<'END');
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=t:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_probe off;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; soporte_portal /soporte;
             location / { return 200; } }
    server { listen 127.0.0.1:%%PORT_M%%; location / { soporte_metrics; } }
}
END


# late in a month, so that what is planted lies in it

sub start {
    local @ENV{qw(LD_PRELOAD FAKETIME TZ)}
        = ($faketime, '@2026-11-29 12:00:00', 'UTC');

    $nginx->start;
}


start();

my @pages = ('/soporte/estado', '/soporte/estado.json',
             '/soporte/api/v2/summary.json', '/soporte/api/v2/status.json',
             '/soporte/badge.svg', '/soporte/health', '/soporte');

# minutes, down, what is said, its parts per million

for my $row ([39605, 4, '99.9899', '0.999899', 'breached'],
             [40000, 4, '99.9900', '0.999900', 'met'],
             [40319, 1, '99.9975', '0.999975', 'met'],
             [40319, 0, '100.0000', '1.000000', 'met'])
{
    my ($minutes, $down, $percent, $ratio, $verdict) = @$row;
    my $name = "$down of $minutes";

    ok($nginx->stop, 'stopped');

    my ($code, $text) = run(top() . '/build/zone-plant',
                            $nginx->prefix . '/shm', 'acme', $minutes, $down);
    is($code, 0, "planted: $name") or diag($text);

    start();

    my $month = get($nginx->addr, '/soporte/estado.json')->json->{month};

    is($month->{availability}, $percent, "$name: estado.json");
    is($month->{availability_min}, $percent, "$name: ... the least");
    is($month->{verdict}, $verdict, "$name: ... the verdict");
    is($month->{down_seconds}, 60 * $down, "$name: ... the minutes");

    for my $language (qw(es en)) {
        like(get($nginx->addr, '/soporte/estado',
                 'Accept-Language' => $language)->{body},
             qr/\b\Q$percent\E %/, "$name: the page, $language");
    }

    like(get($nginx->addr('M'), '/tenants')->{body},
         qr/^soporte_month_availability_ratio\{tenant="acme"\} \Q$ratio\E$/m,
         "$name: the metrics");

    next if !$down;

    for my $path (@pages) {
        unlike(get($nginx->addr, $path)->{body}
                   =~ s{<style.*?</style>|width="100%"}{}gsr,
               qr/\b100(?:\.0+)?\s*%|"100(?:\.0+)?"/, "$name: $path: no 100 %");
    }
}

done_testing;
