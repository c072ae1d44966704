# Prevents a list of many tenants that holds the event loop, is torn, or is
# left behind by a client that reads slowly or goes.

use strict;
use warnings;

use JSON::PP ();

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;

my $tenants = 1500;
my $json = JSON::PP->new->utf8;

my $nginx = Soporte::Nginx->new(conf => <<'END')->start;
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%HTTP%%
    soporte_zone zone=t:16m tenants=2000 file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    upstream app { server 127.0.0.1:%%PORT_APP%%; keepalive 16; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:%%PORT%%;
        location /count { soporte $arg_t; proxy_pass http://app; }
        location = /ping { return 200; }
    }
    server { listen 127.0.0.1:%%PORT_APP%%; return 200 "ok\n"; }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
    }
    server {
        listen unix:%%PREFIX%%/hasty.sock;
        send_timeout 1s;
        location / { soporte_control; }
    }
}
END

my $control = 'unix:' . $nginx->prefix . '/control.sock';
my $hasty = 'unix:' . $nginx->prefix . '/hasty.sock';

my @names = map { sprintf 't%05d', $_ } 1 .. $tenants;
my $list = Soporte::Http::bytes('GET', '/v1/tenants');


sub names { join ' ', sort map { $_->{tenant} } @{$_[0]{tenants}} }

# the same of a large body, which JSON::PP takes seconds for

sub told {
    my ($body) = @_;

    return $body =~ /^\{"status":"ok",.*\}\]\}$/s
           ? join ' ', sort $body =~ /\{"tenant":"(t\d+)"/g
           : 'torn';
}


# none yet

my $empty = get($control, '/v1/tenants?state=restore');
like($empty->{body}, qr/^\{"status":"ok",.*,"tenants":\[\]\}$/, 'nobody');


# a request of each, by one connection

my $c = Soporte::Http->connect($nginx->addr);
my $counted = 0;
my @left = @names;

while (my @some = splice @left, 0, 100) {
    $c->send(map { Soporte::Http::bytes('GET', "/count?t=$_") } @some);
    $counted += ($c->response // die 'no answer')->{status} == 200 for @some;
}

is($counted, $tenants, 'a request of each');


# all of them, whole, in pieces

my $r = get($control, '/v1/tenants');
is($r->{status}, 200, 'the list');
is($r->header('Content-Type'), 'application/json', '... is JSON');
is($r->header('Cache-Control'), 'no-store', '... that nobody keeps');
is($r->header('Transfer-Encoding'), 'chunked', '... sent while it is made');
cmp_ok(scalar(() = $r->{raw} =~ /^[0-9a-f]+\r\n/mg), '>', 20, '... in pieces');
my $all = $r->json;
is(names($all) =~ s/^_\S+ //gr, "@names", '... has all, once');
is_deeply([sort keys %$all], [qw(node status tenants version)],
          '... and the node');

my ($one) = grep { $_->{tenant} eq 't00777' } @{$all->{tenants}};
my $same = get($control, '/v1/tenants/t00777')->json;
is_deeply([sort keys %$one, 'maintenances'], [sort keys %$same],
          '... a tenant as its own page has it');
is_deeply($one->{requests}, $same->{requests}, '... with its figures');

is(request($control, 'HEAD', '/v1/tenants')->{body}, '', 'HEAD');

my $old = Soporte::Http->connect($control);
$old->send("GET /v1/tenants HTTP/1.0\r\n\r\n");
$r = $old->response;
is($r->header('Transfer-Encoding'), undef, 'HTTP/1.0: no chunks');
is(told($r->{body}), "@names", '... has all');


# the longest words there are, of all and of one: no step overflows

my %word = (title => '<' x 144, message => '<' x 720);

for my $row (['*/incident', { %word, block => JSON::PP::true }],
             ['t00042/restore', { phase => 'database',
                                  message => $word{message} }])
{
    is(request($control, 'PUT', "/v1/tenants/$row->[0]",
               $json->encode($row->[1]),
               'Content-Type' => 'application/json')->{status} =~ /^20/, 1,
       $row->[0]);
}

$r = get($control, '/v1/tenants?state=restore')->json;
is(names($r), 't00042', 'one by its state');
is($r->{tenants}[0]{incident}{message}, $word{message}, '... in all its words');
is(told(get($control, '/v1/tenants?state=down')->{body}),
   join(' ', grep { $_ ne 't00042' } @names), 'all others by theirs');


# slow: the one worker serves others, what was begun is whole

my $slow = Soporte::Http->connect($control);
$slow->send($list);
$slow->more(time + 10);

is(get($nginx->addr, '/ping')->{status}, 200, "others don't wait for a slow one")
    for 1 .. 3;

$r = $slow->response;
is(told($r->{body}), "@names", '... who gets all');
is($slow->ask('GET', '/v1/healthz')->{status}, 200, '... and asks again');


# gone: in the middle, at once, or never reading

my $gone = Soporte::Http->connect($control);
$gone->send($list);
$gone->more(time + 10);
$gone->close;

$gone = Soporte::Http->connect($control);
$gone->send($list);
$gone->abort;

my $never = Soporte::Http->connect($hasty);
$never->send($list);
ok($nginx->wait_log(qr/client timed out/, 20), 'one that never reads is left');
unlike($never->rest, qr/\r\n0\r\n\r\n$/, '... without an end');

is(told(get($control, '/v1/tenants')->{body}), "@names", 'the next has all');
is($nginx->workers, 1, '... from the same worker');
unlike($nginx->log, qr/exited on signal/, '... that never fell');

done_testing();
