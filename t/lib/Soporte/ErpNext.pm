package Soporte::ErpNext;

# The stand-in for ERPNext (conf/demo/erpnext says what it can) as a test
# starts it: sites and their profiles, stopped (connections are refused),
# frozen (accepts, says nothing) and back.

use strict;
use warnings;

use Carp qw(croak);
use IO::Socket::INET;

use Soporte::Http;
use Soporte::Process qw(top own free_port temp_dir wait_for slurp);


# Options: sites (hash of host => profile; localhost => up), port.

sub new {
    my ($class, %option) = @_;

    my $self = bless { sites => { localhost => 'up' }, %option }, $class;

    $self->{port} //= free_port();
    $self->{log} //= temp_dir() . '/erpnext.log';

    return $self->start;
}


sub start {
    my ($self) = @_;

    my $sites = $self->{sites};

    # it may be read by root alone, so it comes by standard input
    $self->{process} = Soporte::Process->start(
        command => ['perl', '-', '--listen', $self->addr,
                    map { ('--site', "$_=$sites->{$_}") } sort keys %$sites],
        in      => top() . '/conf/demo/erpnext',
        log     => $self->{log},
        drop    => 1
    );

    wait_for(sub {
        croak 'the stand-in ended: ' . slurp($self->{log})
            if !$self->{process}->running;

        return IO::Socket::INET->new($self->addr);
    }, 15, 'the stand-in to start');

    return $self;
}


sub addr { "127.0.0.1:$_[0]{port}" }

sub port { $_[0]{port} }

sub process { $_[0]{process} }


# connections are refused from here on; start() ends it

sub stop {
    my ($self) = @_;

    return $self->{process}->stop('KILL');
}


# connections are accepted by the kernel, and nothing comes

sub freeze { $_[0]{process}->signal('STOP') }

sub thaw { $_[0]{process}->signal('CONT') }


# another profile for a site

sub profile {
    my ($self, $site, $profile) = @_;

    $self->{sites}{$site} = $profile;

    return request($self->addr, 'PUT',
                   "/stand-in/site?name=$site&profile=$profile");
}


# what arrived since the start or forget(): hashes with method, path, site,
# length and the headers in lower case

sub requests {
    my ($self) = @_;

    return @{get($self->addr, '/stand-in/requests')->json};
}


sub forget {
    my ($self) = @_;

    request($self->addr, 'DELETE', '/stand-in/requests');
}


1;
