# Prevents a host that has to change code to be itself: the example of
# conf/examples/own, its policy and its page, checked by "nginx -t", looked at
# in Chromium in both schemes.

use strict;
use warnings;

use Soporte::Browser;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(slurp top);
use Soporte::Test;

my $own = top() . '/conf/examples/own';
my $example = slurp("$own/soporte.conf") =~ s{/etc/soporte/}{%%PREFIX%%/}gr;

my $nginx = Soporte::Nginx->new(
    files => { map { ($_ => slurp("$own/$_")) }
               qw(politica.json maintenance.html) },
    conf  => <<"END");
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=own:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_portal /soporte;
    $example
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        location /app { soporte_maintenance 1; }
    }
}
END

my ($code, $text) = $nginx->check;
is($code, 0, 'nginx -t takes the example') or diag($text);


# each file is checked, with its line

for my $row (['politica.json', qr/"#7a2e6b"/, '"purple"', qr/provider\.color/],
             ['politica.json', qr/<circle/, '<script>x</script><circle',
              qr/provider\.logo/],
             ['politica.json', qr/<circle/, '<a onclick=1><circle',
              qr/provider\.logo/],
             ['politica.json', qr/"tel":/, '"tell":', qr/contact\.tell/],
             ['maintenance.html', qr/\{\{\/es\}\}/, '', qr/line \d+/],
             ['maintenance.html', qr/\{\{>foot\}\}/, '{{>feet}}', qr/feet/],
             ['maintenance.html', qr/\.own\{/, '.{{x}}{', qr/inline style/])
{
    my ($name, $from, $to, $said) = @$row;

    $nginx->file($name, slurp("$own/$name") =~ s/$from/$to/r);
    ($code, $text) = $nginx->check;
    isnt($code, 0, "$name with $to: refused");
    like($text, qr/\Q$name\E.*$said/s, '... and told where');
    $nginx->file($name, slurp("$own/$name"));
}

$nginx->start;

browse('own.js', where => sub { return $nginx->port });

done_testing();
