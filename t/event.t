# Prevents an incident, a window or a restore that history does not know of:
# events outlast a disk that refuses, a database that is away, and the end of
# the worker that filed them.

use strict;
use warnings;

use JSON::PP qw(encode_json);
use Time::HiRes qw(time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Test;

my $pg = Soporte::Postgres->new;

my $nginx = Soporte::Nginx->new(vars => { PG => $pg->conninfo }, workers => 2,
                                conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=event:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_postgres "%%PG%%" timeout=1s;
    soporte_node uno;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; return 200; }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
        location /metrics { soporte_metrics; }
    }
}
END

my $control = 'unix:' . $nginx->prefix . '/control.sock';
my $spool = $nginx->prefix . '/spool/spool';


sub say_ {
    my ($method, $path, $body) = @_;

    return request($control, $method, "/v1/tenants/$path",
                   encode_json($body // {}),
                   'Content-Type' => 'application/json')->{status};
}


sub metric {
    my ($name) = @_;

    return get($control, '/metrics')->{body} =~ /^\Q$name\E (\S+)$/m
           ? $1 : undef;
}


sub counted { $pg->value("SELECT count(*) FROM soporte.$_[0]") }


# each word and each step, once

is(say_('PUT', 'acme/incident', { title => 'Red', message => 'Lo vemos' }),
   200, 'an incident');
is(say_('PUT', 'acme/incident', { status => 'identified', message => 'Fue' }),
   200, '... and a word about it');
is(say_('DELETE', 'acme/incident'), 200, '... and its end');

wait_is(sub { $pg->value("SELECT string_agg(status, ' ' ORDER BY version)
                          FROM soporte.incident_update") },
        'investigating identified resolved', 'in PostgreSQL, step by step');
is_deeply([$pg->rows('SELECT tenant, source, title, status, node,
                             closed_at >= opened_at AS closed
                      FROM soporte.incident')],
          [{ tenant => 'acme', source => 'operator', title => 'Red',
             status => 'resolved', node => 'uno', closed => 1 }],
          'as it stands in the end');

# the calendar's table is one, too

cmp_ok(metric('soporte_events_total{result="filed"}'), '>=', 6, 'counted');


# the disk refuses: they wait, in the worker, and the log says so once

chmod 0500, "$spool/tmp" or die;

is(say_('PUT', 'acme/maintenance', { title => "t$_" }), 200,
   'a word while the disk refuses') for 1 .. 3;

$nginx->wait_log(qr/events can't be spooled, they wait: mkdir\S* .*tmp/, 5);
is(counted('maintenance'), 0, 'nothing of it is known');
is(metric('soporte_events_total{result="lost"}'), 0, '... nor lost');

chmod 0700, "$spool/tmp" or die;

wait_is(sub { $pg->value('SELECT title FROM soporte.maintenance') }, 't3',
        'it takes them again', 15);
cmp_ok(() = $nginx->log =~ /can't be spooled/g, '<=', 2,
       'each worker said it once');
like($nginx->log, qr/events are spooled again/, '... and that it is over');


# the worker ends while events wait

chmod 0500, "$spool/tmp" or die;
say_('DELETE', 'acme/maintenance');
$nginx->wait_log(qr/can't be spooled/, 5);
chmod 0700, "$spool/tmp" or die;

$nginx->reload(1);
wait_is(sub { $pg->value('SELECT count(*) FROM soporte.maintenance
                          WHERE ends_at <= now()') }, 1,
        'an end told just before a reload', 15);


# workers are killed while events wait in them: who leads next files them again

chmod 0500, "$spool/tmp" or die;
say_('PUT', 'acme/incident', { title => 'Muerte', message => 'uno' });
say_('PUT', 'acme/incident', { message => 'dos' });
$nginx->wait_log(qr/can't be spooled/, 5);

my %old = map { $_ => 1 } $nginx->workers;

$nginx->signal('KILL', keys %old);
wait_for(sub { grep({ !$old{$_} } $nginx->workers) == 2 }, 10,
         'new workers');
chmod 0700, "$spool/tmp" or die;

wait_is(sub { $pg->value("SELECT string_agg(u.message, ' ' ORDER BY u.version)
                          FROM soporte.incident i
                               JOIN soporte.incident_update u
                               ON u.incident = i.id
                          WHERE i.title = 'Muerte'") }, 'uno dos',
        'words of killed workers', 20);
$nginx->allow_log(qr/exited on signal 9/);


# the database is away

$pg->stop;
say_('PUT', 'acme/restore', { phase => 'database', progress => $_ })
    for 10, 20, 30;
say_('DELETE', 'acme/restore');
wait_for(sub { my @left = glob "$spool/{new,sending}/*"; @left >= 8 }, 5,
         'the events in the spool');
$nginx->kill_all;
unlink $nginx->prefix . '/control.sock';
$pg->start;
$nginx->start;

wait_is(sub { $pg->value("SELECT string_agg(progress::text, ' '
                                            ORDER BY version)
                          FROM soporte.restore_update") }, '10 20 30 30',
        'all steps, after the database and nginx were gone', 20);
is(counted('restore'), 1, 'of one restore');
is(counted('ticket_reject'), 0, 'nothing was refused');
wait_is(sub { scalar(() = glob "$spool/{new,sending,dead}/*") }, 0,
        'the spool is empty');

done_testing();
