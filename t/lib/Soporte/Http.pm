package Soporte::Http;

# HTTP by hand: a test decides every byte that is sent and sees every byte
# that comes back.  curl() is for HTTP/2 and TLS.
#
#   my $r = get($nginx->addr, '/soporte', Host => 'acme.example.mx');
#   my $c = Soporte::Http->connect('unix:/path');  $c->send("GET / ...");
#
# A response is a hash: status, version, reason, headers ([name, value], ...),
# body, raw; header(name) gives one value, json() the decoded body.

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use Socket qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

use Soporte::Process qw(run);

our @EXPORT = qw(get post_form post_json post_parts parts request curl);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;


# address: host:port, port or unix:/path

sub connect {
    my ($class, $addr) = @_;

    my $socket = $addr =~ /^unix:(.*)/
        ? IO::Socket::UNIX->new(Peer => $1)
        : IO::Socket::INET->new(
              PeerAddr => $addr =~ /:/ ? $addr : "127.0.0.1:$addr",
              Timeout  => 5
          );

    croak "connect to $addr: $@ $!" if !$socket;

    binmode $socket;
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1 if $addr !~ /^unix:/;

    return bless { socket => $socket, buffer => '', timeout => 10 }, $class;
}


sub timeout {
    my ($self, $seconds) = @_;

    $self->{timeout} = $seconds;

    return $self;
}


sub socket { $_[0]{socket} }


# true if all was taken

sub send {
    my ($self, @bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';

    my $bytes = join '', @bytes;
    my $end = time + $self->{timeout};

    while (length $bytes) {
        return if !IO::Select->new($self->{socket})->can_write($end - time);

        my $n = syswrite $self->{socket}, $bytes;
        return if !$n;

        substr $bytes, 0, $n, '';
    }

    return 1;
}


# One more piece into the buffer: its length, 0 at the end, undef when the
# time is over or the connection was reset.

sub more {
    my ($self, $end) = @_;

    my $left = $end - time;

    return if $left < 0
              || !IO::Select->new($self->{socket})->can_read($left);

    return sysread $self->{socket}, $self->{buffer}, 65536,
                   length $self->{buffer};
}


# The next response, undef if none came whole in time.  head: it answers a
# HEAD request, so it has no body.  Interim responses are skipped, and kept in
# {interim}.

sub response {
    my ($self, %option) = @_;

    my $end = time + $self->{timeout};
    my (@interim, $r);

    do {
        push @interim, $r if $r;

        until ($self->{buffer} =~ /\r\n\r\n/) {
            $self->more($end) or return;
        }

        $self->{buffer} =~ s/^(.*?\r\n)\r\n//s;
        $r = parse_head($1) or return;

    } while ($r->{status} < 200 && $r->{status} != 101);

    $r->{interim} = \@interim;

    return $r if $option{head} || $r->{status} =~ /^(?:101|204|304)$/;

    return $self->body($r, $end);
}


sub parse_head {
    my ($head) = @_;

    my ($first, @lines) = split /\r\n/, $head;
    my ($version, $status, $reason) =
        $first =~ m{^HTTP/(\d\.\d) (\d{3})(?: (.*))?$} or return;

    return bless {
        raw     => "$head\r\n",
        version => $version,
        status  => $status,
        reason  => $reason // '',
        headers => [map { [/^([^:]*):[ \t]*(.*?)[ \t]*$/] } @lines],
        body    => ''
    }, 'Soporte::Http::Response';
}


sub body {
    my ($self, $r, $end) = @_;

    my $length = $r->header('Content-Length');

    if (($r->header('Transfer-Encoding') // '') =~ /chunked/i) {
        while (1) {
            my $size = $self->until_match(qr/^([0-9a-fA-F]+)[^\r\n]*\r\n/, $end)
                // return;
            my $chunk = $self->take(hex($size) + 2, $end) // return;

            $r->{raw} .= "$size\r\n$chunk";
            last if hex $size == 0;
            $r->{body} .= substr $chunk, 0, -2;
        }

    } elsif (defined $length) {
        $r->{body} = $self->take($length, $end) // return;
        $r->{raw} .= $r->{body};

    } else {
        1 while $self->more($end);
        $r->{body} = $self->{buffer};
        $r->{raw} .= $r->{body};
        $self->{buffer} = '';
    }

    return $r;
}


sub until_match {
    my ($self, $pattern, $end) = @_;

    # the match is in the block that returns it: $1 ends with a loop

    while (1) {
        return $1 if $self->{buffer} =~ s/$pattern//;
        $self->more($end) or return;
    }
}


sub take {
    my ($self, $length, $end) = @_;

    while (length $self->{buffer} < $length) {
        $self->more($end) or return;
    }

    return substr $self->{buffer}, 0, $length, '';
}


# all that comes until the other side closes (or the time is over)

sub rest {
    my ($self) = @_;

    my $end = time + $self->{timeout};

    1 while $self->more($end);

    my $bytes = $self->{buffer};
    $self->{buffer} = '';

    return $bytes;
}


# true once the other side has closed, within the seconds

sub closed {
    my ($self, $seconds) = @_;

    my $n = $self->more(time + ($seconds // $self->{timeout}));

    return defined $n && $n == 0 || defined $n == 0 && $!{ECONNRESET};
}


sub close {
    my ($self) = @_;

    CORE::close($self->{socket});
}


# leaves with a RST

sub abort {
    my ($self) = @_;

    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    CORE::close($self->{socket});
}


# The bytes of a request.  Host and Content-Length are added unless given; a
# header whose value is undef is left out.

sub bytes {
    my ($method, $path, $body, @headers) = @_;

    my %given = map { lc $headers[$_] => 1 } grep { $_ % 2 == 0 } 0 .. $#headers;

    unshift @headers, Host => 'localhost' if !$given{host};
    push @headers, 'Content-Length' => length $body
        if defined $body && !$given{'content-length'}
           && !$given{'transfer-encoding'};

    my $bytes = "$method $path HTTP/1.1\r\n";

    while (my ($name, $value) = splice @headers, 0, 2) {
        $bytes .= "$name: $value\r\n" if defined $value;
    }

    return "$bytes\r\n" . ($body // '');
}


# one request on this connection

sub ask {
    my ($self, $method, $path, $body, @headers) = @_;

    $self->send(bytes($method, $path, $body, @headers));

    return $self->response(head => $method eq 'HEAD');
}


# one request on a connection of its own

sub request {
    my ($addr, $method, $path, $body, @headers) = @_;

    my $self = __PACKAGE__->connect($addr);

    return $self->ask($method, $path, $body, @headers, Connection => 'close');
}


sub get {
    my ($addr, $path, @headers) = @_;

    return request($addr, 'GET', $path, undef, @headers);
}


# fields: array of name => value in their order, decoded characters

sub post_form {
    my ($addr, $path, $fields, @headers) = @_;

    my @pairs;

    my @fields = @$fields;

    while (my @pair = splice @fields, 0, 2) {
        for my $text (@pair) {
            utf8::encode($text);
            $text =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ge;
        }

        push @pairs, join '=', @pair;
    }

    return request($addr, 'POST', $path, join('&', @pairs),
                   'Content-Type' => 'application/x-www-form-urlencoded',
                   @headers);
}


sub post_json {
    my ($addr, $path, $data, @headers) = @_;

    return request($addr, 'POST', $path, $json->encode($data),
                   'Content-Type' => 'application/json', @headers);
}


# The body of multipart/form-data and its type.  Fields: array of name => value
# in their order, characters; a file is [filename, bytes, type].

sub parts {
    my ($fields) = @_;

    my $boundary = '----SoporteTest' . int rand 1e9;
    my $body = '';
    my @fields = @$fields;

    while (my ($name, $value) = splice @fields, 0, 2) {
        my $head = qq(Content-Disposition: form-data; name="$name");
        my $bytes = $value;

        if (ref $value) {
            $head .= qq(; filename="$value->[0]");
            $head .= "\r\nContent-Type: $value->[2]" if defined $value->[2];
            $bytes = $value->[1];

        } else {
            utf8::encode($bytes);
        }

        utf8::encode($head);
        $body .= "--$boundary\r\n$head\r\n\r\n$bytes\r\n";
    }

    return ("$body--$boundary--\r\n",
            "multipart/form-data; boundary=$boundary");
}


sub post_parts {
    my ($addr, $path, $fields, @headers) = @_;

    my ($body, $type) = parts($fields);

    return request($addr, 'POST', $path, $body, 'Content-Type' => $type,
                   @headers);
}


# The last response that curl saw, with any of its arguments; its exit code is
# in {exit}, what it said in {error}.

sub curl {
    my @arguments = @_;

    my ($code, $text) = run('curl', '-q', '-sS', '-k', '-i', '--max-time', 20,
                            '--noproxy', '*', @arguments);

    my $r;

    while ($text =~ s{^(HTTP/\d(?:\.\d)? \d{3}.*?\r\n)\r\n}{}s) {
        my $head = $1;
        $head =~ s{^HTTP/(\d) }{HTTP/$1.0 };
        $r = parse_head($head);
    }

    $r //= bless { status => 0, headers => [] }, 'Soporte::Http::Response';

    $r->{exit} = $code;
    $r->{$code ? 'error' : 'body'} = $text;

    return $r;
}


package Soporte::Http::Response;


# all values of a header

sub values {
    my ($self, $name) = @_;

    return map { $_->[1] } grep { lc $_->[0] eq lc $name }
           @{$self->{headers}};
}


# the first one, undef if there is none

sub header {
    my ($self, $name) = @_;

    return ($self->values($name))[0] // undef;
}


sub json {
    my ($self) = @_;

    return $json->decode($self->{body});
}


1;
