package Soporte::Process;

# Programs that a test or the demo starts: each is found by its own pid and
# gone at the end, however the end comes.  Started by root, a server runs as
# nobody; its files are in a directory of its own that it may enter.

use strict;
use warnings;

use Carp qw(croak);
use Config;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h);
use Socket qw(SOCK_STREAM);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(top drop own free_port temp_dir wait_for slurp spew run
                    alive children);

my $owner = $$;
my %running;            # pid => Soporte::Process
my @directories;
my %reserved;           # port => abstract socket that keeps it ours

my %number = do {
    my $i = 0;
    map { $_ => $i++ } split ' ', $Config{sig_name};
};


BEGIN {
    # a daemon that loses its parent becomes ours and not init's
    require 'syscall.ph';
    syscall(SYS_prctl(), 36, 1, 0, 0, 0);       # PR_SET_CHILD_SUBREAPER

    for my $name (qw(INT TERM HUP)) {
        $SIG{$name} //= sub { exit 1 };
    }
}


# the root of the repository

sub top {
    return abs_path(dirname(__FILE__) . '/../../..');
}


# [uid, gid] of the user that servers run as, undef: the one who asks

sub drop {
    return if $>;
    return [(getpwnam('nobody'))[2], (getgrnam('nogroup'))[2]];
}


# gives files to that user

sub own {
    my $to = drop() or return;

    chown(@$to, $_) or croak "chown $_: $!" for @_;
}


# a directory that the servers can enter, removed at the end

sub temp_dir {
    my $base = $> ? $ENV{TMPDIR} // '/tmp' : '/tmp';
    my $dir = File::Temp::tempdir('soporte.XXXXXX', DIR => $base);

    chmod 0755, $dir;
    own($dir);
    push @directories, $dir;

    return $dir;
}


# A port below the range the kernel picks from, so no client can take it; an
# abstract socket keeps other tests away from it until we end.

sub free_port {
    my @preferred = @_;

    my ($low) = slurp('/proc/sys/net/ipv4/ip_local_port_range') =~ /(\d+)/;
    $low = 32768 if !$low || $low < 12000;

    for (1 .. 1000) {
        my $port = shift @preferred // 10000 + int rand($low - 10000);

        next if $reserved{$port};

        my $keep = IO::Socket::UNIX->new(
            Type   => SOCK_STREAM,
            Local  => "\0soporte-port-$port",
            Listen => 1
        ) or next;

        IO::Socket::INET->new(
            LocalAddr => "127.0.0.1:$port",
            ReuseAddr => 1,
            Listen    => 1
        ) or next;

        $reserved{$port} = $keep;

        return $port;
    }

    croak 'no free port';
}


# polls until the code is true, returns its value; dies after the seconds

sub wait_for {
    my ($code, $seconds, $what) = @_;

    my $end = time + ($seconds // 10);
    my $pause = 0.005;

    while (1) {
        my $value = $code->();

        return $value if $value;

        croak 'waited in vain for ' . ($what // 'it') if time > $end;

        sleep $pause;
        $pause *= 1.5 if $pause < 0.05;
    }
}


sub slurp {
    my ($path) = @_;

    open my $file, '<:raw', $path or return '';
    local $/;

    return scalar(<$file>) // '';
}


sub spew {
    my ($path, @text) = @_;

    open my $file, '>:raw', $path or croak "$path: $!";
    print $file @text;
    close $file or croak "$path: $!";

    return $path;
}


# state of a process that may be anybody's child: false if gone or a zombie

sub alive {
    my ($pid) = @_;

    waitpid $pid, WNOHANG if !$running{$pid};

    my ($state) = slurp("/proc/$pid/stat") =~ /^\d+ \(.*\) (\S)/s;

    return defined $state && $state !~ /[ZX]/;
}


# pids of a process's children

sub children {
    my ($parent) = @_;

    my @pids;

    for my $path (glob '/proc/[0-9]*/stat') {
        my ($pid, $ppid) = slurp($path) =~ /^(\d+) \(.*\) [^ZX] (\d+)/s
            or next;

        push @pids, $pid if $ppid == $parent;
    }

    return sort { $a <=> $b } @pids;
}


# Runs a program to its end: (exit code, output and errors).  Options: in,
# timeout (seconds, 30), drop (as the servers' user).

sub run {
    my ($options, @command) = ref $_[0] ? @_ : ({}, @_);

    my $out = File::Temp->new;
    my $process = __PACKAGE__->start(
        %$options, command => \@command, log => $out->filename
    );

    my $seconds = $options->{timeout} // 30;
    my $done = eval {
        wait_for(sub { !$process->running }, $seconds, "@command");
    };

    $process->stop('KILL');

    my $text = slurp($out->filename);
    $text .= "\ntimed out after $seconds s\n" if !$done;

    my $status = $process->{status} // 9;

    return ($status & 127 ? 128 + ($status & 127) : $status >> 8, $text);
}


# Starts a program.  Options: command, log (file for its output), in (file),
# drop (1: as the servers' user), env (hash), cwd, quit (signal that ends it
# in good order).

sub start {
    my ($class, %option) = @_;

    my @command = @{$option{command}};
    my $to = $option{drop} && drop();

    unshift @command, 'setpriv',
        ($to ? ("--reuid=$to->[0]", "--regid=$to->[1]", '--clear-groups') : ()),
        '--pdeathsig', $option{quit} // 'TERM', '--';

    my $pid = fork // croak "fork: $!";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE CHLD);

        # a Ctrl-C at the terminal is for the one who started us
        setpgrp;

        open STDIN, '<', $option{in} // '/dev/null' or die;
        open STDOUT, '>>', $option{log} // '/dev/null' or die;
        open STDERR, '>&', \*STDOUT or die;

        delete @ENV{grep { /^(?:PG|NGINX)/ } keys %ENV};
        %ENV = (%ENV, HOME => '/nonexistent', %{$option{env} // {}});

        chdir($option{cwd} // '/');

        { no warnings; exec { $command[0] } @command; }
        print STDERR "$command[0]: $!\n";
        POSIX::_exit(127);
    }

    return $class->adopt($pid, %option);
}


# takes charge of a process that somebody else started

sub adopt {
    my ($class, $pid, %option) = @_;

    return $running{$pid} = bless {
        pid  => $pid,
        quit => $option{quit} // 'TERM',
        name => $option{name} // ($option{command} // ['process'])->[0],
        log  => $option{log}
    }, $class;
}


sub pid { $_[0]{pid} }

sub log { $_[0]{log} }


sub running {
    my ($self) = @_;

    return 0 if defined $self->{status};

    if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
        $self->{status} = $?;

    } elsif (!alive($self->{pid})) {

        # it ended between the two looks, or is nobody's child of ours

        $self->{status} = waitpid($self->{pid}, 0) == $self->{pid} ? $? : 0;
    }

    return 1 if !defined $self->{status};

    delete $running{$self->{pid}};

    return 0;
}


sub signal {
    my ($self, $name) = @_;

    return $self->running && kill $number{$name}, $self->{pid};
}


# Ends it in good order, by force after the seconds; true if order was enough.

sub stop {
    my ($self, $signal, $seconds) = @_;

    local $?;

    return 1 if !$self->signal($signal // $self->{quit});

    # a stopped process hears nothing else
    $self->signal('CONT');

    return 1 if eval {
        wait_for(sub { !$self->running }, $seconds // 10, 'exit');
    };

    $self->signal('KILL');
    wait_for(sub { !$self->running }, 10, "$self->{name} to die");

    return 0;
}


# everything that is left: what was started here, and daemons that became ours

sub stop_all {
    $_->stop(undef, 5) for values %running;

    for (1 .. 100) {
        1 while waitpid(-1, WNOHANG) > 0;

        my @left = children($$) or last;

        kill 'KILL', @left;
        sleep 0.01;
    }
}


END {
    if ($$ == $owner) {
        local $?;

        stop_all();
        chdir '/';

        if ($ENV{SOPORTE_KEEP}) {
            print STDERR "# kept: $_\n" for @directories;

        } else {
            remove_tree(@directories);
        }
    }
}


1;
