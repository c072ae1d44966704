# Prevents an operator who is told that all went well when it did not: the
# command line, what it says, and its exit status.

use strict;
use warnings;

use File::Path qw(make_path);
use IO::Socket::UNIX;
use JSON::PP qw(decode_json);
use POSIX qw(strftime);
use Time::Local ();
use Time::HiRes qw(time);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(run slurp spew temp_dir top wait_for);
use Soporte::Test;

my $erp = Soporte::ErpNext->new(sites => { 'acme.test' => 'up',
                                           'beta.test' => 'up' });

my $nginx = Soporte::Nginx->new(vars => { ERP => $erp->addr },
                                conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=cli:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_portal /soporte;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        proxy_set_header Host acme.test;
        location / { proxy_pass http://%%ERP%%; }
    }
    server {
        listen 127.0.0.1:%%PORT_B%%;
        soporte beta;
        location / { proxy_pass http://%%ERP%%; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
    }
}
END

my $addr = $nginx->addr;
my $socket = $nginx->prefix . '/control.sock';
my $control = "unix:$socket";
my $soporte = top() . '/bin/soporte';
my $temp = temp_dir();

$ENV{SOPORTE_SOCKET} = $socket;


# exit status, what was printed, what was complained of

sub soporte {
    my (@arguments) = @_;

    my ($code, $out) = run({ timeout => 60 }, 'sh', '-c',
                           '"$@" 2>"$0"', "$temp/err", $soporte, @arguments);

    return ($code, $out, slurp("$temp/err"));
}

sub is_done {
    my ($name, @arguments) = @_;

    my ($code, $out, $err) = soporte(@arguments);

    is($code, 0, $name) or diag("$out$err");

    return $out;
}

sub tenant { get($control, '/v1/tenants/' . ($_[0] // 'acme'))->json }


# help, and what is wrong

like(is_done('--help', '--help'), qr/^usage: soporte/, '... tells how');
is((soporte())[0], 2, 'nothing at all: usage');
is((soporte('dance'))[0], 2, 'no such command');
is((soporte('../soporte'))[0], 2, 'no path');
is((soporte('maintenance', 'on'))[0], 2, 'which tenant?');
is((soporte('maintenance', 'on', 'acme', '--until', 'never'))[0], 2,
   'no time');
is((soporte('maintenance', 'on', 'acme', '--weather'))[0], 2, 'no option');
is((soporte('maintenance', 'on', 'a/../b'))[0], 2, 'no tenant');

my ($code, $out, $err) = soporte('maintenance', 'on', 'nadie');
is($code, 3, 'an unknown tenant: 3');
like($err, qr/no such tenant/, '... says so');

($code, $out, $err) = soporte('restore', 'acme', 'lunch');
is($code, 1, 'an unknown phase: 1');
like($err, qr/"phase" must be/, '... says why');

($code, $out, $err) = soporte('-s', "$temp/none", 'health');
is($code, 4, 'no nginx there: 4');
like($err, qr/can't be reached at \Q$temp\E/, '... says where');


# maintenance

is_done('maintenance on', 'maintenance', 'on', 'acme', '--until', '90m',
        '--message', "Dice \"hola\"\nes \\ todo", 'Actualización');
my $m = tenant()->{maintenance};
is($m->{title}, "Actualizaci\x{f3}n", '... its title');
is($m->{message}, 'Dice "hola" es \ todo', '... its message, quoted');
cmp_ok(abs(Time::Local::timegm(reverse((split /\D/, $m->{ends_at})[3 .. 5]),
           (split /\D/, $m->{ends_at})[2], (split /\D/, $m->{ends_at})[1] - 1,
           (split /\D/, $m->{ends_at})[0]) - time - 5400), '<', 20,
       '... its end');
is(decode_json(is_done('--json', '--json', 'tenants', 'maintenance'))
   ->{tenants}[0]{tenant}, 'acme', '... prints what nginx answered');
is_done('maintenance off', 'maintenance', 'off', 'acme');
is((soporte('maintenance', 'off', 'acme'))[0], 3, '... once: 3');

my $clock = strftime('%H:%M', localtime(time - 120));
is_done('until a time of day', 'maintenance', 'on', '*', '--until', $clock);
cmp_ok(tenant('beta')->{maintenance}{ends_at}, 'gt',
       strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 80000)),
       '... that is over means tomorrow');
is_done('off for all', 'maintenance', 'off', '*');

my $id = is_done('plan', 'maintenance', 'plan', 'acme', '--from', '30h',
                 '--until', '32h', 'Mudanza');
chomp $id;
like($id, qr/^[0-9a-f-]{36}$/, '... prints the id');
is_done('change', 'maintenance', 'change', 'acme', $id, '--until', '31h');
like(is_done('list', 'maintenance', 'list', 'acme'),
     qr/^$id acme \S+Z - \S+Z Mudanza$/m, '... shows it');
is_done('cancel', 'maintenance', 'cancel', 'acme', $id);
is(is_done('list', 'maintenance', 'list', 'acme'), '', '... nothing is left');


# incident, restore, backup

is_done('incident', 'incident', 'acme', '--impact', 'minor', 'No imprime');
is_done('... a step', 'incident', 'acme', '--status', 'identified',
        '--block', 'yes');
is(get($addr, '/app')->{status}, 503, '... closes');
is_done('incident off', 'incident', 'off', 'acme');

is_done('restore', 'restore', 'acme', 'database', '--progress', 40,
        '--backup', '2026-11-22T03:10:00-06:00');
is(tenant()->{restore}{backup_at}, '2026-11-22T09:10:00Z', '... its backup');

# of what was, a time of day is the last one

{
    local $ENV{TZ} = 'UTC';
    my $now = time;

    for ([300, -86400], [-300, 0]) {
        my ($from_now, $day) = @$_;
        my $at = $now + $from_now;

        is_done('a backup by the clock', 'restore', 'acme', 'database',
                '--backup', strftime('%H:%M', gmtime $at));
        is(tenant()->{restore}{backup_at},
           strftime('%Y-%m-%dT%H:%M:00Z', gmtime $at + $day),
           '... the last that was');
    }

    is_done('... by how long ago', 'restore', 'acme', 'database', '--backup',
            '90m');
    like(tenant()->{restore}{backup_at},
         qr/^${\strftime('%Y-%m-%dT%H:%M', gmtime $now - 5400)}/,
         '... that is it');
}

is_done('restore off', 'restore', 'off', 'acme');

is_done('backup', 'backup', 'acme', 'database', '--bytes', 5, '--at',
        'now - 1 hour');
is(get($addr, '/soporte/estado.json')->json->{backup}{database}{state}, 'ok',
   '... is known');


# what people read

is_done('incident', 'incident', 'beta', '--block', 'yes', "T\x{c3}\x{ad}tulo");
my $top = is_done('top', 'top', '--once');
like($top, qr/^TENANT.*\nbeta +down .*T..tulo\nacme +/s, '... by trouble');

# "since" is reckoned by awk, in any month

my ($epoch) = slurp(top() . '/bin/soporte') =~ /^(    function epoch.*?^    \})/ms;
my @instants = map {
    Time::Local::timegm(1, 2, 3, 28, $_ % 12, 2024 + int($_ / 12))
} 0 .. 60;
my $text = (run('awk', "$epoch { print epoch(\$0) }",
    spew(temp_dir() . '/instants', join '',
         map { strftime("%Y-%m-%dT%H:%M:%SZ\n", gmtime $_) } @instants)))[1];
is_deeply([split ' ', $text], \@instants, '... instants of five years');
like(is_done('tenants', 'tenants', 'down'), qr/^beta +down [^\n]*\n$/,
     'tenants by state');
my $why = is_done('why', 'why', 'beta');
like($why, qr/incident began "T..tulo", the page instead of the site/,
     '... in plain words');
like($why, qr/^beta is down since 20/m, '... what it is now');
like(is_done('health', 'health'), qr/"status":"ok"/, '... health');
is_done('incident off', 'incident', 'off', 'beta');


# the page while a command runs

my $seen = "$temp/seen";
is_done('maintenance run', 'maintenance', 'run', '*', '--until', '2h',
        'Actualización', '--', 'sh', '-c',
        "curl -s -o /dev/null -w '%{http_code}' http://$addr/app > $seen");
is(slurp($seen), '503', '... holds the page');
is(get($addr, '/app')->{status}, 200, '... and takes it off');

($code, $out, $err) = soporte('maintenance', 'run', '*', '--until', '2h',
                              'Actualización', '--', 'sh', '-c',
                              'echo hecho; exit 7');
is($code, 7, 'a command that fails: its exit status');
is($out, "hecho\n", '... its output');
like($err, qr/the page stays, an incident is open/, '... told');
is(get($addr, '/app')->{status}, 503, '... the page stays');
my $t = tenant('beta');
is($t->{state}, 'maintenance', '... of all');
is($t->{maintenance}{ends_at}, undef, '... until somebody looks');
is($t->{incident}{impact}, 'critical', '... an incident is open');
like(get($addr, '/app')->{body}, qr/no terminó como debía/, '... and shown');
is_done('...', 'maintenance', 'off', '*');
is_done('...', 'incident', 'off', '*');

is((soporte('maintenance', 'run', 'acme', 'x'))[0], 2, 'without a command');
is((soporte('maintenance', 'run', 'acme', '--', 'no-such-program'))[0], 127,
   'a command that is not there');
is_done('...', 'maintenance', 'off', 'acme');
is_done('...', 'incident', 'off', 'acme');
is((soporte('maintenance', 'run', 'nadie', '--', 'touch', "$temp/ran"))[0], 3,
   'no page, no command');
ok(!-e "$temp/ran", '... it did not run');

# longer than announced: the page stays for as long as it takes

is_done('a command that takes longer', 'maintenance', 'run', 'acme',
        '--until', 'now + 16 seconds', '--', 'sh', '-c',
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do
             curl -s --unix-socket $socket http://c/v1/tenants/acme \\
             | grep -q '\"ends_at\":null' && exit 0; sleep 1; done; exit 1");


# a restore of a bench, step by step

my $bench = "$temp/bench";
my $site = "$bench/sites/beta.test";
make_path("$site/private/backups", "$site/public/files", "$temp/bin",
          "$temp/tar/beta.test/public/files",
          "$temp/tar/beta.test/private/files");
spew("$temp/tar/beta.test/public/files/a.txt", 'public');
spew("$temp/tar/beta.test/private/files/b.txt", 'private');

my $backups = "$site/private/backups";
run('sh', '-c', "cd $temp/tar
    echo 'old' | gzip > $backups/20261121_031000-beta-database.sql.gz
    echo 'new' | gzip > $backups/20261122_031000-beta-database.sql.gz
    : > $backups/20261123_031000-beta-database.sql.gz
    tar cf $backups/20261122_031000-beta-files.tar ./beta.test/public
    tar czf $backups/20261122_031000-beta-private-files.tgz \\
        ./beta.test/private");

spew("$temp/bin/bench", <<"END");
#!/bin/sh
printf '%s ' "\$@" >> $temp/benched
curl -s --unix-socket $socket http://c/v1/tenants/beta \\
    | sed 's/.*"phase":"\\([a-z_]*\\)".*/\\1/' >> $temp/benched
echo >> $temp/benched
[ ! -e $temp/broken ] || exit 5
END
chmod 0755, "$temp/bin/bench";
$ENV{PATH} = "$temp/bin:$ENV{PATH}";

my @restore = ('restore', 'run', 'beta', '--bench', $bench, '--site',
               'beta.test', '--check',
               'http://' . $erp->addr . '/api/method/ping');

$out = is_done('restore run', @restore, '--keep');
is($out =~ s/^soporte restore run: //mgr, join('', map { "$_\n" }
   qw(detected diagnosis locating_backup verifying_backup database
      public_files private_files migration checks restored)),
   '... each phase in its turn');
is(slurp("$temp/benched"), <<'END', '... while bench runs');
--site beta.test --force restore sites/beta.test/private/backups/20261122_031000-beta-database.sql.gz database
--site beta.test migrate migration
END
is(slurp("$site/public/files/a.txt"), 'public', '... public files');
is(slurp("$site/private/files/b.txt"), 'private', '... private files');
$t = tenant('beta')->{restore};
is($t->{phase}, 'restored', '... the last phase');
is($t->{backup_at}, strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(POSIX::mktime(
   0, 10, 3, 22, 10, 126, 0, 0, -1))), '... of the backup of that time');
is_done('...', 'restore', 'off', 'beta');

spew("$temp/broken", '');
($code, $out, $err) = soporte(@restore);
is($code, 5, 'a step that fails: its exit status');
is(tenant('beta')->{restore}{phase}, 'database', '... the page stays there');
unlink "$temp/broken";
is_done('... tried again', @restore);
is(tenant('beta')->{restore}, undef, '... and off');
($code, $out) = run({ cwd => top() . '/sql', timeout => 60 }, 'sh', '-c',
                    'exec ../bin/soporte-restore "$@"', 'sh',
                    @restore[2 .. $#restore]);
is($code, 0, 'by a relative path') or diag $out;
unlike($out, qr/could not be told|not found/, '... all is told');
is(tenant('beta')->{restore}, undef, '... and off');
is((soporte(@restore[0 .. 4], '--site', 'no.test'))[0], 1, 'no such site');
is_done('...', 'restore', 'off', 'beta');


# what nginx leaves behind when it is killed

is((soporte('clean'))[0], 1, 'clean keeps a socket in use');
ok(-S $socket, '... it is there');
my $stale = IO::Socket::UNIX->new(Local => "$temp/stale", Listen => 1);
close $stale;
is_done('clean', '-s', "$temp/stale", 'clean');
ok(!-e "$temp/stale", '... removes one that nobody listens on');
is_done('clean, nothing there', '-s', "$temp/stale", 'clean');

done_testing;
