# Prevents a request that counts for a tenant whose key only looks like its
# own: keys of each length, alike at both ends, in either case, asked again and
# again, so that what a worker remembers of them decides.

use strict;
use warnings;

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;

my $nginx = Soporte::Nginx->new(conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=keys:8m file=%%PREFIX%%/shm;
    soporte_probe off;
    keepalive_requests 100000;

    server {
        listen 127.0.0.1:%%PORT%%;
        soporte $arg_t;
        location / { return 204; }
        location /both { soporte "$arg_t$arg_u"; return 204; }
    }
    server {
        listen 127.0.0.1:%%PORT_M%%;
        location / { soporte_metrics; }
    }
}
END

my (%sent, %expected);

# of each length: alike but for one character at each place, or for the length
for my $n (1 .. 64) {
    my $key = 'k' x $n;

    $expected{$key} = 0;

    for my $at (0, int($n / 3), int($n / 2), $n - 1) {
        substr my $other = $key, $at, 1, 'o';
        $expected{$other} = 0;
    }
}

# nobody's: no key at all
my @none = ('a b', 'a/b', 'k' x 65, 'ü', "k\x00", '_other');

my $c = Soporte::Http->connect($nginx->addr);

sub ask {
    my ($path, $key) = @_;

    $key =~ s/([^\w.-])/sprintf '%%%02x', ord $1/ge;

    my $r = $c->ask('GET', "$path?t=$key");

    return $r && $r->{status} == 204;
}

my $failed = 0;

for my $turn (1 .. 3) {
    for my $key (sort keys %expected) {
        $failed++ if !ask('/', $key);
        $expected{$key}++;
    }

    # as the client may write it
    for my $key (sort keys %expected) {
        next if length $key > 20;
        $failed++ if !ask('/', uc $key) || !ask('/', ucfirst $key)
                     || !ask('/both', $key);
        $expected{$key} += 3;
    }

    # an argument is not decoded: what is escaped is no key
    ask('/', $_) for @none;
}

is($failed, 0, 'each is answered');

my $text = get($nginx->addr('M'), '/metrics/tenants')->{body};
my %counted;

$counted{$1} = $2 while $text =~
    /^soporte_requests_total\{tenant="([^"]+)",result="excluded"\} (\d+)/mg;

my $other = delete $counted{_other};
my @wrong = grep { ($counted{$_} // -1) != $expected{$_} } sort keys %expected;

cmp_ok(scalar(keys %expected), '>', 200, 'many keys');
is("@wrong", '', 'each counted for its own');
is(scalar(keys %counted), scalar(keys %expected), '... and for nobody else');
is($other, 3 * @none, 'what is no key is counted together');

done_testing;
