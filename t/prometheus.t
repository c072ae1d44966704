# Prevents alerts that never fire: rules that promtool refuses, or that ask for
# a metric that the module does not have.

use strict;
use warnings;

use JSON::PP qw(decode_json);

use Soporte::Process qw(top slurp spew run temp_dir);
use Soporte::Test;

my $top = top();
my $rules = "$top/conf/prometheus/soporte.rules.yml";

sub promtool {
    my ($code, $text) = run('promtool', @_);

    return is($code, 0, "promtool @_[0, 1]") || diag($text);
}

promtool('check', 'rules', $rules);
promtool('check', 'config', "$top/conf/prometheus/prometheus.yml");
promtool('test', 'rules', "$top/t/prometheus/soporte.test.yml");


# the dashboard's queries, as rules

my $board = decode_json(slurp("$top/conf/grafana/soporte.json"));
my @asked = map { $_->{expr} } map { @{$_->{targets}} } @{$board->{panels}};
my $number = 0;

ok(@asked > 9, 'the dashboard asks');

my $file = spew(temp_dir() . '/board.yml', join "\n",
    'groups:', '- name: board', '  rules:',
    map { s/\$__rate_interval/5m/r }
    map { $number++; "  - record: board:query:$number\n    expr: >\n      $_" }
    @asked);

promtool('check', 'rules', $file);


# names: those of core's table, with the suffixes of a histogram

my %known = map { $_ => 1 }
    slurp("$top/ngx_soporte_module/core/ngx_soporte_metrics.c")
    =~ /\{ "(soporte_\w+)"/g;

my $readme = slurp("$top/README.md");

ok(keys %known > 20, 'core has a table');

for my $name (sort keys %known) {
    like($readme, qr/`$name`/, "README.md has $name");
}

my %used = map { $_ => 1 }
    map { s/#.*//r =~ /(?<![\w:])(soporte_\w+)/g }
    split(/\n/, slurp($rules) =~ s/- (?:alert|record|name): .*//gr), @asked;

for my $name (sort keys %used) {
    my $base = $name =~ s/_(?:bucket|sum|count)$//r;

    ok($known{$name} || $known{$base}, "the module has $name");
}

done_testing();
