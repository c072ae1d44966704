# Prevents feeds that Statuspage's clients can't read, that tell more than the
# policy lets them, that miss an incident or a window, or that say all is well
# when it is not.

use strict;
use warnings;
use utf8;

use JSON::PP ();
use POSIX qw(strftime);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;

my $erp = Soporte::ErpNext->new;

my $nginx = Soporte::Nginx->new(
    vars  => { ERP => $erp->addr },
    files => { 'state.json' => '{"public": ["state"]}',
               'none.json'  => '{"public": ["hours"]}' },
    conf  => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=feeds:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_portal /soporte;
    proxy_set_header Host localhost;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        location / { proxy_pass http://%%ERP%%; }
    }
    server {
        listen 127.0.0.1:%%PORT_STATE%%;
        soporte acme;
        soporte_policy %%PREFIX%%/state.json;
    }
    server {
        listen 127.0.0.1:%%PORT_NONE%%;
        soporte acme;
        soporte_policy %%PREFIX%%/none.json;
    }
    server { listen 127.0.0.1:%%PORT_B%%; soporte otra; }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
    }
}
END

my $addr = $nginx->addr;
my $control = 'unix:' . $nginx->prefix . '/control.sock';
my $r;

sub feed {
    my ($name, $at) = @_;

    $r = get($at // $addr, "/soporte/api/v2/$name.json",
             Host => 'acme.example.mx');
    is($r->{status}, 200, "$name: there");

    return $r->json;
}

sub say_it {
    my ($method, $path, $data, $status) = @_;

    my $answer = request($control, $method, "/v1/tenants/acme/$path",
                         defined $data ? JSON::PP->new->utf8->encode($data)
                                       : undef,
                         'Content-Type' => 'application/json');

    is($answer->{status}, $status // 200, "control: $method $path");

    return $answer->json;
}

sub instant { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + shift)) }

my $when = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/;


# the shapes that the types of statuspage.io 3.1.1 ask for

my @page = qw(id name time_zone updated_at url);
my @component = qw(created_at description group group_id id name
                   only_show_if_degraded page_id position showcase start_date
                   status updated_at);
my @incident = qw(components created_at id impact incident_updates
                  monitoring_at name page_id resolved_at shortlink started_at
                  status updated_at);
my @update = qw(affected_components body created_at custom_tweet
                deliver_notifications display_at id incident_id status
                tweet_id updated_at);

my $f = feed('summary');

is_deeply([sort keys %$f], [qw(components incidents page
                               scheduled_maintenances status x_sla)],
          'summary: its keys and no other');
is_deeply([sort keys %{$f->{page}}], \@page, 'page');
is($f->{page}{url}, 'http://acme.example.mx/soporte/estado',
   'page: the address by which it was asked');
is($f->{page}{time_zone}, 'America/Mexico_City', 'page: its zone');
like($f->{page}{updated_at}, $when, 'page: milliseconds');
is_deeply([sort keys %{$f->{components}[0]}], \@component, 'component');
is_deeply($f->{status}, { indicator => 'none',
                          description => 'All Systems Operational' },
          'nothing was asked yet');
is($r->header('Content-Type'), 'application/json', 'type');
is($r->header('Cache-Control'), 'max-age=10', 'kept for ten seconds');
is_deeply($f->{$_}, [], "no $_") for qw(incidents scheduled_maintenances);

my %keys = ('status' => 'page status', 'components' => 'components page',
            'incidents' => 'incidents page',
            'incidents/unresolved' => 'incidents page',
            'scheduled-maintenances' => 'page scheduled_maintenances',
            'scheduled-maintenances/upcoming' => 'page scheduled_maintenances',
            'scheduled-maintenances/active' => 'page scheduled_maintenances');

is(join(' ', sort keys %{feed($_)}), $keys{$_}, "$_: its keys")
    for sort keys %keys;

is(get($addr, "/soporte/api/v2/$_")->{status}, 404, "no $_")
    for '', 'summary', 'summary.json/', 'x.json', '../estado';
is(request($addr, 'POST', '/soporte/api/v2/status.json', '')->{status}, 405,
   'read only');


# an incident: declared, followed, closed with a note

say_it(PUT => 'incident', { title => 'No timbra', impact => 'major',
                            status => 'investigating',
                            message => '<b>Revisamos</b>' });
say_it(PUT => 'incident', { title => 'No timbra', impact => 'major',
                            status => 'monitoring', message => 'Corregido' });

$f = feed('incidents/unresolved');
my $i = $f->{incidents}[0];

is(@{$f->{incidents}}, 1, 'an incident is open');
is_deeply([sort keys %$i], \@incident, '... in shape');
is("$i->{name} $i->{impact} $i->{status}", 'No timbra major monitoring',
   '... in words');
like($i->{$_}, $when, "... $_") for qw(created_at monitoring_at started_at
                                       updated_at);
is($i->{resolved_at}, undef, '... not resolved');
is($i->{shortlink}, "http://acme.example.mx/soporte/estado#$i->{id}",
   '... with its place on the page');
is(join(' ', map { "$_->{status}:$_->{body}" } @{$i->{incident_updates}}),
   'monitoring:Corregido investigating:<b>Revisamos</b>',
   '... with its timeline, the last word first');
is_deeply([sort keys %{$i->{incident_updates}[0]}], \@update,
          '... each in shape');

my $page = get($addr, '/soporte/estado');
utf8::decode($page->{body});
like($page->{body}, qr/id="\Q$i->{id}\E"/, 'the page has that place');
like($page->{body}, qr/&lt;b&gt;Revisamos/, '... and the timeline, escaped');

is_deeply(feed('incidents', $nginx->addr('B'))->{incidents}, [],
          'another tenant has none of it');
is_deeply(feed('incidents', $nginx->addr('STATE'))->{incidents}, [],
          'nor has who may know the state alone');

say_it(DELETE => 'incident', undef);
is_deeply(feed('incidents/unresolved')->{incidents}, [], 'closed');
$i = feed('incidents')->{incidents}[0];
is($i->{status}, 'resolved', '... and still listed');
like($i->{resolved_at}, $when, '... when');


# a window ahead, in force, over

my $id = say_it(POST => 'maintenances',
                { title => 'Versión 16', starts_at => instant(7200),
                  ends_at => instant(9000) }, 201)->{id};

my ($w) = @{feed('scheduled-maintenances/upcoming')
            ->{scheduled_maintenances}};
is($w->{id}, $id, 'a window ahead');
is("$w->{name} $w->{status} $w->{impact}", 'Versión 16 scheduled maintenance',
   '... in words');
like($w->{$_}, $when, "... $_") for qw(scheduled_for scheduled_until);
is(feed('summary')->{scheduled_maintenances}[0]{id}, $id,
   '... in the summary');
is_deeply(feed('scheduled-maintenances/active')->{scheduled_maintenances}, [],
          '... not in force');
like(get($addr, '/soporte/estado')->{body}, qr/id=plan.*Versi/s,
     '... on the page');

is(request($control, 'DELETE', "/v1/tenants/acme/maintenances/$id")->{status}
   =~ /^20/ ? 1 : 0, 1, 'called off');
is_deeply(feed('scheduled-maintenances')->{scheduled_maintenances}, [],
          '... and not listed');

say_it(PUT => 'maintenance', { title => 'Ahora', ends_at => instant(600) });
$f = feed('summary');
is($f->{status}{indicator}, 'none', 'in maintenance: no incident');
is($f->{components}[0]{status}, 'under_maintenance', '... and said');
is($f->{scheduled_maintenances}[0]{status}, 'in_progress', '... in force');
$r = get($addr, '/soporte/health');
is("$r->{status} " . $r->json->{status}, '200 warn', 'health: warns');
say_it(DELETE => 'maintenance', undef);
is(feed('scheduled-maintenances')->{scheduled_maintenances}[0]{status},
   'completed', 'over');


# health, up and down

is(get($addr, '/app')->{status}, 200, 'the tenant answers') for 1 .. 5;
wait_is(sub { get($addr, '/soporte/health')->json->{status} }, 'pass',
        'health: passes', 20);
$r = get($addr, '/soporte/health');
is("$r->{status} " . $r->header('Content-Type'),
   '200 application/health+json', '... 200');
is_deeply([sort keys %{$r->json}],
          [qw(checks description links output serviceId status version)],
          '... keys that are allowed');
unlike($r->{body}, qr/nginx|127\.0|upstream|0\.1\.0/, '... and no more');

$erp->stop;
wait_is(sub { get($addr, '/app'); get($addr, '/soporte/health')->{status} },
        503, 'health: fails', 30);
is($r->json->{status}, 'pass', 'it was well before');
$f = feed('summary');
is($f->{status}{indicator}, 'critical', 'down: critical');
is($f->{components}[0]{status}, 'major_outage', '... an outage');
is(@{$f->{incidents}}, 1, '... detected');
is($f->{incidents}[0]{impact}, 'critical', '... with its impact');
is($f->{x_sla}{state}, 'down', '... and its state');


# who may know

for my $path (qw(health api/v2/summary.json)) {
    is(get($nginx->addr('NONE'), "/soporte/$path")->{status}, 404,
       "$path: not for all");
}

$f = feed('summary', $nginx->addr('STATE'));
is($f->{x_sla}{$_}, undef, "x_sla: $_ is reserved")
    for qw(month latency_ms backup);
is_deeply(get($nginx->addr('STATE'), '/soporte/health')->json->{checks}, {},
          'health: no figures');

done_testing();
