# Prevents an installation that lacks a file which something in it names: what
# "make install" puts below DESTDIR stands on its own.

use strict;
use warnings;

use File::Find qw(find);

use Soporte::Process qw(top slurp spew run temp_dir);
use Soporte::Test;

my $top = top();
my $root = temp_dir();
my $module = $ENV{SOPORTE_MODULE} || "$top/build/ngx_http_soporte_module.so";

chdir $top;

my ($code, $text) = run({ cwd => $top, env => { DESTDIR => $root } },
                        't/tools/install', $module);

is($code, 0, 'installed') || diag($text);

my %mode;

find({ no_chdir => 1, wanted => sub {
    $mode{s/^\Q$root\E//r} = (stat)[2] & 0777 if -f;
} }, $root);

my $share = '/usr/share/soporte';

ok($mode{'/usr/lib/nginx/modules/ngx_http_soporte_module.so'}, 'the module');
is($mode{"$share/sql/migrate"}, 0755, 'migrate can be run');
ok($mode{"$share/$_"}, $_)
    for map({ s{^conf/}{}r } glob('conf/*.json conf/pages/* conf/nginx.conf')),
        glob('sql/*.sql');
ok(!grep({ m{/demo/} } keys %mode), 'nothing of the demo');

for my $path (sort keys %mode) {
    is($mode{$path} & 022, 0, "$path is its owner's to write");
}

for my $program (glob('bin/soporte*')) {
    is($mode{"/usr/$program"}, 0755, "$program can be run");
}

is($mode{'/usr/bin/soporte-zone-check'}, 0755, 'so can what looks at a zone');


# as Debian loads it

my $load = slurp("$root/usr/share/nginx/modules-available/"
                 . 'mod-http-soporte.conf');

$load =~ s{ modules/}{ $root/usr/lib/nginx/modules/};

my $dir = temp_dir();

spew("$dir/nginx.conf", <<"END");
$load
pid $dir/pid;
error_log $dir/log;
events { }
http { access_log off; soporte_zone zone=a:4m file=$dir/zone; }
END

($code, $text) = run($ENV{SOPORTE_NGINX} // '/usr/sbin/nginx', '-t',
                     '-p', "$dir/", '-c', "$dir/nginx.conf",
                     '-e', "$dir/log");

is($code, 0, 'nginx takes it') || diag($text);


# what looks at a zone needs nothing beside it

my $check = "$root/usr/bin/soporte-zone-check";

($code, $text) = run($check, "$dir/nginx.conf");
is($code, 2, 'what is no zone is told apart');
like($text, qr/nginx\.conf: /, '... by its name');
($code, $text) = run($check);
is($code, 2, 'nothing to look at');
like($text, qr/^usage: soporte-zone-check FILE$/m, '... usage');

done_testing();
