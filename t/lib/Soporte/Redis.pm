package Soporte::Redis;

# A Redis of one test or of the demo, on a free port and a unix socket,
# without persistence.

use strict;
use warnings;

use IO::Socket::INET;

use Soporte::Process qw(free_port temp_dir wait_for slurp run);


# Options: dir (a temporary one), port, config (array of words, as on the
# command line of redis-server).

sub new {
    my ($class, %option) = @_;

    my $self = bless { config => [], %option }, $class;

    $self->{dir} //= temp_dir();
    $self->{port} //= free_port();

    return $self->start;
}


sub start {
    my ($self) = @_;

    $self->{process} = Soporte::Process->start(
        command => ['redis-server', '--bind', '127.0.0.1',
                    '--port', $self->{port}, '--dir', $self->{dir},
                    '--unixsocket', "$self->{dir}/redis.sock",
                    '--save', '', '--appendonly', 'no', @{$self->{config}}],
        log     => "$self->{dir}/redis.log",
        drop    => 1
    );

    wait_for(sub {
        die 'Redis ended: ' . slurp("$self->{dir}/redis.log")
            if !$self->{process}->running;

        return IO::Socket::INET->new("127.0.0.1:$self->{port}");
    }, 10, 'Redis to start');

    return $self;
}


sub port { $_[0]{port} }

sub dir { $_[0]{dir} }

sub process { $_[0]{process} }

sub url { "redis://127.0.0.1:$_[0]{port}/0" }


# what redis-cli prints for a command

sub command {
    my ($self, @words) = @_;

    my ($code, $text) = run('redis-cli', '-p', $self->{port}, '--raw', @words);

    chomp $text;

    return $text;
}


sub stop {
    my ($self, $signal) = @_;

    return $self->{process}->stop($signal);
}


1;
