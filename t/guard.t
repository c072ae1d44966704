# Prevents an operators' API that everybody on the machine, or on the network,
# may command, and an operator who is not told.

use strict;
use warnings;

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;

my $nginx = Soporte::Nginx->new(files => { 'users' => "a:{PLAIN}b\n" });


# what nginx -t says of a server with this in it

sub said {
    my ($server, $http) = @_;

    $nginx->conf(<<"END");
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=t:4m file=%%PREFIX%%/zone;
    @{[ $http // '' ]}
    server {
$server
    }
}
END

    my ($code, $said) = $nginx->check;

    is($code, 0, 'it is only warned');

    return $said;
}

my $tcp = 'listen 127.0.0.1:%%PORT%%;';
my $unix = 'listen unix:%%PREFIX%%/run/control.sock;';
my $warned = qr/\[warn\] whoever reaches 127.*nginx\.conf:\d+: use a unix/;

mkdir $nginx->prefix . '/run' or die $!;
chmod 0750, $nginx->prefix . '/run' or die $!;

like(said("$tcp location / { soporte_control; }"), $warned, 'TCP');
is(scalar(() = said("$tcp listen 127.0.0.1:%%PORT_B%%; location / "
                    . "{ soporte_control; }") =~ /whoever/g), 1,
   'TCP twice: one warning');
unlike(said("$tcp location / { soporte_control; allow 127.0.0.1; deny all; }"),
       qr/whoever/, 'TCP with rules');
unlike(said("$tcp location / { soporte_control; }",
            'allow 192.0.2.1; deny all;'),
       qr/whoever/, 'TCP with rules of another level');
unlike(said("$tcp auth_basic a; auth_basic_user_file %%PREFIX%%/users; "
            . "location / { soporte_control; }"),
       qr/whoever/, 'TCP with a password');
unlike(said("$unix location / { soporte_control; }"), qr/\[warn\]/,
       'a unix socket in a directory 0750');

chmod 0755, $nginx->prefix . '/run' or die $!;

like(said("$unix location / { soporte_control; }"),
     qr/\[warn\] the directory of ".*" is open.*nginx\.conf:\d+: make it/,
     '... in one 0755');
unlike(said("$unix location / { soporte_metrics; }"), qr/\[warn\]/,
       '... for metrics alone');


# the socket in use

{
    my $gid = getgrnam 'adm';
    my $dir = $nginx->prefix . '/run';
    my $root = $> == 0;

    chown -1, $gid, $dir or die $! if $root;
    chmod 0750, $dir or die $!;

    said("$unix\nsoporte acme; location / { soporte_control; }");
    $nginx->start;

    my @stat = stat "$dir/control.sock";

    is(sprintf('%04o', $stat[2] & 07777), '0660', 'the socket is 0660');
    is($stat[5], $root ? $gid : (stat $dir)[5],
       '... and of the group of its directory');

    my $reply = Soporte::Http->connect("unix:$dir/control.sock")
        ->ask('PUT', '/v1/tenants/acme/maintenance', '{}');

    is($reply->{status}, 200, 'who may, commands');
    ok(eval { $nginx->wait_log(
           qr/maintenance of "acme" was set by uid $>,/); 1 },
       '... and the log says who it was');

    $nginx->reload;

    @stat = stat "$dir/control.sock";
    is(sprintf('%04o', $stat[2] & 07777), '0660', '0660 after a reload');

    $nginx->stop;
}

done_testing;
