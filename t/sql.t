# Prevents a database left between two versions: a migration that fails half
# way, runs twice at once, or is not the file that it was when it was applied.

use strict;
use warnings;

use File::Copy qw(copy);

use Soporte::Postgres;
use Soporte::Process qw(run temp_dir top);
use Soporte::Test;

my $postgres = Soporte::Postgres->new(migrate => 0);
my @files = map { s{.*/}{}r } sort glob top() . '/sql/[0-9]*.sql';
my ($last) = $files[-1] =~ /^0*(\d+)/;


# a database of its own, made by its owner
sub database {
    my ($name, $owner) = @_;

    $postgres->do("CREATE DATABASE $name OWNER " . ($owner // 'postgres'));

    return "host=" . $postgres->dir . ' port=' . $postgres->port
           . " dbname=$name user=" . ($owner // 'postgres');
}


# a copy of sql/ that may be changed
sub tree {
    my $dir = temp_dir();

    copy(top() . "/sql/$_", "$dir/$_") or die "copy: $!" for @files, 'migrate';
    chmod 0755, "$dir/migrate";

    return $dir;
}


sub migrate {
    my ($dir, @arguments) = @_;

    return run({ timeout => 60 }, "$dir/migrate", @arguments);
}


sub sql {
    my ($conninfo, $sql) = @_;

    my ($code, $text) = run({ timeout => 30 }, 'psql', '-XAtq', '-d',
                            $conninfo, '-c', $sql);
    chomp $text;

    return $text;
}


my $sql = top() . '/sql';
my ($code, $text);


# from nothing, by the owner of the database, who is no superuser

$postgres->do('CREATE ROLE boss LOGIN CREATEROLE');

my $owned = database('owned', 'boss');

($code, $text) = migrate($sql, $owned);
is($code, 0, 'migrated by the owner') or diag($text);
is(sql($owned, 'SELECT string_agg(DISTINCT r.rolname, \' \') FROM pg_class c '
               . 'JOIN pg_roles r ON r.oid = c.relowner '
               . "WHERE c.relnamespace = 'soporte'::regnamespace"),
   'soporte_owner', 'all of it is the owner role\'s');
is(sql($owned =~ s/user=boss/user=soporte_nginx/r,
       "SELECT count(*) FROM soporte.file_tickets('[17]')"), 1,
   'nginx may do its work');

($code, $text) = migrate($sql, $owned);
is($code, 0, 'again by the owner') or diag($text);


# by a superuser, where the roles are there already

my $db = database('first');

($code, $text) = migrate($sql, $db);
is($code, 0, 'migrated') or diag($text);
is($text, join('', map({ s/\.sql$//r =~ s/^/applied /r . "\n" } @files))
          . "the database is at version $last\n", 'says what it did');

($code, $text) = migrate($sql, $db);
is($code, 0, 'again');
is($text, "the database is at version $last\n", 'nothing to do');

is(sql($db, 'SELECT count(*) FROM soporte.schema_version '
            . "WHERE sha256 ~ '^[0-9a-f]{64}\$' AND applied_by = 'postgres'"),
   scalar @files, 'each is written down');


# two at once

my $both = database('twice');
my @pids;

for (1 .. 2) {
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        exec "$sql/migrate", $both;
    }

    push @pids, $pid;
}

is(join(' ', map { waitpid $_, 0; $? } @pids), '0 0', 'both went well');
is(sql($both, 'SELECT max(version) FROM soporte.schema_version'), $last,
   'and are done');


# a database of older files gets what it lacks, and keeps what it has

my $former = tree();
my $older = database('older');
my ($newest) = map { s/\.sql$//r } $files[-1];

unlink "$former/$files[-1]" or die;
($code, $text) = migrate($former, $older);
is($code, 0, 'migrated by older files') or diag($text);
sql($older, "INSERT INTO soporte.tenant (tenant) VALUES ('acme')");

($code, $text) = migrate($sql, $older);
is($text, "applied $newest\nthe database is at version $last\n",
   'the newest alone') or diag($text);
is(sql($older, 'SELECT tenant FROM soporte.tenant'), 'acme', 'upon what is there');


# a migration that fails leaves nothing of itself

my $tree = tree();
my $next = sprintf '%04d', $last + 1;

spew("$tree/${next}_broken.sql", "CREATE TABLE soporte.half (x int);\n"
                                 . "SELECT nonsense;\n");

($code, $text) = migrate($tree, $db);
isnt($code, 0, 'a migration that fails');
like($text, qr/${next}_broken\.sql:2: ERROR:.*nonsense/s, 'says where and why');
is(sql($db, "SELECT to_regclass('soporte.half') IS NULL"), 't',
   'leaves nothing');
is(sql($db, 'SELECT max(version) FROM soporte.schema_version'), $last,
   'and no version');

# mended, it goes on; its role does not stay behind

spew("$tree/${next}_broken.sql", "SET ROLE soporte_owner;\n"
                                 . "CREATE TABLE soporte.half (x int);\n");

($code, $text) = migrate($tree, $db);
is($code, 0, 'mended') or diag($text);
is(sql($db, "SELECT tableowner FROM pg_tables WHERE tablename = 'half'"),
   'soporte_owner', 'done');


# the database is newer than the files, or the files are not what they were

($code, $text) = migrate($sql, $db);
isnt($code, 0, 'older files');
like($text, qr/the database is newer: it has ${next}_broken/, 'say so');

$tree = tree();
spew("$tree/$files[1]", slurp("$tree/$files[1]") . "-- a word more\n");

($code, $text) = migrate($tree, $both);
isnt($code, 0, 'a changed file');
like($text, qr/0002_\w+ was changed after it had been applied/, 'is named');


# what can't be right

$tree = tree();
unlink "$tree/$files[2]" or die;

($code, $text) = migrate($tree, $both);
isnt($code, 0, 'a file that is gone');
like($text, qr/it has 0003_/, 'is named');

spew("$tree/0002_again.sql", 'SELECT 1;');

($code, $text) = migrate($tree, $both);
isnt($code, 0, 'a number twice');
like($text, qr/0002_\w+: number 2 is there twice/, 'is named');

($code, $text) = migrate($sql, "$both password=geheim port=1");
isnt($code, 0, 'no server');
unlike($text, qr/geheim/, 'the password is not shown');

($code, $text) = migrate($sql);
isnt($code, 0, 'no conninfo');
like($text, qr/usage/, 'is told the usage');

done_testing();
