package Soporte::Browser;

# A browser test: t/browser/NAME.t starts servers, t/browser/NAME.js drives
# Chromium (t/browser/browser.js is what it stands on).  The script's TAP
# becomes ours; what it asks for by call() is done here, by name.

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use IPC::Open2 qw(open2);
use JSON::PP ();

use Soporte::Process qw(top);
use Soporte::Test;

our @EXPORT = qw(browse);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;


# Runs a script; %command: name => code that gets the script's arguments.

sub browse {
    my ($script, %command) = @_;

    my $path = top() . "/t/browser/$script";
    my $done = 0;

    # it may write once more when it is about to be gone
    local $SIG{PIPE} = 'IGNORE';

    my $pid = open2(my $out, my $in, '/usr/bin/node', $path);

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    while (my $line = <$out>) {
        chomp $line;

        if ($line =~ s/^\x01//) {
            my ($name, @arguments) = @{$json->decode($line)};

            $done = 1, next if $name eq 'done';

            print $in answer($command{$name}, $name, @arguments), "\n";
            $in->flush;

        } elsif ($line =~ /^(not )?ok - (.*)/) {
            ok(!$1, $2);

        } else {
            diag($line =~ s/^# //r);
        }
    }

    close $in;
    waitpid $pid, 0;

    ok($done && !$?, "$script ended in good order") or diag("status $?");
}


sub answer {
    my ($code, $name, @arguments) = @_;

    my $value = eval {
        croak 'no such command' if !$code;
        $code->(@arguments);
    };

    return $json->encode($@ ? { error => "$@" } : { value => $value });
}


1;
