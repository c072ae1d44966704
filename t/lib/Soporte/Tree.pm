package Soporte::Tree;

# The files of the repository as the lints see them: what is built is left out.

use strict;
use warnings;

use Exporter qw(import);
use File::Find qw(find);

use Soporte::Process qw(top slurp);

our @EXPORT_OK = qw(files lines);


# Paths relative to the top, sorted, whose name or first line matches; the
# lints work there.

sub files {
    my ($name, $first_line) = @_;

    my @files;

    chdir top();

    find({
        no_chdir   => 1,
        preprocess => sub {
            grep { !/^(?:\.git|build|node_modules|\.{1,2})$/ } @_
        },
        wanted     => sub {
            return if !-f;

            my $path = substr $_, 2;

            push @files, $path
                if $path =~ $name
                   || $first_line && (lines($path))[0] =~ $first_line;
        }
    }, '.');

    return sort @files;
}


# the lines of a file without their ends, as characters; one at least

sub lines {
    my ($path) = @_;

    my $text = slurp($path);

    utf8::decode($text);

    my @lines = split /\n/, $text;

    return @lines ? @lines : '';
}


1;
