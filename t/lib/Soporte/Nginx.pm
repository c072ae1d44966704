package Soporte::Nginx;

# An nginx of one test, with the module built here: from a template of its
# configuration to a last look at its log.  By environment: SOPORTE_NGINX (the
# binary) and SOPORTE_MODULE (the module; empty when it is linked in).
#
# Marks in the template:
#   %%GLOBALS%%   load_module, user, processes, pid and error log
#   %%HTTP%%      temporary files below the prefix, no access log
#   %%PORT%%, %%PORT_NAME%%   free ports of 127.0.0.1, see addr()
#   %%PREFIX%%    the directory of this nginx
#   %%TOP%%       the root of the repository
#   %%WORD%%      any value given as vars => { WORD => ... }

use strict;
use warnings;

use Carp qw(croak);
use File::Basename qw(dirname);
use File::Path qw(make_path);

use Soporte::Process qw(top drop own free_port temp_dir wait_for slurp spew run
                        alive children);

my $owner = $$;
my @all;


# Options: conf (template), vars (hash), files (hash of path => text, below
# the prefix), workers (1), log_level (info), prefix (a directory to use
# again), env (hash, for a start).

sub new {
    my ($class, %option) = @_;

    my $self = bless {
        workers   => 1,
        log_level => 'info',
        vars      => {},
        allowed   => [],
        seen      => 0,
        %option
    }, $class;

    $self->{prefix} //= temp_dir();
    make_path("$self->{prefix}/tmp");

    $self->file($_, $self->{files}{$_}) for keys %{$self->{files} // {}};
    $self->conf($option{conf}) if defined $option{conf};

    push @all, $self;

    return $self;
}


sub all { @all }

sub prefix { $_[0]{prefix} }


# writes a file below the prefix, returns its path; marks are filled in

sub file {
    my ($self, $name, $text) = @_;

    my $path = "$self->{prefix}/$name";

    make_path(dirname($path));

    return spew($path, $self->fill($text));
}


# a new configuration, for the next start or reload

sub conf {
    my ($self, $text) = @_;

    return $self->file('nginx.conf', $text);
}


sub fill {
    my ($self, $text) = @_;

    $text =~ s{%%(\w+)%%}{ $self->mark($1) }ge;

    return $text;
}


sub mark {
    my ($self, $name) = @_;

    return $self->{vars}{$name} if exists $self->{vars}{$name};
    return $self->port($1) if $name =~ /^PORT(?:_(\w+))?$/;
    return $self->{prefix} if $name eq 'PREFIX';
    return top() if $name eq 'TOP';
    return $self->globals if $name eq 'GLOBALS';
    return $self->http if $name eq 'HTTP';

    croak "unknown mark %%$name%%";
}


sub globals {
    my ($self) = @_;

    my $module = $ENV{SOPORTE_MODULE}
                 // top() . '/build/ngx_http_soporte_module.so';

    return join "\n",
        (length $module ? "load_module $module;" : ()),
        (drop() ? 'user nobody nogroup;' : ()),
        "worker_processes $self->{workers};",
        "pid $self->{prefix}/nginx.pid;",
        "lock_file $self->{prefix}/nginx.lock;",
        "error_log $self->{prefix}/error.log $self->{log_level};";
}


sub http {
    my ($self) = @_;

    return join "\n", 'access_log off;', map {
        my $directive = $_ eq 'body' ? 'client_body' : $_;
        "${directive}_temp_path $self->{prefix}/tmp/$_;"
    } qw(body proxy fastcgi scgi uwsgi);
}


# the port behind %%PORT%% or %%PORT_NAME%%

sub port {
    my ($self, $name) = @_;

    return $self->{ports}{$name // ''} //= free_port();
}


sub addr {
    my ($self, $name) = @_;

    return '127.0.0.1:' . $self->port($name);
}


sub command {
    my ($self, $log, @more) = @_;

    return ($ENV{SOPORTE_NGINX} // '/usr/sbin/nginx',
            '-p', "$self->{prefix}/", '-c', "$self->{prefix}/nginx.conf",
            '-e', "$self->{prefix}/$log", @more);
}


# ASAN_OPTIONS for what does not end in good order, or runs under a tracer

sub leaking { join ':', grep { defined } $ENV{ASAN_OPTIONS}, 'detect_leaks=0' }


# nginx -t, with more of an environment: (exit code, what it said)

sub check {
    my ($self, %env) = @_;

    return run({ env => { %env, ASAN_OPTIONS => leaking() } },
               $self->command('check.log', '-t'));
}


sub start {
    my ($self) = @_;

    my $conf = slurp("$self->{prefix}/nginx.conf");

    croak 'without soporte_path it is the system\'s'
        if $conf =~ /^[^#]*\bsoporte_(?:portal|postgres|redis|bench|backups)\s/m
           && $conf !~ /\bsoporte_path\s/;

    my ($code, $text) = run({ env => $self->{env} },
                            $self->command('error.log'));

    croak "nginx did not start: $text" if $code;

    $self->wait_started;

    return $self;
}


sub wait_started {
    my ($self) = @_;

    wait_for(sub { $self->workers >= $self->{workers} }, 10,
             'nginx to start');
}


# the master's pid by its own pid file, false when it does not run

sub pid {
    my ($self) = @_;

    my ($pid) = slurp("$self->{prefix}/nginx.pid") =~ /^(\d+)/;

    return $pid && alive($pid) ? $pid : 0;
}


# pids of the workers that take new requests; of all with a true argument

sub workers {
    my ($self, $all) = @_;

    my $master = $self->pid or return;
    my @pids;

    for my $pid (children($master)) {
        my $title = slurp("/proc/$pid/cmdline");

        next if $title !~ /^nginx: worker process/;
        next if $title =~ /shutting down/ && !$all;

        push @pids, $pid;
    }

    return @pids;
}


sub signal {
    my ($self, $name, @pids) = @_;

    @pids = $self->pid if !@pids;

    return kill $name, @pids;
}


# A new configuration in force: its workers run, the old ones take nothing
# more, or are gone if that is asked for.

sub reload {
    my ($self, $gone) = @_;

    my %old = map { $_ => 1 } $self->workers(1);

    $self->signal('HUP') or croak 'nginx does not run';

    wait_for(sub {
        my @now = $self->workers;
        my @left = grep { $old{$_} } $self->workers($gone);

        return @now >= $self->{workers} && !@left;
    }, 15, 'the new workers');

    return $self;
}


# a binary upgrade: a new master from the same binary, the old one leaves

sub upgrade {
    my ($self) = @_;

    my $old = $self->pid;

    $self->signal('USR2');

    wait_for(sub {
        my $new = $self->pid;
        return $new && $new != $old && $self->workers >= $self->{workers};
    }, 15, 'the new master');

    $self->signal('QUIT', $old);

    wait_for(sub { !alive($old) }, 15, 'the old master to leave');

    return $self;
}


# SIGKILL to the master and to all its children

sub kill_all {
    my ($self) = @_;

    my $master = $self->pid;
    my @pids = ($master, children($master));

    kill 'KILL', @pids;
    wait_for(sub { !grep { alive($_) } @pids }, 10, 'nginx to die');

    return $self;
}


# ends it; the signal is QUIT unless said

sub stop {
    my ($self, $signal) = @_;

    my $pid = $self->pid or return 1;
    my @pids = ($pid, children($pid));

    $self->signal($signal // 'QUIT');

    return 1 if eval {
        wait_for(sub { !grep { alive($_) } @pids }, 10, 'nginx to stop');
    };

    kill 'KILL', grep { alive($_) } @pids;

    return 0;
}


sub log {
    my ($self) = @_;

    return slurp("$self->{prefix}/error.log");
}


# waits until the log has a line that was not there at the last such call

sub wait_log {
    my ($self, $pattern, $seconds) = @_;

    return wait_for(sub {
        my $log = $self->log;

        pos($log) = $self->{seen};
        return if $log !~ /$pattern/g;

        $self->{seen} = pos $log;
        return 1;
    }, $seconds, "the log to say $pattern");
}


# lines like this belong to the test and are no alarm at its end

sub allow_log {
    my ($self, $pattern) = @_;

    push @{$self->{allowed}}, $pattern;

    return $self;
}


# lines of the log that no test should leave behind

sub alarms {
    my ($self) = @_;

    my @lines = grep {
        / \[ (?: emerg | alert | crit ) \] /x
        || /exited on signal|Sanitizer|runtime error:|open socket/
    } split /\n/, $self->log;

    for my $pattern (@{$self->{allowed}}) {
        @lines = grep { !/$pattern/ } @lines;
    }

    return @lines;
}


# ends it before the processes that it may have left are looked at

END {
    local $?;

    if ($$ == $owner) {
        $_->stop('TERM') for @all;
    }
}


1;
