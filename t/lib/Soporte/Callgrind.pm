package Soporte::Callgrind;

# An nginx under callgrind, as one process, that counts what its event loop
# does in user space about events: phase by phase, without a new start for each.
#
#   my $nginx = Soporte::Callgrind->start($conf);
#   ... requests ...
#   my $count = $nginx->count;      # since the last one, or the start
#
# A phase ends by USR1: nginx opens its log anew then, outside of the loop, and
# callgrind writes its counters where that function begins.

use strict;
use warnings;

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(own wait_for slurp);

# what the clock calls and no request, and what threads have to say of that
my @apart = qw(ngx_event_expire_timers ngx_http_soporte_bench_done
               ngx_http_soporte_snapshot_done);

# libc's allocator, as nginx and its modules call it
my %allocator = map { $_ => 1 } qw(malloc calloc realloc free posix_memalign);


# Conf is a template as Soporte::Nginx takes it, with daemon and master_process
# off.  Options: vars; posted (1): whether what was put off to the end of a turn
# of the loop is counted, which are timers' pieces of work, or an answer's;
# seconds until it must listen (600).

sub start {
    my ($class, $conf, %option) = @_;

    my @left_out = (@apart, $option{posted} // 1 ? ()
                                                 : 'ngx_event_process_posted');
    my $nginx = Soporte::Nginx->new(conf => $conf,
                                    vars => $option{vars} // {});

    my $self = bless {
        nginx => $nginx,
        out   => $nginx->prefix . '/tmp/callgrind',
        log   => $nginx->prefix . '/valgrind.log',
        part  => 0
    }, $class;

    own($nginx->prefix . '/tmp');

    $self->{process} = Soporte::Process->start(
        command => ['valgrind', '--quiet', '--tool=callgrind', '--vgdb=no',
                    '--toggle-collect=ngx_process_events_and_timers',
                    map({ "--toggle-collect=$_" } @left_out),
                    '--dump-before=ngx_reopen_files',
                    "--callgrind-out-file=$self->{out}",
                    $nginx->command('error.log')],
        log     => $self->{log},
        quit    => 'QUIT',
        drop    => 1
    );

    wait_for(sub {
        die slurp($self->{log}), $nginx->log if !$self->{process}->running;
        return eval { $self->client };
    }, $option{seconds} // 600, 'nginx under valgrind');

    return $self;
}


sub nginx { $_[0]{nginx} }


# a connection to the server that listens at %%PORT%%

sub client {
    my ($self) = @_;

    my $client = eval { Soporte::Http->connect($self->{nginx}->addr) };

    return $client->timeout(600) if $client;

    die "no nginx under valgrind: $@", slurp($self->{log}), $self->{nginx}->log;
}


# Instructions since the last count: all, those of malloc() and its like, and
# how often these were called.

sub count {
    my ($self) = @_;

    my $file = $self->{out} . '.' . ++$self->{part};

    $self->signal('USR1', sub { slurp($file) =~ /^totals: /m });

    my $count = parse($file);
    unlink $file;

    return $count;
}


# callgrind's own format: names are told once and have numbers then, a line
# "calls=" is followed by one whose last number is the cost of the call

sub parse {
    my ($file) = @_;

    my %count = map { $_ => 0 } qw(all malloc calls);
    my (%name, $object, $in, $to, $calls);

    open my $lines, '<', $file or die "$file: $!";

    while (my $line = <$lines>) {

        if ($line =~ /^(c?)(ob|fn)=(\(\d+\))(?: (.*))?$/) {
            $name{$2}{$3} = $4 if defined $4;
            my $name = $name{$2}{$3};

            if ($2 eq 'ob') {
                $1 ? ($in = $name) : ($object = $name);

            } elsif ($1) {
                $to = $name;
            }

        } elsif ($line =~ /^calls=(\d+)/) {
            my $times = $1;
            my ($cost) = (<$lines> // '') =~ /(\d+)$/;

            if ($allocator{$to} && defined $in && $in ne $object) {
                $count{malloc} += $cost;
                $count{calls} += $times;
            }

            undef $in;

        } elsif ($line =~ /^totals: (\d+)/) {
            $count{all} = $1;
        }
    }

    return \%count;
}


sub stop {
    my ($self) = @_;

    $self->signal('QUIT', sub { !$self->{process}->running });
}


# A signal that comes just before nginx waits for events is seen after the next
# one; without timers there is none but a connection.

sub signal {
    my ($self, $name, $done) = @_;

    $self->{process}->signal($name);

    return if eval { wait_for($done, 1) };

    # it may be at its end by now
    eval { $self->client->close };
    wait_for($done, 60, "nginx under valgrind to hear $name");
}


1;
