package Soporte::Test;

# Test::More for an end to end test: done_testing also ends every nginx of the
# test and fails if one did not leave in good order or left an alert, a crash
# or a sanitizer's report in its log.

use strict;
use warnings;

use Exporter qw(import);
use Test::More ();

use Soporte::Nginx;
use Soporte::Process qw(wait_for slurp spew);

our @EXPORT;

# no plan: done_testing alone ends a test
BEGIN {
    @EXPORT = qw(done_testing wait_for slurp spew wait_is);

    for my $name (@Test::More::EXPORT) {
        no strict 'refs';

        next if $name !~ /^\w+$/
                || $name =~ /^(?:plan|done_testing|skip|todo.*|use_ok)$/;

        push @EXPORT, $name;
        *$name = \&{"Test::More::$name"};
    }
}


# waits for a value: is() with the last one seen

sub wait_is {
    my ($code, $expected, $name, $seconds) = @_;

    my $got;

    eval {
        wait_for(sub {
            $got = $code->();
            return defined $got && $got eq $expected;
        }, $seconds // 5);
    };

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return Test::More::is($got, $expected, $name);
}


sub done_testing {
    for my $nginx (Soporte::Nginx->all) {
        Test::More::ok($nginx->stop, 'nginx stopped in good order');

        my @alarms = $nginx->alarms;

        Test::More::ok(!@alarms, 'nothing alarming in the error log')
            or Test::More::diag(join "\n", @alarms);
    }

    if (!Test::More->builder->is_passing) {
        for my $nginx (Soporte::Nginx->all) {
            my @lines = split /\n/, $nginx->log;
            my $from = @lines > 40 ? @lines - 40 : 0;

            Test::More::diag(join "\n", 'end of ' . $nginx->prefix
                             . '/error.log', @lines[$from .. $#lines]);
        }
    }

    Test::More::done_testing();
}


1;
