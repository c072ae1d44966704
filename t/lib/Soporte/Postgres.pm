package Soporte::Postgres;

# A PostgreSQL of one test or of the demo, on a free port and a unix socket,
# with the schema of sql/.  It can be stopped, killed and started again.

use strict;
use warnings;

use Carp qw(croak);
use DBI;

use Soporte::Process qw(top own drop free_port temp_dir wait_for slurp run);


# where the newest server's programs are

sub bin {
    my ($name) = @_;

    my ($dir) = sort { ($b =~ /(\d+)/)[0] <=> ($a =~ /(\d+)/)[0] }
                glob '/usr/lib/postgresql/*/bin';

    croak 'no PostgreSQL is installed' if !$dir;

    return "$dir/$name";
}


# Options: dir (kept if given, else a temporary one), port, database
# (soporte), migrate (1), config (array of lines of postgresql.conf).

sub new {
    my ($class, %option) = @_;

    my $self = bless {
        database => 'soporte',
        migrate  => 1,
        config   => [],
        %option
    }, $class;

    $self->{dir} //= temp_dir();
    $self->{port} //= free_port();

    $self->init if !-e "$self->{dir}/data/PG_VERSION";
    $self->start;
    $self->create;
    $self->migrate if $self->{migrate};

    return $self;
}


sub init {
    my ($self) = @_;

    mkdir $self->{dir};
    own($self->{dir});

    my ($code, $text) = run(
        { drop => 1, timeout => 60 }, bin('initdb'), '--no-sync',
        '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale', 'C.UTF-8',
        '-D', "$self->{dir}/data"
    );

    croak "initdb: $text" if $code;
}


sub start {
    my ($self) = @_;

    my %setting = (
        listen_addresses        => '127.0.0.1',
        port                    => $self->{port},
        unix_socket_directories => $self->{dir},
        max_connections         => 50
    );

    $self->{process} = Soporte::Process->start(
        command => [bin('postgres'), '-D', "$self->{dir}/data",
                    map({ ('-c', "$_=$setting{$_}") } sort keys %setting),
                    map({ ('-c', $_) } @{$self->{config}})],
        log     => "$self->{dir}/postgres.log",
        quit    => 'INT',
        drop    => 1
    );

    wait_for(sub {
        croak 'PostgreSQL ended: ' . slurp("$self->{dir}/postgres.log")
            if !$self->{process}->running;

        return eval {
            DBI->connect($self->dsn('postgres'), 'postgres', '',
                         { RaiseError => 1, PrintError => 0 })->disconnect;
        };
    }, 30, 'PostgreSQL to start');

    return $self;
}


# the database, if it is not there yet

sub create {
    my ($self) = @_;

    my $db = DBI->connect($self->dsn('postgres'), 'postgres', '',
                          { RaiseError => 1 });

    return if $db->selectrow_array(
        'SELECT 1 FROM pg_database WHERE datname = ?', undef,
        $self->{database}
    );

    $db->do("CREATE DATABASE $self->{database}");
    $db->disconnect;
}


# brings the schema to the version of sql/, harmless where it is

sub migrate {
    my ($self) = @_;

    my ($code, $text) = run({ cwd => top(), timeout => 60 }, 'sql/migrate',
                            $self->conninfo('postgres'));

    croak "sql/migrate: $text" if $code;

    return $text;
}


sub port { $_[0]{port} }

sub dir { $_[0]{dir} }

sub process { $_[0]{process} }


# of libpq, by the unix socket; a user other than postgres may be named

sub conninfo {
    my ($self, $user) = @_;

    return "host=$self->{dir} port=$self->{port} dbname=$self->{database}"
           . ' user=' . ($user // 'postgres');
}


sub dsn {
    my ($self, $database) = @_;

    return "dbi:Pg:host=$self->{dir};port=$self->{port};dbname="
           . ($database // $self->{database});
}


# a connection, made anew after a restart

sub db {
    my ($self) = @_;

    return $self->{db} if $self->{db} && $self->{db}->ping;

    return $self->{db} = DBI->connect(
        $self->dsn, 'postgres', '',
        { RaiseError => 1, PrintError => 0, AutoCommit => 1,
          pg_enable_utf8 => 1 }
    );
}


# rows of a query, each a hash

sub rows {
    my ($self, $sql, @values) = @_;

    return @{$self->db->selectall_arrayref($sql, { Slice => {} }, @values)};
}


# the first column of the first row

sub value {
    my ($self, $sql, @values) = @_;

    return scalar $self->db->selectrow_array($sql, undef, @values);
}


sub do {
    my ($self, $sql, @values) = @_;

    return $self->db->do($sql, undef, @values);
}


# ends it: INT (fast), TERM (waits for clients), QUIT or KILL (crash)

sub stop {
    my ($self, $signal) = @_;

    $self->{db}->disconnect if $self->{db};
    delete $self->{db};

    my $own = "$self->{dir}/data/postmaster.pid";
    my $done = $self->{process}->stop($signal // 'INT', 20);

    # after a crash its children see it within moments
    if (($signal // '') eq 'KILL') {
        wait_for(sub { !grep { slurp("/proc/$_/cmdline") =~ /^postgres: / }
                       Soporte::Process::children($$) }, 10,
                 'the backends to leave');
        unlink $own;
    }

    return $done;
}


1;
