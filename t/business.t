# Prevents two answers to when a reply is due: what agents see in PostgreSQL
# is reckoned from the intervals that nginx writes, and equals what the core
# says of the same calendars, over random instants, amounts and pauses.

use strict;
use warnings;

use JSON::PP qw(encode_json decode_json);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(top run temp_dir);
use Soporte::Test;

my $pg = Soporte::Postgres->new;
my $year = (gmtime)[5] + 1900;

# the same rules for nginx and for build/vectors-hours

my @calendars = (
    { id => 'oficina', tz => 'America/Mexico_City',
      weekly => { map { $_ => [['09:00', '14:00'], ['15:30', '18:00']] }
                  qw(mon tue wed thu fri) },
      dates  => { "$year-12-24" => [['09:00', '12:00']],
                  "$year-12-12" => [] },
      closed => [["$year-07-01T10:00", "$year-07-03T12:00"]],
      extra  => [["$year-12-26T10:00", "$year-12-26T13:00"]] },
    { id => 'noche', tz => 'America/New_York',
      weekly => { sat => [['22:00', '30:00']], sun => [['22:00', '27:30']] },
      dates => {}, closed => [], extra => [] },
    { id => 'frontera', tz => 'America/Tijuana',
      weekly => { map { $_ => [['01:30', '03:15'], ['08:00', '20:00']] }
                  qw(mon tue wed thu fri sat sun) },
      dates => {}, closed => [], extra => [] },
    { id => 'siempre', tz => 'Etc/UTC',
      weekly => { map { $_ => [['00:00', '24:00']] }
                  qw(mon tue wed thu fri sat sun) },
      dates => {}, closed => [], extra => [] }
);


sub block {
    my ($c) = @_;

    my @lines = "timezone $c->{tz};";

    for my $day (sort keys %{$c->{weekly}}) {
        push @lines, map { "hours $day $_->[0]-$_->[1];" }
                         @{$c->{weekly}{$day}};
    }

    for my $date (sort keys %{$c->{dates}}) {
        my @ranges = map { "$_->[0]-$_->[1]" } @{$c->{dates}{$date}};

        push @lines, "date $date " . (@ranges ? "@ranges" : 'closed') . ';';
    }

    push @lines, map { "closed $_->[0] $_->[1];" } @{$c->{closed}};
    push @lines, map { "open $_->[0] $_->[1];" } @{$c->{extra}};

    return "soporte_calendar $c->{id} {\n" . join("\n", @lines) . "\n}\n";
}


my $nginx = Soporte::Nginx->new(
    workers => 2,
    vars    => { PG => $pg->conninfo, CALENDARS => join '', map { block($_) }
                                                            @calendars },
    files   => { 'policy.json' => encode_json({
        form => { min_seconds => 0 },
        categories => [map { {
            id => $_, title => { es => $_ }, answer => { es => 'x' },
            included => JSON::PP::true, queue => 'q', response_minutes => 120
        } } qw(uso)]
    }) },
    conf    => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=business:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_postgres "%%PG%%";
    soporte_portal /soporte;
    soporte_policy %%PREFIX%%/policy.json;
    %%CALENDARS%%
    soporte_hours oficina;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; }
    server { listen 127.0.0.1:%%PORT_N%%; soporte nocturna;
             soporte_hours noche; }
}
END

# five with "mx", one a second

wait_is(sub { $pg->value('SELECT count(*) FROM soporte.calendar') }, 5,
        'nginx writes its calendars', 30);

is($pg->value("SELECT string_agg(name, ' ') FROM soporte.calendar
               WHERE by_default"), 'oficina', 'the one of the level http');
is($pg->value("SELECT soporte.calendar_of('nocturna')"), 'noche',
   'a tenant has its own');
is($pg->value("SELECT soporte.calendar_of('acme')"), 'oficina', '... or that');
is($pg->value("SELECT soporte.calendar_of('nobody')"), 'oficina',
   '... as one that was never seen');
cmp_ok($pg->value("SELECT extract(epoch FROM until_at - from_at) / 86400
                   FROM soporte.calendar WHERE name = 'oficina'"), '>=', 1199,
       '1,200 days');

# random questions, answered by SQL, checked by the core

srand 1974;

my (@cases, @sla);
my $now = time;


sub instant { $now + int(rand 500 * 86400) - 250 * 86400 }


sub pauses {
    my ($t) = @_;

    my @pauses;

    for (1 .. int rand 4) {
        my $from = $t + int(rand 14 * 86400) - 86400;

        push @pauses, [$from, $from + int rand 3 * 86400];
    }

    push @pauses, [$t + int(rand 20 * 86400), undef] if rand() < 0.1;

    return \@pauses;
}


sub multirange {
    my ($pauses) = @_;

    return '{' . join(',', map {
        my @at = map { defined $_ ? $pg->value('SELECT to_timestamp(?)', $_)
                                  : '' } @$_;
        $at[0] eq $at[1] ? () : qq(["$at[0]",) . ($at[1] eq '' ? ')'
                                                             : qq("$at[1]"\)))
    } @$pauses) . '}';
}


for my $c (@calendars) {
    for my $k (1 .. 60) {
        my $t = instant();
        my (@add, @between);

        for my $minutes (0, 1, int rand 600, int rand 6000) {
            my $due = $pg->value('SELECT extract(epoch FROM
                soporte.business_due(?, to_timestamp(?), ?))::bigint',
                $c->{id}, $t, 60 * $minutes);

            push @add, [$minutes, 0 + $due] if defined $due;
        }

        for my $until ($t - 5, $t, $t + int rand 86400,
                       $t + int rand 30 * 86400)
        {
            push @between, [$until, 0 + $pg->value(
                'SELECT soporte.business_elapsed(?, to_timestamp(?),
                 to_timestamp(?))', $c->{id}, $t, $until)];
        }

        my ($state) = $pg->rows("SELECT
            (SELECT extract(epoch FROM i.closes_at)::bigint
             FROM soporte.calendar_interval i WHERE i.calendar = c.name
             AND i.opens_at <= x.t AND i.closes_at > x.t
             AND i.closes_at < c.until_at) AS until,
            EXISTS (SELECT FROM soporte.calendar_interval i
             WHERE i.calendar = c.name
             AND i.opens_at <= x.t AND i.closes_at > x.t)::int AS open,
            (SELECT extract(epoch FROM min(i.opens_at))::bigint
             FROM soporte.calendar_interval i
             WHERE i.calendar = c.name AND i.opens_at > x.t) AS next
            FROM soporte.calendar c, (SELECT to_timestamp(?)) AS x (t)
            WHERE c.name = ?", $t, $c->{id});

        push @cases, { cal => $c->{id}, t => $t, add => \@add,
                       between => \@between, end => $state->{until},
                       next_open => $state->{next},
                       open => $state->{open} ? JSON::PP::true
                                              : JSON::PP::false };

        next if $k % 3;

        my $pauses = pauses($t);
        my $range = multirange($pauses);
        my $minutes = int rand 3000;
        my $due = $pg->value('SELECT extract(epoch FROM soporte.business_due(
            ?, to_timestamp(?), ?, ?::tstzmultirange))::bigint', $c->{id}, $t,
            60 * $minutes, $range);

        my @elapsed = map { [$_, 0 + $pg->value(
            'SELECT soporte.business_elapsed(?, to_timestamp(?),
             to_timestamp(?), ?::tstzmultirange)', $c->{id}, $t, $_, $range)]
        } $t + int rand 86400, $t + int rand 20 * 86400;

        push @sla, { cal => $c->{id}, t => $t, minutes => $minutes,
                     pauses => $pauses, elapsed => \@elapsed,
                     due => defined $due ? 0 + $due : undef };
    }
}

my $file = temp_dir() . '/business.json';
my $n = 0;

$n += @{$_->{add}} + @{$_->{between}} for @cases;
$n += 1 + @{$_->{elapsed}} for @sla;


# what was bound to a statement became a string

sub number {
    my ($v) = @_;

    return [map { number($_) } @$v] if ref $v;
    return defined $v ? 0 + $v : undef;
}


for my $case (@cases, @sla) {
    $case->{$_} = number($case->{$_})
        for grep { exists $case->{$_} }
            qw(t add between end next_open minutes pauses due elapsed);
}

spew($file, encode_json({ format => 1, calendars => \@calendars,
                          cases => \@cases, sla => \@sla }));

my ($code, $text) = run(top() . '/build/vectors-hours', $file);
my ($passed, $failed) = $text =~ /^(\d+) passed, (\d+) failed/m;

is($failed, 0, "$n answers of SQL are the core's") or diag $text;
cmp_ok($passed // 0, '>=', @cases + @sla, '... each was asked');
cmp_ok($n, '>', 1500, '... and they were many');

# beyond what is known is no answer

is($pg->value("SELECT soporte.business_due('oficina', now(), 100000000)"),
   undef, 'beyond the table: NULL');
is($pg->value("SELECT soporte.business_elapsed('oficina',
                   now() - interval '500 days', now())"), undef, '... both ways');
is($pg->value("SELECT soporte.business_due('nothing', now(), 60)"), undef,
   'no such calendar');

# a ticket: the portal's promise is SQL's

my $r = post_json($nginx->addr, '/soporte/tickets', {
    subject => 'No abre', description => 'Desde las nueve.',
    category => 'uso', email => 'ana@acme.test'
});

is($r->{status}, 201, 'a ticket with a promise') or diag $r->{body};
wait_is(sub { $pg->value('SELECT count(*) FROM soporte.ticket') }, 1,
        'in PostgreSQL', 20);

is($pg->value("SELECT reply_due = soporte.business_due('oficina',
                   date_trunc('second', filed_at), 7200)
               FROM soporte.ticket"), 1, 'due by both');

my ($row) = $pg->rows('SELECT calendar, waited, left_of_it
                       FROM soporte.agent_queue');

is($row->{calendar}, 'oficina', 'the queue names the calendar');
like($row->{waited}, qr/^00:0\d:\d\d/, '... what was waited');
like($row->{left_of_it}, qr/^0[12]:\d\d:\d\d/, '... and what is left');

# while the customer is waited for, the clock stands still

$pg->do("UPDATE soporte.ticket SET status = 'waiting'");
is($pg->value('SELECT count(*) FROM soporte.ticket_pause
               WHERE until_at IS NULL'), 1, 'a pause begins');
$pg->do("UPDATE soporte.ticket SET status = 'open'");
is($pg->value('SELECT count(*) FROM soporte.ticket_pause
               WHERE until_at >= from_at'), 1, '... and ends');

$pg->do("UPDATE soporte.ticket_pause SET from_at = now() - interval '90 days',
         until_at = NULL");
$pg->do("UPDATE soporte.ticket SET filed_at = now() - interval '60 days'");
is($pg->value('SELECT waited FROM soporte.agent_queue'), '00:00:00',
   'nothing was waited in a pause');

# written again by the next leader: the same, not twice

my $sum = 'SELECT count(*) || \' \' || sum(extract(epoch FROM closes_at
           - opens_at)) FROM soporte.calendar_interval
           WHERE opens_at > now()::date - 390 AND closes_at < now()::date
           + 790';
my $before = $pg->value($sum);

$nginx->reload('gone');
$pg->do("UPDATE soporte.calendar SET node = 'before'");
wait_is(sub { $pg->value("SELECT count(*) FROM soporte.calendar
                          WHERE node <> 'before'") }, 5,
        'the next leader writes them, too', 30);
is($pg->value($sum), $before, '... and nothing is there twice');

done_testing();
