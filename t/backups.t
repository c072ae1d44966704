# Prevents a backup that nobody misses: old, partial, empty, shrunken, without
# its files, or in a place that can't be read; and a worker that waits for a
# directory of a hundred thousand files.

use strict;
use warnings;
use utf8;

use File::Temp;
use Time::HiRes qw(time);

use Soporte::Bench;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(own);
use Soporte::Test;

my $pg = Soporte::Postgres->new;
my $bench = Soporte::Bench->new;
my $own = Soporte::Process::temp_dir();

my @sites = qw(bien.mx vieja.mx ayer.mx parcial.mx vacia.mx menos.mx cifrada.mx
               sola.mx cerrada.mx lazo.mx nada.mx muchos.mx escribe.mx);

$bench->site($_) for @sites;


# all three files of a backup

sub whole {
    my ($site, $age, $size, @option) = @_;

    $bench->backup($site, 'database', $age, $size, @option);
    $bench->backup($site, 'files', $age, 20480, @option);
    $bench->backup($site, 'private-files', $age, 10240, @option);
}


whole('bien.mx', 1, 90000);
whole('bien.mx', 25, 89000);
whole('vieja.mx', 26, 90000);
whole('ayer.mx', 21, 90000);
$bench->backup('parcial.mx', 'database', 1, 90000, partial => 1);
$bench->backup('parcial.mx', 'database', 2, 90000, suffix => '.part');
whole('vacia.mx', 1, 0);
whole('menos.mx', 1, 40000);
whole('menos.mx', 13, 90000);
whole('cifrada.mx', 1, 90000, enc => 1, tgz => 1);
$bench->backup('sola.mx', 'database', 1, 90000);
whole('cerrada.mx', 1, 90000);
whole('escribe.mx', 23, 90000);
$bench->backup('escribe.mx', 'database', 0, 500);

my $backups = $bench->sites . '/%s/private/backups';

chmod 0000, sprintf $backups, 'cerrada.mx';
rmdir sprintf $backups, 'lazo.mx';
symlink 'backups', sprintf $backups, 'lazo.mx';

# a hundred thousand files of somebody who never deletes, on another disk

my $other = File::Temp->newdir(DIR => '/dev/shm');

{
    my $folder = "$other";

    chmod 0755, $folder;
    $bench->backup('muchos.mx', $_, 3, 90000, folder => $folder)
        for qw(database files private-files);

    rmdir sprintf $backups, 'muchos.mx';
    symlink $folder, sprintf $backups, 'muchos.mx';

    for my $n (0 .. 99_999) {
        my $name = sprintf '%04d%02d%02d_%02d%02d00-muchos_mx-database.sql.gz',
            2000 + int($n / 5000), 1 + $n % 12, 1 + int($n / 12) % 28,
            int($n / 336) % 24, $n % 60;

        open my $out, '>', "$folder/$name" or die "$name: $!";
    }
}

mkdir "$own/acme";
$bench->backup('acme', 'database', 1.8, 50000, folder => "$own/acme",
               slug => 'anything');

my $nginx = Soporte::Nginx->new(
    workers => 2,
    vars    => { BENCH => $bench->dir, OWN => $own, PG => $pg->conninfo },
    conf    => <<'END');
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=backups:8m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_postgres "%%PG%%";
    soporte_bench %%BENCH%%;
    soporte_portal /soporte;
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { return 200 "ok"; }
    }
    server {
        listen 127.0.0.1:%%PORT_ACME%%;
        soporte acme;
        soporte_backups "%%OWN%%/{tenant}";
        soporte_policy %%PREFIX%%/seis.json;
    }
    server {
        listen 127.0.0.1:%%PORT_BARE%%;
        soporte bare;
    }
    server {
        listen 127.0.0.1:%%PORT_HIDDEN%%;
        soporte_policy %%PREFIX%%/oculta.json;
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        soporte off;
        location / { soporte_control; }
        location /metrics { soporte_metrics; }
    }
}
END

$nginx->file('seis.json', '{"promise": {"backup_hours": 2}}');
$nginx->file('oculta.json', '{"public": ["state", "hours"]}');
$nginx->start;

my $addr = $nginx->addr;
my $control = 'unix:' . $nginx->prefix . '/control.sock';


sub backup {
    my ($host, $port) = @_;

    return get($nginx->addr($port // ''), '/soporte/estado.json',
               Host => $host)->json->{backup};
}


sub states {
    my $backup = backup(@_) or return '';

    return join ' ', map { $backup->{$_}{state} } qw(database files);
}


# what is asked while the directories are read is answered at once

my ($worst, $asked) = (0, 0);

wait_is(sub {
    my $began = time;

    get($addr, '/', Host => 'bien.mx');
    $asked++;

    my $took = time - $began;

    $worst = $took if $took > $worst;

    return states('muchos.mx');
}, 'ok ok', 'the newest of 100,000 files', 30);

diag(sprintf '%d requests meanwhile, the slowest %.0f ms', $asked,
     1000 * $worst);
cmp_ok($worst, '<', 0.5, 'nobody waited for it');

for my $row (['bien.mx', 'ok ok'], ['vieja.mx', 'late late'],
             ['ayer.mx', 'due due'], ['parcial.mx', 'none none'],
             ['vacia.mx', 'suspect ok'], ['menos.mx', 'suspect ok'],
             ['cifrada.mx', 'ok ok'], ['sola.mx', 'ok incomplete'],
             ['lazo.mx', 'none none'], ['nada.mx', 'none none'],
             ['escribe.mx', 'due due'],
             ['cerrada.mx', $> ? 'ok ok' : 'none none'])
{
    my ($site, $expected) = @$row;

    is(states($site), $expected, "$site: $expected");
}

is(states('acme', 'ACME'), 'due incomplete',
   'a directory of its own, by the promise of its policy');
is(backup('bare', 'BARE'), undef, 'null where nobody watches');
is(backup('bien.mx', 'HIDDEN'), undef, 'null where the policy keeps it');

my $at = backup('bien.mx')->{database}{at};

like($at, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'an instant');

my $page = get($addr, '/soporte/estado', Host => 'sola.mx')->{body};

utf8::decode($page);
like($page, qr/Último respaldo/, 'on the page');
like($page, qr/al día.*incompleto/s, '... in words');
unlike(get($nginx->addr('HIDDEN'), '/soporte/estado', Host => 'bien.mx')
       ->{body}, qr/respaldo<\/h2>/, '... not where the policy keeps it');
unlike(get($nginx->addr('BARE'), '/soporte/estado')->{body},
       qr/respaldo<\/h2>/, '... nor where nobody watches');

# the operator

my $shown = get($control, '/v1/tenants/vieja.mx')->json->{backup};

is("$shown->{database}{state} $shown->{files}{state}", 'late late',
   'control shows it');

my $metrics = get($control, '/metrics/tenants')->{body};
my %good = $metrics =~
    /^soporte_backup_last_success_timestamp_seconds\{tenant="([^"]+",part="\w+)"\} (\d+)$/mg;

cmp_ok(abs($good{'bien.mx",part="database'} - time + 3600), '<', 120,
       'metrics: the end of the last good one');
cmp_ok(abs($good{'menos.mx",part="database'} - time + 13 * 3600), '<', 120,
       '... a suspect one does not count');
is($good{'nada.mx",part="files'}, 0, '... 0 where none is');
ok(!exists $good{'bare",part="database'}, '... absent where nobody watches');

$nginx->wait_log(qr/\[warn\].*1 site\(s\), such as "sola.mx", have backups of the database and none of the files.*--with-files/);
$nginx->wait_log(qr/\[warn\].*can't be read, such as.*(?:cerrada|lazo)\.mx/);

# PostgreSQL has it, once, with what was doubtful

wait_is(sub {
    $pg->value("SELECT count(*) FROM soporte.backup_report
                WHERE tenant = 'bien.mx'");
}, 2, 'reports in PostgreSQL', 20);

wait_is(sub {
    $pg->value("SELECT string_agg(part || ' ' || ok::int, ' ' ORDER BY part)
                FROM soporte.backup_report WHERE tenant = 'vacia.mx'") // '';
}, 'database 0 files 1', '... a bad one as bad', 20);

# a new one while it runs

whole('vieja.mx', 0.05, 90000);
wait_is(sub { states('vieja.mx') }, 'ok ok', 'a new backup is seen', 30);

# nothing is lost by a reload, and said again only by what changed

my $lines = () = $nginx->log =~ /--with-files/g;

$nginx->reload('gone');
is(states('menos.mx'), 'suspect ok', 'after a reload');
is($lines, 1, 'said once');

chmod 0700, sprintf $backups, 'cerrada.mx';


# one that the configuration named, and a variable does after a reload

sub named {
    my ($name, $folder) = @_;

    return <<"END";
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=named:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_backups "$folder";
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { soporte $name; root %%PREFIX%%; }
    }
    server { listen 127.0.0.1:%%PORT_C%%; location / { soporte_control; } }
}
END
}

mkdir "$own/named";

for my $name (qw(uno dos)) {
    mkdir "$own/named/$name";
    $bench->backup($name, 'database', 1, 90000, folder => "$own/named/$name");
}

my $named = Soporte::Nginx->new(files => { x => '' },
                                conf => named('uno', 'off'))->start;

sub ask { get($named->addr, "/x?t=$_[0]") }

sub found {
    my $backup = get($named->addr('C'), "/v1/tenants/$_[0]")->json->{backup};

    return $backup ? $backup->{database}{state} : '';
}

$named->conf(named('$arg_t', "$own/named/{tenant}"));
$named->reload('gone');

ask('dos');
wait_is(sub { found('dos') }, 'ok', 'one with a new slot: its backup is seen',
        25);
ask('uno');
wait_is(sub { found('uno') }, 'ok', '... and of one that has a slot', 25);

done_testing();
