# Prevents a Redis that is strange, slow, closed to us or an impostor from
# harming anything: a request, a word, the log, the end of nginx.

use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP qw(encode_json);
use Time::HiRes qw(time);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(free_port temp_dir own);
use Soporte::Redis;
use Soporte::Test;

my $conf = <<'END';
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=fleet:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_redis %%REDIS%%;
    soporte_node %%NAME%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        location / { root %%PREFIX%%; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
        location /metrics { soporte_metrics; }
    }
}
END


sub node {
    my ($name, $redis, %option) = @_;

    return Soporte::Nginx->new(vars => { NAME => $name, REDIS => $redis },
                               conf => $conf, %option)->start;
}


sub control {
    my ($node, $method, $path, $body) = @_;

    return request('unix:' . $node->prefix . '/control.sock', $method,
                   "/v1/tenants/$path", $body && encode_json($body),
                   'Content-Type' => 'application/json');
}


sub title {
    my ($node) = @_;

    my $m = control($node, 'GET', 'acme')->json->{maintenance};

    return $m ? $m->{title} // '' : '-';
}


sub up {
    my ($node) = @_;

    my $r = request('unix:' . $node->prefix . '/control.sock', 'GET',
                    '/metrics');

    return $r->{body} =~ /^soporte_store_up\{store="redis"\} (\d)$/m
           ? $1 : 'none';
}


# a password: by a file, by the URL and a user; over a unix socket

my $redis = Soporte::Redis->new(config => [
    '--requirepass', 'geheim', '--user', 'nodo',
    qw(on >geheim-n ~soporte:* +@hash +@stream +@scripting +hello +auth
       +select +ping +time)
]);

my $dir = temp_dir();
my $file = spew("$dir/password", "geheim\n");

chmod 0600, $file;
own($file);

my $url = $redis->url;
my $by_user = $url =~ s{//}{//nodo:geheim%2Dn@}r;

my $tcp = node('tcp', "$url password_file=$file");
my $unix = node('unix', 'unix:' . $redis->dir
                        . "/redis.sock?db=0 password_file=$file");
my $user = node('user', $by_user);
my $none = node('none', $url);
my $wrong = node('wrong', $url =~ s{//}{//:wrong@}r);

wait_is(sub { up($tcp) }, 1, 'by a password file');
wait_is(sub { up($unix) }, 1, 'by a unix socket');
wait_is(sub { up($user) }, 1, 'by a user who may do no more than is said');
$none->wait_log(qr/stands alone: the server refused: NOAUTH/, 5);
$wrong->wait_log(qr/stands alone: the server refused: WRONGPASS/, 5);
is(up($none), 0, 'without a password: away');
is(up($wrong), 0, 'with a wrong one: away');

control($tcp, 'PUT', 'acme/maintenance', { title => 'uno' });
wait_is(sub { title($unix) }, 'uno', 'a word arrives by the socket');
wait_is(sub { title($user) }, 'uno', '... and as that user');
control($user, 'PUT', 'acme/maintenance', { title => 'dos' });
wait_is(sub { title($tcp) }, 'dos', '... which may tell words, too');
is(title($wrong), '-', 'and not without');

for my $node ($tcp, $unix, $user, $none, $wrong) {
    unlike($node->log, qr/geheim/, 'no password in the log');
    ok($node->stop, 'stopped');
}


# another prefix is another fleet

$redis = Soporte::Redis->new;

my $a = node('a', $redis->url . ' prefix=a:');
my $b = node('b', $redis->url . ' prefix=b:');

wait_is(sub { up($a) }, 1, 'a fleet');
wait_is(sub { up($b) }, 1, 'and another');
control($a, 'PUT', 'acme/maintenance', { title => 'a' });
wait_is(sub { $redis->command('HLEN', 'a:board') }, 1, 'a word of one');
is($redis->command('EXISTS', 'b:board'), 0, '... is not in the other');


# read-only for a while, as after a failover

$redis->command('REPLICAOF', '127.0.0.1', free_port());
control($a, 'PUT', 'acme/maintenance', { title => 'de solo lectura' });
$a->wait_log(qr/stands alone: the server refused: [A-Z]+/, 5);
is(up($a), 0, 'read-only: away');
$redis->command('REPLICAOF', 'NO', 'ONE');
wait_is(sub { up($a) }, 1, 'and back', 5);
wait_is(sub { $redis->command('HGETALL', 'a:board')
              =~ /de solo lectura/ ? 1 : 0 }, 1, 'the word was not lost', 5);

$_->stop for $a, $b;


# an impostor: each connection gets another kind of nonsense

my $port = free_port();
my $script = spew("$dir/impostor", <<'END');
use IO::Socket::INET;
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = 'IGNORE';
my ($port) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port",
    Listen => 64, ReuseAddr => 1) or die "$port: $!";
my @lines = ("+OK\r\n+PONG\r\n", "HTTP/1.1 200 OK\r\n\r\n", "*2147483647\r\n",
    "\$9223372036854775807\r\n", "-LOADING x\r\n-LOADING x\r\n",
    ">2\r\n+message\r\n+x\r\n", "+OK\r\n+PONG\r\n+X\r\n", "\0" x 1000,
    "+OK\r\n+PONG\r\n*2\r\n*0\r\n*1\r\n", "*1\r\n" x 20, "+", "");
my $n = 0;
while (my $c = $server->accept) {
    my $line = $lines[$n % @lines];
    my $way = int($n++ / @lines) % 4;
    next if fork;
    sysread $c, my $asked, 65536;
    syswrite $c, $line;
    if ($line =~ /PONG/) {
        sysread $c, $asked, 65536;
        syswrite $c, ("*2\r\n:1\r\n:2\r\n", "*0\r\n*1\r\n:5\r\n",
                      "*0\r\n*2\r\n\$1\r\nx\r\n\$1\r\ny\r\n", "")[$way];
    }
    if ($way == 1) { sysread $c, $asked, 1 }
    if ($way == 2) { for (1 .. 2000) { syswrite $c, 'x' x 65536 or last } }
    if ($way == 3) { sleep 1 }
    exit;
}
END

my $impostor = Soporte::Process->start(command => ['perl', $script, $port],
                                       log => "$dir/impostor.log");
wait_for(sub { IO::Socket::INET->new("127.0.0.1:$port") }, 10, 'the impostor');

my $node = node('n', "redis://127.0.0.1:$port timeout=100ms");
my $title;
my $slow = 0;
my $bad = 0;

for my $i (1 .. 60) {
    my $start = time;

    $title = "t$i";
    $bad++ if control($node, 'PUT', 'acme/maintenance',
                      { title => $title })->{status} != 200
              || get($node->addr, '/x')->{status} != 503;

    my $took = time - $start;
    $slow = $took if $took > $slow;

    select undef, undef, undef, 0.1;
}

is($bad, 0, 'every word and every request is answered');
cmp_ok($slow, '<', 1, '... at once');
is(title($node), $title, 'the last word stands');
is(() = $node->log =~ /stands alone/g, 1, 'the log says it once');
$node->wait_log(qr/stands alone/, 1);

my $start = time;
ok($node->stop, 'nginx ends');
cmp_ok(time - $start, '<', 1.5, '... at once');
$impostor->stop('KILL');

done_testing();
