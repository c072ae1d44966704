# Prevents a contract that is reckoned in three ways: the core in C, the
# functions in PostgreSQL and an independent model in Python say the same of
# each minute and of each month, of the cases in t/vectors and of a thousand
# random ones that nobody has seen before.

use strict;
use warnings;

use Mojo::JSON qw(decode_json encode_json);

use Soporte::Postgres;
use Soporte::Process qw(run top temp_dir);
use Soporte::Test;

my $postgres = Soporte::Postgres->new;
my $boot = '0190a000-0000-7000-8000-000000000001';

my $seed = $ENV{SOPORTE_SEED} // time;
my $random = temp_dir() . '/random.json';
my ($code, $text) = run('/bin/sh', '-c',
                        top() . "/t/tools/gen_sla.py $seed > $random");

is($code, 0, "random cases, seed $seed") or diag($text);

($code, $text) = run(top() . '/build/vectors-sla', $random);
is($code, 0, 'the core agrees with the model') or diag($text);
like($text, qr/^2\d{3} passed, 0 failed/m, '... on two thousand of them');


# a slot of a node as it is filed

sub slot {
    my ($slot, $serving, $more) = @_;

    my $flags = $more | ($serving ? 1 : 0) | ($slot ? 2 : 0);

    $flags |= { ok => 4, fail => 8 }->{$slot->{probe}} if $slot && $slot->{probe};

    return ($flags, map { $slot->{$_} // 0 } qw(good hard soft slow));
}


sub documents {
    my ($case, $minute) = @_;

    my $nodes = $case->{nodes};
    my @more = (0) x 6;

    $more[$_] |= 16 for @{$case->{maintenance_slots} // []};

    for my $kind (['maintenance', 32], ['restore', 64], ['incident', 128]) {
        $more[$_] |= $kind->[1] for @{$case->{held}{$kind->[0]} // []};
    }

    return map {
        my $node = $nodes->[$_];
        my $serving = $case->{serving} ? $case->{serving}[$_]
                                       : [map { defined } @$node];

        my $n = $_;
        my @slots = map { slot($node->[$_], $serving->[$_], $more[$_]) } 0 .. 5;

        # as the module does: good answers alone are six numbers

        @slots = @slots[map { 5 * $_ + 1 } 0 .. 5]
            if !grep { $slots[5 * $_] != 3 || $slots[5 * $_ + 2]
                       || $slots[5 * $_ + 3] || $slots[5 * $_ + 4] } 0 .. 5;

        { node => "n$n", boot => $boot, minute => $minute, served => 0,
          zone => 'UTC', terms => [[999900, 0, undef]],
          rows => [['v', $minute, 0, 'up', \@slots, undef]] }
    } 0 .. $#$nodes;
}


for my $path (top() . '/t/vectors/sla.json', $random) {
    my $name = $path eq $random ? 'random' : 'given';
    my $cases = decode_json(slurp($path));
    my @minutes = @{$cases->{minutes}};
    my $first = int(time / 60) * 60 - 3 * 86400;

    $postgres->do('TRUNCATE soporte.minute_sum, soporte.node_minute,'
                  . ' soporte.tenant, soporte.state_span');

    my @documents = map { documents($minutes[$_], $first + 60 * $_) }
                    0 .. $#minutes;

    is($postgres->value('SELECT sum(soporte.file_minutes(d))'
                        . ' FROM jsonb_array_elements(?) AS e (d)',
                        encode_json(\@documents)), scalar @documents,
       "$name: all minutes are filed");

    my %judged;

    for my $gap (qw(down unknown)) {
        for my $row ($postgres->rows(
            'SELECT (extract(epoch FROM minute)::bigint - ?) / 60 AS n,'
            . ' excluding::int, state, down::int, left_out::int, bad'
            . " FROM soporte.judged_minutes('v', to_timestamp(?),"
            . ' to_timestamp(?), ?)', $first, $first, $first + 60 * @minutes,
            $gap))
        {
            $judged{$gap}[$row->{n}][$row->{excluding}] = $row;
        }
    }

    my @wrong;

    for my $n (0 .. $#minutes) {
        my $case = $minutes[$n];
        my $got = $judged{$case->{gap} // 'down'}[$n];

        my $is = encode_json([map({ [$_->{state}, $_->{down} + 0,
                                     $_->{left_out} + 0] } @$got),
                              defined $got->[1]{bad} ? $got->[1]{bad} + 0
                                                     : undef]);
        my $want = encode_json([$case->{counted}, $case->{excluded},
                                $case->{ratio_ppm}]);

        push @wrong, encode_json($case) . ": $is" if $is ne $want;
    }

    is(scalar @wrong, 0, "$name: PostgreSQL judges all minutes so")
        or diag(join "\n", @wrong > 5 ? @wrong[0 .. 4] : @wrong);

    my @months = $postgres->rows(
        'SELECT f.* FROM jsonb_array_elements(?) WITH ORDINALITY AS e (v, o),'
        . " LATERAL soporte.month_figures((v ->> 'total')::bigint,"
        . " (v ->> 'down')::bigint, (v ->> 'maintenance')::bigint,"
        . " (v ->> 'unknown')::bigint, 999900) f ORDER BY e.o",
        encode_json($cases->{months}));

    @wrong = grep {
        my ($case, $got) = ($cases->{months}[$_], $months[$_]);

        grep { ($got->{$_} // 'null') ne ($case->{$_} // 'null') }
             qw(availability availability_min availability_max verdict
                budget_seconds left_seconds);
    } 0 .. $#months;

    is(scalar @months, scalar @{$cases->{months}}, "$name: all months");
    is(scalar @wrong, 0, "$name: PostgreSQL reckons all months so")
        or diag(encode_json([map { [$cases->{months}[$_], $months[$_]] }
                             @wrong[0 .. ($#wrong > 3 ? 3 : $#wrong)]]));
}

done_testing;
