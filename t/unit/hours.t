# Prevents an hour wrong in some zone and year, and a file of a zone or of
# holidays that crashes its reader: a part of what "make hours" does, which
# compares with Python's zoneinfo and mutates files under the sanitizers.
#
# By environment SOPORTE_HOURS=all: all of it.

use strict;
use warnings;

use Test::More;
use Soporte::Process qw(top temp_dir);

my $all = ($ENV{SOPORTE_HOURS} // '') eq 'all';
my $count = $all ? 60_000 : 4_000;
my $top = top();


# without a limit of its own: the runner has one

sub run {
    open my $out, '-|', @_ or die "$_[0]: $!";

    my $text = join '', <$out>;

    close $out;

    return ($? >> 8 || $? & 127, $text);
}


my ($code, $text) = run('python3', "$top/t/tools/diff_hours.py",
                        ($all ? () : '--quick'),
                        '--program', "$top/build/vectors-hours");

my ($zones) = $text =~ /^# (\d+) zones/m;
my ($passed, $failed) = $text =~ /^(\d+) passed, (\d+) failed$/m;

is($failed, 0, 'as Python\'s zoneinfo has it') or diag $text;
cmp_ok($zones, '>=', 20, "... in $zones zones");
cmp_ok($passed, '>=', $all ? 100_000 : 3_000, "... $passed values");

# each input takes at most 100 ms of the processor, and leaves no report

my $dir = temp_dir();

chdir $dir;

for my $kind (qw(zoneinfo ics)) {
    my @files = glob "$top/t/fuzz/corpus/$kind/*";

    # all the zones of the world for the long way

    if ($all && $kind eq 'zoneinfo') {
        push @files, grep { -f } glob '/usr/share/zoneinfo/{America,Europe}/*';
    }

    ($code, $text) = run("$top/build/fuzz/${kind}_mutate", $count, 9636, 100,
                         @files);

    is($code, 0, "$count mutated files: $kind") or diag $text;
    like($text, qr/^$count inputs/m, "... $text" =~ s/\n//gr);
}

done_testing();
