# Prevents two incidents of one outage, which two nodes saw before one heard of
# the other: two that stay open, that are counted, or that a customer is shown.

use strict;
use warnings;

use JSON::PP qw(decode_json encode_json);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Redis;
use Soporte::Test;

my $pg = Soporte::Postgres->new;
my $redis = Soporte::Redis->new;
my @tenants = qw(acme beta gamma);

my $origin = Soporte::Nginx->new(conf => <<'END')->start;
%%GLOBALS%%
events { }
http { %%HTTP%%
    server { listen 127.0.0.1:%%PORT%%; return 200 good; } }
END


sub node {
    my ($name) = @_;

    return Soporte::Nginx->new(
        vars => { NAME => $name, PG => $pg->conninfo, REDIS => $redis->url,
                  ORIGIN => $origin->addr },
        conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=fleet:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_postgres "%%PG%%" timeout=1s;
    soporte_redis %%REDIS%% timeout=500ms;
    soporte_node %%NAME%%;
    soporte_detect window=1s recover=1s;
    soporte_portal /soporte;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte $arg_t;
        soporte_probe http://%%ORIGIN%%/api/method/ping interval=500ms;
        location / { proxy_pass http://%%ORIGIN%%; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
    }
}
END
}


sub control {
    my ($node, $path) = @_;

    return get('unix:' . $node->prefix . '/control.sock', "/v1/$path")->json;
}

sub state { control($_[0], "tenants/$_[1]")->{state} }

sub states {
    my ($node) = @_;

    return join ' ', map { state($node, $_) } @tenants;
}

sub open_id {
    my ($node, $tenant) = @_;

    return (control($node, "tenants/$tenant")->{incident} // {})->{id} // '';
}

sub ids { join ' ', map { open_id($_[0], $_) } @tenants }

sub feed {
    my ($node, $tenant) = @_;

    return get($node->addr,
               "/soporte/api/v2/incidents.json?t=$tenant")->json->{incidents};
}


my @nodes = map { node($_) } qw(one two);

for my $node (@nodes) {
    get($node->addr, "/?t=$_") for @tenants;
    wait_is(sub { states($node) }, 'up up up', 'up at both', 15);
}


# neither hears of the other while both see it

$redis->process->signal('STOP');
$origin->stop;

for my $node (@nodes) {
    wait_is(sub { states($node) }, 'down down down', 'down at both', 15);
    wait_for(sub { ids($node) =~ /\A\S{36} \S{36} \S{36}\z/ }, 5,
             'incidents on the board');
}

my @first = map { [split ' ', ids($_)] } @nodes;
my @elder;

for my $i (0 .. $#tenants) {
    my ($one, $two) = map { $_->[$i] } @first;

    isnt($one, $two, "$tenants[$i]: each has one of its own");
    push @elder, $one lt $two ? $one : $two;
}


# they hear: the elder ones stand

$redis->process->signal('CONT');

wait_is(sub { ids($_) }, "@elder", 'one of each is left', 20) for @nodes;

my $open = <<'SQL';
    SELECT string_agg(id::text, ' ' ORDER BY tenant)
    FROM soporte.state_incidents
    WHERE tenant <> '@' AND closed_at IS NULL
SQL

wait_is(sub { $pg->value($open) }, "@elder", '... in PostgreSQL, too', 15);
is($pg->value(<<'SQL'), 3, '... which counts no other');
    SELECT count(*) FROM soporte.state_incidents WHERE tenant <> '@'
SQL
is($pg->value(<<'SQL'), 3, '... where the others say what they were');
    SELECT count(*) FROM soporte.incident_update u
    WHERE u.tenant <> '@' AND u.status = 'resolved'
          AND u.message = 'duplicado de ' || (SELECT i.parent::text
                                              FROM soporte.incident i
                                              WHERE i.id = u.incident)
SQL

for my $node (@nodes) {
    is_deeply([map { my $list = feed($node, $_); @$list . " $list->[0]{id}" }
                   @tenants], [map { "1 $_" } @elder],
              'a customer is shown one');
}


# for another node the upstream's is over: not for the one that still sees it

sub outages {
    my ($node) = @_;

    return map { join ' ', $_->{id}, $_->{closed_at} ? 'closed' : 'open',
                 map { $_->{status} } reverse @{$_->{updates}} }
           grep { $_->{title} =~ / at one\z/ }
           @{control($node, 'upstreams')->{upstreams}};
}

my ($word) = grep { /"tenant":"\@"/ && /"title":"\S+ at one"/ }
             split /\n/, join "\n", $redis->command('HVALS', 'soporte:board');
my %said = %{decode_json($word =~ s/^\d+ //r)};
my ($other) = $word =~ /"origin":(\d+)/;

delete $said{updates};
$said{version} += 1 << 12;
$said{origin} = $other + 1;
$said{status} = 'resolved';
$said{closed_at} = $said{updated_at};

is_deeply([outages($nodes[0])], ["$said{id} open investigating"],
          'the upstream\'s is open');
$redis->command('XADD', 'soporte:words', '*', 'node', 'three', 'word',
                encode_json(\%said));
wait_is(sub { join "\n", outages($nodes[0]) },
        "$said{id} open investigating resolved investigating",
        '... is over for another node, and still is the same here', 10);


# it is over: for both, and nobody opens another

$origin->start;

for my $node (@nodes) {
    wait_is(sub { states($node) }, 'up up up', 'up again', 20);
    wait_is(sub { ids($node) }, '  ', '... nothing is open', 20);
}

wait_is(sub { $pg->value($open) // '' }, '', '... in PostgreSQL, too', 15);
is($pg->value(<<'SQL'), 3, '... which knows of one of each');
    SELECT count(*) FROM soporte.state_incidents WHERE tenant <> '@'
SQL

done_testing;
