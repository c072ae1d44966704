package Soporte::Mmdb;

# Writes a MaxMind DB, version 2.0 of the format, of IPv6 with IPv4 below
# ::/96, from networks and what is said of them:
#
#   Soporte::Mmdb::write($path, { '192.0.2.0/24' =>
#       { country => { iso_code => 'MX' } } });

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use Socket qw(AF_INET AF_INET6 inet_pton);

our @EXPORT_OK = qw(mmdb);


# a value of the data section: a hash, a string or a number

sub value {
    my ($v) = @_;

    if (ref $v eq 'HASH') {
        return control(7, scalar keys %$v)
               . join '', map { (value($_), value($v->{$_})) } sort keys %$v;
    }

    if (ref $v eq 'ARRAY') {
        return control(11, scalar @$v) . join '', map { value($_) } @$v;
    }

    # \7 is uint32, \[5, 7] of another type: 5 uint16, 9 uint64

    if (ref $v eq 'SCALAR' || ref $v eq 'REF') {
        my ($type, $n) = ref $v eq 'REF' ? @$$v : (6, $$v);
        my $bytes = pack 'N', $n;

        $bytes =~ s/^\0+//;

        return control($type, length $bytes) . $bytes;
    }

    return control(2, length $v) . $v;
}


sub control {
    my ($type, $size) = @_;

    my $more = '';

    if ($size >= 29) {
        croak 'too long' if $size >= 29 + 256;
        $more = chr($size - 29);
        $size = 29;
    }

    return $type > 7 ? chr($size) . chr($type - 7) . $more
                     : chr($type << 5 | $size) . $more;
}


# the bits of a network

sub bits {
    my ($network) = @_;

    my ($address, $len) = split m{/}, $network;

    return '0' x 96 . substr unpack('B*', inet_pton(AF_INET, $address)), 0,
                             $len // 32
        if $address !~ /:/;

    return substr unpack('B*', inet_pton(AF_INET6, $address)), 0, $len // 128;
}


sub mmdb {
    my ($networks) = @_;

    my @nodes = ([undef, undef]);
    my $data = '';
    my %at;

    for my $network (sort { length bits($a) <=> length bits($b) || $a cmp $b }
                     keys %$networks)
    {
        my $bytes = value($networks->{$network});

        if (!exists $at{$bytes}) {
            $at{$bytes} = length $data;
            $data .= $bytes;
        }

        my @bits = split //, bits($network);
        my $last = pop @bits;
        my $n = 0;

        for my $bit (@bits) {
            my $next = $nodes[$n][$bit];

            # a longer one below a shorter one: what is beside it stays

            if (!defined $next || ref $next) {
                push @nodes, [$next, $next];
                $nodes[$n][$bit] = $#nodes;
            }

            $n = $nodes[$n][$bit];
        }

        $nodes[$n][$last] = [$at{$bytes}];
    }

    my $count = @nodes;
    my $tree = join '', map {
        my $node = $_;
        map { substr pack('N', !defined $_ ? $count
                             : ref $_ ? $count + 16 + $_->[0] : $_), 1 } @$node
    } @nodes;

    return $tree . "\0" x 16 . $data . "\xab\xcd\xefMaxMind.com" . value({
        binary_format_major_version => \[5, 2],
        binary_format_minor_version => \[5, 0],
        build_epoch                 => \[9, 1795752000],
        database_type               => 'Soporte-Test',
        description                 => { en => 'made by a test' },
        ip_version                  => \[5, 6],
        languages                   => ['en'],
        node_count                  => \$count,
        record_size                 => \[5, 24]
    });
}


1;
