package Soporte::Load;

# Clients that file tickets as fast as they are answered, and write down each
# that was acknowledged: what a customer was promised.  A request without an
# answer is sent again with the same Idempotency-Key, as a browser's user does.
#
#   my $load = Soporte::Load->start(addr => $nginx->addr, clients => 8);
#   ...
#   my $sum = $load->stop->compare($pg);     # lost, twice, altered

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Time::HiRes qw(sleep time);

use Soporte::Http ();
use Soporte::Process qw(temp_dir slurp);

my $json = JSON::PP->new->utf8->canonical;


# Options: addr, clients (8), pause (seconds between tickets of a client), files
# (each how manieth ticket of a client has an attachment, 0: none).

sub start {
    my ($class, %option) = @_;

    my $self = bless {
        clients => 8, pause => 0, files => 25, pids => [], %option,
        log => temp_dir() . '/acknowledged'
    }, $class;

    for my $n (1 .. $self->{clients}) {
        my $pid = fork // die "fork: $!";

        if ($pid == 0) {
            my $stop;
            $SIG{TERM} = sub { $stop = 1 };
            eval { $self->client($n, \$stop) };
            print STDERR "client: $@" if $@;
            POSIX::_exit(0);
        }

        push @{$self->{pids}}, $pid;
    }

    return $self;
}


sub client {
    my ($self, $n, $stop) = @_;

    open my $log, '>>', $self->{log} or die "$self->{log}: $!";

    my ($connection, $i);

    srand($$ ^ time);

    until ($$stop) {
        my $key = sprintf '%d-%d-%08x', $n, ++$i, rand 2 ** 32;
        my $text = join ' ', map { sprintf '%x', rand 2 ** 32 }
                                 1 .. 20 + rand 100;
        my $file = $self->{files} && $i % $self->{files} == 0
                   ? join('', map { chr rand 256 } 1 .. 1 + rand 5000) : undef;
        my $folio;

        until ($$stop || $folio) {
            $connection //= eval { Soporte::Http->connect($self->{addr}) };
            $folio = $connection
                     && eval { ask($connection->timeout(8), $key, $text,
                                   $file) };

            if (!$folio) {
                $connection = undef;
                sleep 0.02;
            }
        }

        # one write a line: several clients share the file
        syswrite $log, join(' ', $key, $folio, sha256_hex($text),
                            defined $file ? sha256_hex($file) : '-') . "\n"
            if $folio;

        sleep $self->{pause} if $self->{pause};
    }
}


# the folio, if the ticket was acknowledged

sub ask {
    my ($connection, $key, $text, $file) = @_;

    my %field = (subject => $key, description => $text, category => 'uso',
                 email => 'ana@acme.example.mx');
    my $r;

    if (!defined $file) {
        $r = $connection->ask('POST', '/soporte/tickets', $json->encode(\%field),
                              'Content-Type' => 'application/json',
                              'Idempotency-Key' => $key);

    } else {
        my $page = $connection->ask('GET', '/soporte') or return;
        my ($cookie) = ($page->header('Set-Cookie') // '') =~ /^([^;]+)/;
        ($field{token}) = $page->{body} =~ /name=token value="([^"]+)"/;

        my $body = join '', map({ "--limite\r\nContent-Disposition: form-data; "
                                  . "name=\"$_\"\r\n\r\n$field{$_}\r\n" }
                                sort keys %field),
            "--limite\r\nContent-Disposition: form-data; name=\"attachment\"; ",
            "filename=\"uno.bin\"\r\nContent-Type: application/octet-stream",
            "\r\n\r\n$file\r\n--limite--\r\n";

        $r = $connection->ask('POST', '/soporte/tickets', $body,
                              'Content-Type' =>
                                  'multipart/form-data; boundary=limite',
                              Accept => 'application/json',
                              Cookie => $cookie, 'Idempotency-Key' => $key);
    }

    return if !$r || $r->{status} != 201;
    return $r->json->{folio};
}


# the lines so far, each [key, folio, digest, digest of the file]

sub acknowledged {
    my ($self) = @_;

    return map { [split / /] } split /\n/, slurp($self->{log});
}


sub count {
    my ($self) = @_;

    return scalar $self->acknowledged;
}


sub stop {
    my ($self) = @_;

    kill 'TERM', @{$self->{pids}};
    waitpid $_, 0 for @{$self->{pids}};
    $self->{pids} = [];

    return $self;
}


sub DESTROY {
    my ($self) = @_;

    kill 'KILL', @{$self->{pids}};
}


# The promise against the table: how many are lost, there twice, altered, and
# an example of each.

sub compare {
    my ($self, $pg) = @_;

    my (%row, %sum);

    push @{$row{$_->{subject}}}, $_ for $pg->rows(<<'END');
SELECT t.subject, t.folio,
       encode(sha256(convert_to(t.description, 'UTF8')), 'hex') AS digest,
       (SELECT encode(sha256(string_agg(p.content, '' ORDER BY p.at)), 'hex')
        FROM soporte.attachment_part p
        WHERE p.tenant = t.tenant AND p.ticket = t.id) AS file
FROM soporte.ticket t
END

    for my $line ($self->acknowledged) {
        my ($key, $folio, $digest, $file) = @$line;
        my @found = @{$row{$key} // []};

        my $wrong = !@found ? 'lost'
                    : @found > 1 ? 'twice'
                    : $found[0]{folio} ne $folio
                      || $found[0]{digest} ne $digest
                      || ($found[0]{file} // '-') ne $file ? 'altered' : next;

        $sum{$wrong}++;
        $sum{example} //= "$wrong: $key $folio";
    }

    $sum{twice} += grep { @$_ > 1 } values %row;

    return join ' ', map({ "$_ " . ($sum{$_} // 0) } qw(lost twice altered)),
                     $sum{example} // ();
}


1;
