# Prevents a word that is lost, heard twice or said of the wrong tenant: what
# operators say through control, now and ahead, of one and of all.

use strict;
use warnings;

use JSON::PP ();
use POSIX qw(strftime);
use Time::Local qw(timegm);
use Time::HiRes qw(sleep time);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(wait_for);
use Soporte::Test;

my $erp = Soporte::ErpNext->new(sites => { 'acme.test' => 'up' });
my $json = JSON::PP->new->utf8->canonical;

my $conf = <<'END';
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=control:%%SIZE%% file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_portal /soporte;
    proxy_set_header Host acme.test;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        location / { proxy_pass http://%%ERP%%; }
    }
    server {
        listen 127.0.0.1:%%PORT_B%%;
        soporte beta;
        location / { proxy_pass http://%%ERP%%; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
    }
}
END

my $nginx = Soporte::Nginx->new(vars => { ERP => $erp->addr, SIZE => '4m' },
                                workers => 2, conf => $conf)->start;

my $addr = $nginx->addr;
my $control = 'unix:' . $nginx->prefix . '/control.sock';


sub say_it {
    my ($method, $path, $data) = @_;

    return request($control, $method, "/v1/tenants/$path",
                   $data ? $json->encode($data) : undef,
                   'Content-Type' => 'application/json');
}


sub tenant { get($control, '/v1/tenants/' . ($_[0] // 'acme'))->json }

sub at { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0])) }

sub epoch {
    my @t = $_[0] =~ /\d+/g;

    return timegm(@t[5, 4, 3, 2], $t[1] - 1, $t[0]);
}

sub status_of { get($nginx->addr($_[0]), '/app')->{status} }

my $uuid = qr/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;


# maintenance: begins now, is said anew, ends now

my $r = say_it('PUT', 'acme/maintenance', { title => 'Uno' });
is($r->{status}, 200, 'maintenance');
my $first = $r->json;
is($first->{state}, 'maintenance', '... is the state');
my $id = $first->{maintenances}[0]{id};
like($id, $uuid, '... has an id');

$r = say_it('PUT', 'acme/maintenance', { message => 'Dos', ends_at =>
                                         at(3600) })->json;
is($r->{maintenances}[0]{id}, $id, 'said anew, it is the same');
is($r->{maintenance}{started_at}, $first->{maintenance}{started_at},
   '... from the same beginning');
is($r->{maintenance}{title}, '', '... in other words');
cmp_ok($r->{maintenances}[0]{version}, '>',
       $first->{maintenances}[0]{version}, '... with a higher version');
cmp_ok($r->{maintenances}[0]{version}, '<', 2 ** 53, '... that JavaScript has');
is(status_of('B'), 200, 'of one tenant alone');
is(say_it('DELETE', 'acme/maintenance')->{status}, 200, 'ended');
is(say_it('DELETE', 'acme/maintenance')->{status}, 409, '... once');
is(get($addr, '/app')->{status}, 200, '... at once');


# a window: planned, changed, called off

$r = say_it('POST', 'acme/maintenances',
            { title => 'Actualización', starts_at => at(90000),
              ends_at => at(93600) });
is($r->{status}, 201, 'planned: 201');
my $window = $r->json;
like($window->{id}, $uuid, '... its id');
is($r->header('Location'), "/v1/tenants/acme/maintenances/$window->{id}",
   '... Location');
is($window->{title}, 'Actualización', '... its title');
is(get($addr, '/app')->{status}, 200, '... and not yet in force');
is(scalar @{tenant()->{maintenances}}, 1, '... shown with the tenant');

my $path = "acme/maintenances/$window->{id}";
is(get($control, "/v1/tenants/$path")->json->{starts_at},
   $window->{starts_at}, 'GET of it');

$r = say_it('PATCH', $path, { message => 'Con respaldo' });
is($r->{status}, 200, 'changed');
is($r->json->{title}, 'Actualización', '... keeps what is not named');
is($r->json->{announced_at}, $window->{announced_at},
   '... words announce nothing anew');

sleep 1 until at(0) gt $window->{announced_at};
$r = say_it('PATCH', $path, { ends_at => at(93000) })->json;
is($r->{announced_at}, $window->{announced_at}, '... nor does a sooner end');
$r = say_it('PATCH', $path, { ends_at => at(99000) })->json;
cmp_ok($r->{announced_at}, 'gt', $window->{announced_at},
       '... a later one does');

is(say_it('DELETE', $path)->{status}, 200, 'called off');
is(say_it('DELETE', $path)->{status}, 409, '... once');
is(say_it('PATCH', $path, {})->{status}, 409, '... and changed no more');
is_deeply(tenant()->{maintenances}, [], '... gone');

for my $row (
    [{},                                                  qr/"starts_at"/],
    [{ starts_at => 'x' },                                qr/"starts_at"/],
    [{ starts_at => at(-60) },                            qr/ahead/],
    [{ starts_at => at(60), ends_at => at(30) },          qr/"ends_at"/],
    [{ starts_at => at(60), ends_at => at(60) },          qr/"ends_at"/],
    [{ starts_at => at(60), when => 1 },                  qr/unknown.*"when"/],
    [{ starts_at => at(60), title => ['x'] },             qr/"title"/])
{
    $r = say_it('POST', 'acme/maintenances', $row->[0]);
    is($r->{status}, 400, "refused: $row->[1]");
    is($r->header('Content-Type'), 'application/problem+json', '... a problem');
    like($r->json->{detail}, $row->[1], '... that says why');
}

for my $row (
    ['GET',    'acme/maintenance',                405, 'PUT, DELETE'],
    ['POST',   'acme/incident',                   405, 'PUT, DELETE'],
    ['PUT',    'acme/maintenances',               405, 'GET, HEAD, POST'],
    ['DELETE', 'acme/maintenances',               405, 'GET, HEAD, POST'],
    ['PUT',    "acme/maintenances/$window->{id}", 405,
     'GET, HEAD, PATCH, DELETE'],
    ['PUT',    'acme/backup',                     405, 'POST'],
    ['POST',   'acme/why',                        405, 'GET, HEAD'],
    ['PUT',    'acme',                            405, 'GET, HEAD'],
    ['PUT',    'nadie/maintenance',               404],
    ['PUT',    'acme/nada',                       404],
    ['PUT',    'acme/restore/x',                  404],
    ['GET',    'acme/maintenances/x',             404],
    ['GET',    'beta/maintenances/' . $window->{id}, 404],
    ['PATCH',  'acme/maintenances/00000000-0000-4000-8000-000000000000', 404],
    ['GET',    '*/why',                           404])
{
    my ($method, $where, $status, $allow) = @$row;
    $r = say_it($method, $where);
    is($r->{status}, $status, "$method $where: $status");
    is($r->header('Allow'), $allow, '... Allow');
    is($r->json->{status}, $status, '... a problem');
}


# windows begin and end by themselves: two of a tenant, one of all

my $soon = time;
my ($x, $y) = map { say_it('POST', 'acme/maintenances', $_)->json->{id} }
    { title => 'X', starts_at => at(2), ends_at => at(3) },
    { title => 'Y', starts_at => at(3), ends_at => at(5) };

is(get($addr, '/app')->{status}, 200, 'two windows ahead');
wait_for(sub { tenant()->{state} eq 'maintenance' }, 10, 'X to begin');
is(tenant()->{maintenance}{title}, 'X', 'X has begun by itself');
cmp_ok(time, '>=', int($soon) + 2, '... not before its time');
wait_for(sub { (tenant()->{maintenance} // {})->{title} // '' eq 'Y' }, 10,
         'Y to begin');
is(get($addr, '/app')->{status}, 503, 'Y goes on');
wait_for(sub { tenant()->{state} ne 'maintenance' }, 10, 'Y to end');
is(get($addr, '/app')->{status}, 200, 'both are over');
is(say_it('PATCH', "acme/maintenances/$y", {})->{status}, 409, '... for good');

$r = say_it('POST', '*/maintenances', { starts_at => at(2) });
is($r->{status}, 201, 'planned for all');
is($r->json->{tenant}, '*', '... says so');
is(scalar @{tenant('beta')->{maintenances}}, 1, '... each tenant shows it');
is(scalar @{get($control, '/v1/tenants/*/maintenances')->json->{maintenances}},
   1, '... and "*" lists it');
wait_for(sub { tenant('beta')->{state} eq 'maintenance' }, 10, 'all to begin');
is(get($addr, '/app')->{status}, 503, 'all are closed');
is(say_it('PATCH', '*/maintenances/' . $r->json->{id},
          { starts_at => at(60) })->{status}, 400,
   'what has begun is not moved');
is(say_it('DELETE', 'acme/maintenance')->{status}, 409,
   'no tenant ends what holds for all');
is(say_it('DELETE', '*/maintenance')->{status}, 204, '... "*" does');
is(get($addr, '/app')->{status}, 200, '... at once');


# an incident: declared, step by step, then blocking

$r = say_it('PUT', 'acme/incident', { title => 'No imprime', impact =>
                                      'minor', message => 'Lo vimos.' });
is($r->{status}, 200, 'incident');
is($r->json->{incident}{status}, 'investigating', '... its status');
is(get($addr, '/app')->{status}, 200, '... closes nothing');

$r = say_it('PUT', 'acme/incident', { status => 'identified' })->json;
is($r->{incident}{title}, 'No imprime', 'a step keeps the title');
is($r->{incident}{impact}, 'minor', '... and the impact');
is($r->{incident}{message}, '', '... the message was the step before\'s');
is(get($addr, '/soporte/estado.json')->json->{incident}{status},
   'identified', 'estado.json tells of it');
like(get($addr, '/soporte/estado')->{body}, qr/No imprime/, '... so does the page');

$r = say_it('PUT', 'acme/incident', { block => JSON::PP::true, message =>
                                      '<b>Cerramos</b>' });
is($r->json->{state}, 'down', 'blocking: down');
$r = get($addr, '/app');
is($r->{status}, 503, '... and closed');
like($r->{body}, qr/No imprime/, '... says its title');
like($r->{body}, qr/&lt;b&gt;Cerramos/, '... escaped');
like($r->{body}, qr{href="/soporte"}, '... with a way to help');
is(get($addr, '/robots.txt')->{status}, 200, '... robots.txt goes on');
like(get($addr, '/api/x')->json->{_server_messages}, qr/Cerramos/,
     '... the desk hears it');

is(say_it('PUT', 'acme/incident', { status => 'resolved' })->{status}, 200,
   'resolved');
is(get($addr, '/app')->{status}, 200, '... is open');
is(tenant()->{incident}, undef, '... and over');
is(say_it('PUT', 'acme/incident', { status => 'resolved' })->{status}, 409,
   '... once');
is(say_it('DELETE', 'acme/incident')->{status}, 409, '... either way');

for my $row ([{ impact => 'huge' }, qr/"impact"/], [{ status => 1 },
             qr/"status"/], [{ block => 1 }, qr/"block"/],
             [{ phase => 'database' }, qr/unknown.*"phase"/])
{
    $r = say_it('PUT', 'acme/incident', $row->[0]);
    is($r->{status}, 400, "refused: $row->[1]");
    like($r->json->{detail}, $row->[1], '... and why');
}


# a restore: its clock starts with the incident

say_it('PUT', 'acme/incident', { title => 'Disco dañado' });
my $began = tenant()->{incident}{started_at};
sleep 1 until at(0) gt $began;

$r = say_it('PUT', 'acme/restore', { phase => 'locating_backup', backup_at =>
                                     '2026-11-22T09:10:00Z' })->json;
is($r->{state}, 'restore', 'restore');
cmp_ok($r->{restore}{started_at}, 'gt', $began, '... began later');
is(epoch($r->{restore}{deadline_at}), epoch($began) + 7200,
   '... and is due two hours after the first failure');

say_it('PUT', 'acme/restore', { phase => 'database', progress => 12,
                                message => 'Cargando' });
$r = say_it('PUT', 'acme/restore', {})->json->{restore};
is($r->{progress}, 12, 'a heartbeat changes nothing');
is($r->{message}, 'Cargando', '... nothing at all');
$r = say_it('PUT', 'acme/restore', { phase => 'migration' })->json->{restore};
is($r->{progress}, undef, 'another phase has its own progress');
is($r->{backup_at}, '2026-11-22T09:10:00Z', '... the backup is the same');
like(get($addr, '/app')->{body},
     qr/Lo capturado después habrá que volver a capturarlo/,
     'the page says what is lost');
say_it('DELETE', "acme/$_") for qw(restore incident);
is(get($addr, '/app')->{status}, 200, 'open');


# a backup that ended

$r = say_it('POST', 'acme/backup', { part => 'database', bytes => 1000,
                                     finished_at => at(-60), ok =>
                                     JSON::PP::true });
is($r->{status}, 200, 'backup');
is(get($addr, '/soporte/estado.json')->json->{backup}{database}{state},
   'ok', '... is known at once');
is(say_it('POST', '*/backup', { part => 'files' })->{status}, 204,
   'of all tenants');

for my $row ([{}, qr/"part"/], [{ part => 'x' }, qr/"part"/],
             [{ part => 'files', bytes => -1 }, qr/"bytes"/],
             [{ part => 'files', ok => 1 }, qr/"ok"/],
             [{ part => 'files', finished_at => at(60) }, qr/"finished_at"/],
             [{ part => 'files', size => 1 }, qr/unknown/])
{
    $r = say_it('POST', 'acme/backup', $row->[0]);
    is($r->{status}, 400, "refused: $row->[1]");
    like($r->json->{detail}, $row->[1], '... and why');
}


# why: what was said, in order

$r = get($control, '/v1/tenants/acme/why')->json;
my @texts = map { $_->{text} } @{$r->{events}};
like($texts[0], qr/^maintenance began "Uno"|^maintenance began ""/,
     'why: the first word');
ok((grep { /incident began "No imprime"/ } @texts), '... an incident');
ok((grep { /incident ended by an operator/ } @texts), '... its end');
is_deeply([map { $_->{at_ms} } @{$r->{events}}],
          [sort { $a <=> $b } map { $_->{at_ms} } @{$r->{events}}],
          '... in order');


# GET changes nothing, and what was said outlives reload and a larger zone

say_it('PUT', 'acme/incident', { title => 'Queda', message => 'uno' });
say_it('PUT', 'acme/incident', { status => 'identified', message => 'dos' });
say_it('PUT', 'beta/restore', { phase => 'checks', progress => 99 });
say_it('POST', '*/maintenances', { starts_at => at(9000), title => 'Luego' });

my %before = map { $_ => tenant($_) } qw(acme beta);
get($control, $_) for '/v1/tenants', '/v1/healthz', '/v1/tenants/acme/why',
    '/v1/tenants/*/maintenances';

$nginx->{vars}{SIZE} = '8m';
$nginx->conf($conf);
$nginx->reload;

for my $name (qw(acme beta)) {
    my $after = tenant($name);
    delete $_->{requests} for $after, $before{$name};
    is_deeply($after, $before{$name}, "$name is the same after a reload");
}

$nginx->stop;
$nginx->start;

for my $name (qw(acme beta)) {
    my $after = tenant($name);
    delete $_->{requests} for $after, $before{$name};
    is_deeply($after, $before{$name}, "... and after a restart: $name");
}

done_testing;
