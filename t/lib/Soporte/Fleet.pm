package Soporte::Fleet;

# Nodes of one fleet, for what measures or tries them: each an nginx with its
# control socket, a page that a word closes, and one that it does not.

use strict;
use warnings;

use JSON::PP qw(encode_json);
use Time::HiRes qw(time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(wait_for children);

my $conf = <<'END';
%%GLOBALS%%
events { worker_connections 4096; }
http {
    %%HTTP%%
    keepalive_requests 100000000;
    soporte_zone zone=fleet:8m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_postgres "%%PG%%" timeout=%%TIMEOUT%%;
    soporte_redis %%REDIS%% timeout=%%TIMEOUT%%;
    soporte_portal /soporte;
    soporte_node %%NAME%%;
    server {
        listen 127.0.0.1:%%PORT%% backlog=1024;
        soporte $arg_t;
        location = /plain { return 200 ok; }
        location / { root %%PREFIX%%; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
        location /metrics { soporte_metrics; }
    }
}
END


# Options: redis (Soporte::Redis), postgres (Soporte::Postgres), workers,
# timeout (of these servers, 1s).

sub node {
    my ($class, $name, %option) = @_;

    my $nginx = Soporte::Nginx->new(
        workers => $option{workers} // 1,
        conf    => $conf,
        vars    => { NAME    => $name, REDIS => $option{redis}->url,
                     PG      => $option{postgres}->conninfo,
                     TIMEOUT => $option{timeout} // '1s' }
    )->start;

    my $self = bless { nginx => $nginx }, $class;

    get($nginx->addr, '/x?t=acme');
    wait_for(sub { $self->metric('soporte_store_up{store="redis"}') }, 10,
             'Redis');

    return $self;
}


sub nginx { $_[0]{nginx} }

sub addr { $_[0]{nginx}->addr }


sub control {
    my ($self, $method, $path, $body) = @_;

    return request('unix:' . $self->nginx->prefix . '/control.sock', $method,
                   "/v1/tenants/$path", $body && encode_json($body),
                   'Content-Type' => 'application/json');
}


# files a ticket for a tenant: true if it was taken

sub file {
    my ($self, $tenant, $subject) = @_;

    return post_json($self->addr, "/soporte/tickets?t=$tenant", {
        subject => $subject, description => 'No imprime desde las nueve.',
        category => 'uso', email => 'ana@acme.mx'
    })->{status} == 201;
}


sub metric {
    my ($self, $name) = @_;

    my $r = get('unix:' . $self->nginx->prefix . '/control.sock', '/metrics');

    return $r->{body} =~ /^\Q$name\E (\S+)$/m ? $1 : undef;
}


# the title of what closes a tenant, '-' if nothing does

sub title {
    my ($self, $tenant) = @_;

    my $m = $self->control('GET', $tenant // 'acme')->json->{maintenance};

    return $m ? $m->{title} // '' : '-';
}


# ms from a word given here until the page of another node changes

sub reaches {
    my ($self, $other) = @_;

    my $watch = Soporte::Http->connect($other->addr);
    my $closed = $watch->ask('GET', '/x?t=acme')->{status} == 503;
    my $start = time;

    $self->control($closed ? ('DELETE', 'acme/maintenance')
                           : ('PUT', 'acme/maintenance', {}));

    until (($watch->ask('GET', '/x?t=acme')->{status} == 503) != $closed) {
        die "a word did not arrive in 10 s\n" if time > $start + 10;
    }

    return 1000 * (time - $start);
}


# stops servers with all their processes, or lets them go on

sub hang {
    my ($class, $signal, @servers) = @_;

    kill $signal, map { ($_->process->pid, children($_->process->pid)) }
                  @servers;
}


# of numbers, that below which the share of them is

sub quantile {
    my ($class, $share, @numbers) = @_;

    @numbers = sort { $a <=> $b } @numbers;

    return $numbers[@numbers * $share] // $numbers[-1];
}


1;
