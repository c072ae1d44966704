# Prevents a request that counts as what it was not: one case a line, exact
# counts of the application's axis, of the latency and of what the client got,
# and the same word in the access log; over HTTP/1.1 and HTTP/2.
#
# A client that waits for 10 s and leaves, and a clock that is set, are cases of
# t/clock.t.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(SOCK_STREAM SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep time);

use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(free_port run temp_dir);
use Soporte::Test;

my $erp = Soporte::ErpNext->new(sites => { 'acme.test'    => 'up',
                                           'leer.test'    => 'readonly',
                                           'cerrada.test' => 'maintenance' });
my $raw = raw_upstream();
my $full = full_socket();


my $nginx = Soporte::Nginx->new(
    vars => { ERP => $erp->addr, RAW => '127.0.0.1:' . $raw->{port},
              FULL => '127.0.0.1:' . $full->sockport,
              GONE => '127.0.0.1:' . free_port(), CERT => certificate() },
    conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=outcome:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    log_format outcome '$soporte_request_outcome $status $request_time';
    limit_req_zone $uri zone=one:1m rate=1r/m;
    limit_conn_zone $server_name zone=conn:1m;
    proxy_cache_path %%PREFIX%%/cache keys_zone=cache:1m;
    # what counts is looked at, not what it leads to
    soporte_detect failures=255 window=60s;
    proxy_http_version 1.1;
    proxy_set_header Host acme.test;
    proxy_set_header Connection $http_connection;
    proxy_set_header Upgrade $http_upgrade;
    proxy_connect_timeout 200ms;
    proxy_read_timeout 300ms;
    client_header_timeout 300ms;
    client_body_timeout 300ms;
    upstream twice { server %%GONE%% max_fails=0; server %%ERP%% backup; }
    upstream mixed { server %%RAW%%; server %%ERP%% backup; }
    upstream dead { server %%GONE%%; server %%GONE%%; }
    upstream alive { server %%RAW%%; keepalive 4; }

    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%PORT_H2%% http2;
        listen 127.0.0.1:%%PORT_TLS%% ssl http2;
        server_name acme.test;
        access_log %%PREFIX%%/access.log outcome;
        ssl_certificate %%CERT%%; ssl_certificate_key %%CERT%%;
        soporte acme;
        soporte_portal /soporte;
        location / { proxy_pass http://%%ERP%%; }
        location /unbuffered/ { proxy_buffering off;
                                proxy_pass http://%%ERP%%/; }
        location /raw/ { proxy_pass http://%%RAW%%/; }
        location /rawer/ { proxy_buffering off; proxy_pass http://%%RAW%%/; }
        location /alive/ { proxy_set_header Connection "";
                           proxy_pass http://alive/; }

        location /gone { proxy_pass http://%%GONE%%; }
        location /full { proxy_pass http://%%FULL%%; }
        location /name { resolver %%GONE%%; resolver_timeout 200ms;
                         proxy_pass http://$arg_name; }
        location /dead { proxy_pass http://dead; }
        location /retry/ { proxy_next_upstream error;
                           proxy_pass http://twice/; }
        location /mixed/ { proxy_next_upstream http_500;
                           proxy_pass http://mixed/; }

        location /ok200/ { proxy_intercept_errors on; error_page 500 =200 /fine;
                           proxy_pass http://%%ERP%%/; }
        location /page/ { proxy_intercept_errors on; error_page 500 502 /fine;
                          proxy_pass http://%%ERP%%/; }
        location /pagegone { error_page 502 /fine; proxy_pass http://%%GONE%%; }
        location = /fine { return 200 fine; }
        location /other/ { proxy_intercept_errors on; error_page 500 = @other;
                           proxy_pass http://%%ERP%%/; }
        location /othergone { error_page 502 = @other;
                              proxy_pass http://%%GONE%%; }
        location /otherkept { error_page 502 @other;
                              proxy_pass http://%%GONE%%; }
        location @other { proxy_set_header Host acme.test;
                          proxy_set_header X-Stand-In "";
                          rewrite ^ /app break;
                          proxy_pass http://%%ERP%%; }
        location @gone { proxy_pass http://%%GONE%%; }
        location /else/ { proxy_intercept_errors on; error_page 500 @gone;
                          proxy_pass http://%%ERP%%/; }
        location /tried { try_files /no/such @other; }
        location = /moved { rewrite ^ /app last; }

        location /accel { proxy_set_header Host acme.test;
                          proxy_set_header X-Use-X-Accel-Redirect True;
                          proxy_pass http://%%ERP%%/private/files/x.txt; }
        location /protected/ { internal; root %%PREFIX%%/files; }
        location /nofile { proxy_set_header Host acme.test;
                           proxy_set_header X-Use-X-Accel-Redirect True;
                           proxy_pass http://%%ERP%%/private/files/y.txt; }
        location = /protected/private/files/z.txt {
            internal; proxy_pass http://%%GONE%%; }
        location /accelgone { proxy_set_header Host acme.test;
                              proxy_set_header X-Use-X-Accel-Redirect True;
                              proxy_pass http://%%ERP%%/private/files/z.txt; }

        location /auth/ { auth_request /check; mirror /check; mirror /lost;
                          proxy_pass http://%%ERP%%/; }
        location /denied/ { auth_request /deny; proxy_pass http://%%ERP%%/; }
        location /login/ { auth_request /deny; error_page 401 = @other;
                           proxy_pass http://%%ERP%%/; }
        location = /check { internal; access_log off; log_subrequest on;
                            proxy_pass_request_body off;
                            proxy_set_header Host acme.test;
                            proxy_set_header X-Stand-In "";
                            proxy_set_header Content-Length "";
                            proxy_pass http://%%ERP%%/api/method/ping; }
        location = /lost { internal; access_log off; log_subrequest on;
                           proxy_pass http://%%GONE%%; }
        location = /deny { internal; proxy_set_header Host acme.test;
            proxy_set_header Authorization "token x";
            proxy_pass
                http://%%ERP%%/api/method/frappe.auth.get_logged_user; }

        location /limited { limit_req zone=one; proxy_pass http://%%ERP%%/app; }
        location /limitpage { limit_req zone=one; error_page 503 @other;
                              proxy_pass http://%%ERP%%/app; }
        location /limitfine { limit_req zone=one; error_page 503 = @other;
                              proxy_pass http://%%ERP%%/app; }
        location /crowded { limit_conn conn 1; proxy_pass http://%%ERP%%/app; }
        location /crowdfine { limit_conn conn 1; error_page 503 = @other;
                              proxy_pass http://%%ERP%%/app; }

        location /fields { return 431; }
        location /drop { return 444; }
        location /static { return 200 here; }
        location /moveaway { return 301 /app; }
        location /forbidden { deny all; proxy_pass http://%%ERP%%; }
        location /file { root %%PREFIX%%/files; }
        location /small { client_max_body_size 10;
                          proxy_pass http://%%ERP%%/api; }
        location /stream { proxy_request_buffering off;
                           proxy_pass http://%%ERP%%/api; }
        location /patient { proxy_ignore_client_abort on;
                            proxy_pass http://%%ERP%%/app; }

        location /leer/ { proxy_set_header Host leer.test;
                          proxy_pass http://%%ERP%%/; }
        location /cerrada/ { proxy_set_header Host cerrada.test;
                             proxy_pass http://%%ERP%%/; }
        location /cached/ { proxy_cache cache; proxy_cache_valid 200 1m;
            proxy_cache_key $server_protocol$uri; proxy_cache_bypass $http_x_bypass;
            proxy_cache_use_stale error timeout http_500 updating;
            proxy_pass http://%%RAW%%/; }
        location /again/ { proxy_cache cache;
            proxy_cache_key $server_protocol$uri;
            proxy_cache_revalidate on; proxy_pass http://%%RAW%%/; }
        location /behind/ { proxy_cache cache;
            proxy_cache_key $server_protocol$uri;
            proxy_cache_use_stale updating; proxy_cache_background_update on;
            proxy_pass http://%%RAW%%/; }

        location /told/ { soporte_failure http_404 http_429 http_500 http_504;
                          proxy_pass http://%%ERP%%/; }
        location /toldraw/ { soporte_failure invalid_header;
                             proxy_pass http://%%RAW%%/; }
        location /toldgone { soporte_failure timeout;
                             proxy_pass http://%%GONE%%; }
        location /toldfull { soporte_failure timeout;
                             proxy_pass http://%%FULL%%; }
        location /toldpage { soporte_failure http_500; error_page 502 /fine;
                             proxy_pass http://%%GONE%%; }

        location /off { soporte off; proxy_pass http://%%ERP%%/app; }
        location /shut { soporte_maintenance 1; proxy_pass http://%%ERP%%; }
        location /pass { soporte_maintenance 1; soporte_bypass 1;
                         proxy_pass http://%%ERP%%/app; }
        location /dry { soporte_maintenance 1; soporte_dry_run on;
                        proxy_pass http://%%ERP%%/app; }
        location = /metrics { soporte_metrics; }
        location /c/ { soporte_control; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name otra.test;
        soporte otra;
        location / { proxy_pass http://%%ERP%%; }
    }
    server {
        listen 127.0.0.1:%%PORT_CERT%% ssl;
        server_name acme.test;
        access_log %%PREFIX%%/access.log outcome;
        ssl_certificate %%CERT%%; ssl_certificate_key %%CERT%%;
        ssl_client_certificate %%CERT%%; ssl_verify_client on;
        soporte acme;
        location / { proxy_pass http://%%ERP%%; }
    }
    server {
        listen 127.0.0.1:%%PORT_M%%;
        location / { soporte_metrics; }
    }
}
END

my $addr = $nginx->addr;
my $metrics = $nginx->addr('M');

$nginx->file('files/protected/private/files/x.txt', "private\n");
$nginx->file('files/file', "a file\n");


# Upstreams that the stand-in is too well bred to be

sub full_socket {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or die;

    # as many as it takes until a SYN is dropped
    listen $socket, 0 or die;

    for (1 .. 4) {
        push @{${*$socket}{clients}}, IO::Socket::INET->new(
            PeerAddr => '127.0.0.1:' . $socket->sockport, Blocking => 0
        );
    }

    return $socket;
}


# the first word of the path says what it does; a process a connection

sub raw_upstream {
    my $port = free_port();
    my $listen = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port",
                                       Listen => 64, ReuseAddr => 1) or die;
    my $pid = fork // die;

    return { port    => $port,
             process => Soporte::Process->adopt($pid, name => 'raw') } if $pid;

    $SIG{CHLD} = 'IGNORE';
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);

    while (my $socket = $listen->accept // $listen->accept) {
        next if fork // die;

        alarm 20;
        $SIG{PIPE} = 'IGNORE';
        binmode $socket;
        $socket->autoflush;
        1 while raw_answer($socket, ++$raw->{n});
        POSIX::_exit(0);
    }

    POSIX::_exit(0);
}


sub raw_answer {
    my ($socket, $n) = @_;

    my $head = '';

    while ($head !~ /\r\n\r\n/) {
        sysread $socket, $head, 4096, length $head or return;
    }

    my ($method, $word) = $head =~ m{^(\w+) /(\w*)};
    my ($fail) = $head =~ /^X-Fail: (\w+)/mi;

    sleep $1 if $head =~ /^X-Delay: ([\d.]+)/mi;
    return if ($fail // '') eq 'close' || $word eq 'stale' && $n > 1;

    my $ok = 'HTTP/1.1 200 OK';
    my %bytes = (
        ok      => "$ok\r\nContent-Length: 5\r\n\r\n"
                   . ($method eq 'HEAD' ? '' : 'hello'),
        stale   => "$ok\r\nContent-Length: 5\r\n\r\nhello",
        same    => "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        none    => "HTTP/1.1 204 No Content\r\n\r\n",
        eof     => "HTTP/1.0 200 OK\r\n\r\nhello",
        rst     => "HTTP/1.0 200 OK\r\n\r\nhello",
        zero    => "$ok\r\nContent-Length: 5\r\n\r\n",
        stall   => "$ok\r\nContent-Length: 50\r\n\r\nhello",
        more    => "$ok\r\nContent-Length: 5\r\n\r\nhello, world",
        chunks  => "$ok\r\nTransfer-Encoding: chunked\r\n\r\n"
                   . "5\r\nhello\r\n0\r\n\r\n",
        badly   => "$ok\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        half    => "$ok\r\nContent-Len",
        huge    => "$ok\r\nX-Long: " . 'x' x 20000 . "\r\n\r\n",
        failed  => "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops",
        expired => "$ok\r\nX-Accel-Expires: \@1\r\nETag: \"a\"\r\n"
                   . "Content-Length: 5\r\n\r\nhello",
    );

    $word = 'failed' if !$bytes{$word} || ($fail // '') eq '500';
    $word = 'same' if $word eq 'expired' && $head =~ /^If-None-Match:/m;

    print $socket $bytes{$word};

    if ($word eq 'rst') {
        # nginx takes the bytes before the RST overtakes them
        sleep 0.05;
        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    }

    sleep 1 if $word eq 'stall';

    return $word =~ /^(?:ok|stale|same|chunks|failed|expired)$/;
}


sub certificate {
    my $file = temp_dir() . '/cert.pem';
    my ($code, $text) = run(qw(openssl req -x509 -nodes -days 1 -subj /CN=a
                               -newkey ec -pkeyopt ec_paramgen_curve:P-256),
                            '-keyout', $file, '-out', "$file.crt");

    die $text if $code;
    spew($file, slurp($file), slurp("$file.crt"));

    return $file;
}


# What is counted for a tenant: good, hard, soft, excluded, in the histogram,
# and responses to clients, 1xx to 5xx

my @names = (qw(good hard soft excluded latency), map { "${_}xx" } 1 .. 5);

sub counts {
    my ($tenant) = @_;

    $tenant //= 'acme';

    my $text = get($metrics, '/')->{body}
               . get($metrics, "/?tenant=$tenant")->{body};
    my %n;

    $text =~ s/^.*tenant="(?!$tenant").*$//mg;

    $n{$1} = $2
        while $text =~ /^soporte_requests_total\{.*result="(\w+)"\} (\d+)/mg;
    $n{$1} = $2
        while $text =~ /^soporte_tenant_responses_total\{.*="(\dxx)"\} (\d+)/mg;
    ($n{latency}) = $text =~ /^soporte_tenant_request_\w+_count\S+ (\d+)/m;
    ($n{seconds}) = $text =~ /^soporte_upstream_seconds_total\S+ (\S+)/m;

    return \%n;
}


my $log = $nginx->prefix . '/access.log';
my $read = 0;

# lines of the access log since the last call

sub logged {
    my $text = slurp($log);
    my @lines = split /\n/, substr $text, $read;

    $read = length $text;

    return @lines;
}


# The counters move when the log phase is over, that is after the response.

my %sum = map { $_ => 0 } @names;
my ($seconds, $longest);

sub counts_as {
    my ($name, $expected, $latency, $do) = @_;

    my %should = (latency => $latency);
    my @expected = split /, /, $expected;

    for (@expected) {
        my ($outcome, $class) = /^(\w+) (\d)/;
        $should{$outcome}++;
        $should{"${class}xx"}++;
    }

    my $before = counts();
    my $now = $before;

    $do->();

    eval {
        wait_for(sub {
            $now = counts();
            my $n = 0;
            $n += $now->{$_} - $before->{$_} for @names[0 .. 3];
            return $n >= @expected;
        }, 3);
    };

    my @log = logged();

    ($longest) = sort { $b <=> $a } map { (split)[2] } @log;
    @log = map { s/ \S+$//r } @log;

    # what is nobody's is logged, yet not counted
    @log = grep { !/^(?:excluded|-) / } @log if !@expected;

    my $shown = sub {
        my ($of, @lines) = @_;
        return join(', ', sort @lines) . ' | '
               . join ' ', map { "$_ $of->{$_}" } grep { $of->{$_} } @names;
    };

    my %grown = map { $_ => $now->{$_} - $before->{$_} } @names;

    is($shown->(\%grown, @log), $shown->(\%should, @expected), $name);

    $seconds = $now->{seconds} - $before->{seconds};
    $sum{$_} += $should{$_} // 0 for @names;
}


# one request over HTTP/1.1: all that comes back

sub by_hand {
    my ($method, $path, $body, @headers) = @_;

    my $c = Soporte::Http->connect($addr)->timeout(5);

    $c->send(Soporte::Http::bytes($method, $path, $body, @headers,
                                  Connection => 'close'));

    return $c->rest;
}


sub by_curl {
    my ($method, $path, $body, @headers) = @_;

    my @arguments = $method eq 'HEAD' ? '-I' : ('-X', $method);

    push @arguments, '--data-binary', $body if defined $body;

    while (my ($name, $value) = splice @headers, 0, 2) {
        push @arguments, '-H', "$name: $value";
    }

    return curl('--http2-prior-knowledge', '-H', 'Host: acme.test', @arguments,
                'http://' . $nginx->addr('H2') . $path);
}


# name, outcome and status, in the latency, path, X-Stand-In, more

my @json = ('Content-Type' => 'application/json');
my $post = { method => 'POST', body => '{}', headers => \@json };

my @cases = (
    # the application answered
    ['an answer',             'good 200', 1, '/api/method/ping'],
    ['... unbuffered',        'good 200', 1, '/unbuffered/app', 'size=90000'],
    ['... in chunks',         'good 200', 1, '/raw/chunks'],
    ['... chunks unbuffered', 'good 200', 1, '/rawer/chunks'],
    ['... ended by FIN',      'good 200', 1, '/raw/eof'],
    ['... FIN, unbuffered',   'good 200', 1, '/rawer/eof'],
    ['... and more than that', 'good 200', 1, '/raw/more'],
    ['a large one',           'good 200', 1, '/app', 'size=900000'],
    ['HEAD',                  'good 200', 1, '/raw/ok', undef,
     { method => 'HEAD' }],
    ['HEAD, unbuffered',      'good 200', 1, '/rawer/ok', undef,
     { method => 'HEAD' }],
    ['204',                   'good 204', 1, '/raw/none'],
    ['304 with a length',     'good 304', 1, '/raw/same'],
    ['304, unbuffered',       'good 304', 1, '/rawer/same'],
    ['POST',                  'good 200', 1, '/api/x', undef, $post],
    ['302 of the application', 'good 302', 1, '/'],
    map({ ["$_ of the application", "good $_", 1, '/app', "status=$_"] }
        400, 401, 403, 404, 409, 413, 417, 429, 501, 505),
    map({ ["$_ of the application", "soft $_", 1, '/app', "status=$_"] }
        500, 507, 508),
    ['InReadOnlyMode',        'soft 503', 1, '/leer/api/x', undef, $post],
    ['a read in that mode',   'good 200', 1, '/leer/api/x'],

    # it did not: what the client gets is our page then
    map({ ["$_ of the application", "hard 503", 1, '/app', "status=$_"] }
        502, 503, 504),
    ['SessionStopped',        'hard 503', 1, '/cerrada/api/x'],
    ['... as a page',         'hard 503', 1, '/cerrada/app'],
    ['refused',               'hard 503', 0, '/gone'],
    ['a connect timeout',     'hard 503', 0, '/full'],
    ['a read timeout',        'hard 503', 0, '/app', 'hang'],
    ['a name nobody knows',   'hard 503', 0, '/name?name=no.test'],
    ['closed without a word', 'hard 503', 0, '/app', 'close'],
    ['reset without a word',  'hard 503', 0, '/app', 'reset'],
    ['closed in the header',  'hard 503', 0, '/raw/half'],
    ['too large a header',    'hard 503', 0, '/raw/huge'],
    ['no status line',        'hard 009', 1, '/app', 'garbage'],

    # a body cut short
    ['cut',                   'hard 200', 1, '/app', 'cut=200'],
    ['... unbuffered',        'hard 200', 1, '/unbuffered/app', 'cut=200'],
    ['... large',             'hard 200', 1, '/app', 'cut=300000'],
    ['... by RST',            'hard 200', 1, '/app', 'cut=200,reset'],
    ['... RST unbuffered',    'hard 200', 1, '/unbuffered/app',
     'cut=200,reset'],
    ['... in chunks',         'hard 200', 1, '/app', 'cut=200,chunked'],
    ['... chunks unbuffered', 'hard 200', 1, '/unbuffered/app',
     'cut=200,chunked'],
    ['... no byte of it',     'hard 200', 1, '/raw/zero'],
    ['... none, unbuffered',  'hard 200', 1, '/rawer/zero'],
    ['... without a length, by RST', 'hard 200', 1, '/raw/rst'],
    ['... RST of that, unbuffered', 'hard 200', 1, '/rawer/rst'],
    ['... chunks broken',     'hard 200', 1, '/raw/badly'],
    ['... broken, unbuffered', 'hard 200', 1, '/rawer/badly'],
    ['... stalled',           'hard 200', 1, '/raw/stall'],
    ['... stalled unbuffered', 'hard 200', 1, '/rawer/stall'],

    # what the operator makes of it
    ['error_page 500 =200',   'soft 200', 1, '/ok200/app', 'status=500'],
    ['error_page 500 a page', 'soft 500', 1, '/page/app', 'status=500'],
    ['error_page 502 a page', 'hard 503', 0, '/pagegone'],
    ['500 : 200',             'soft 200', 1, '/other/app', 'status=500'],
    ['500 : 502',             'soft 503', 1, '/else/app', 'status=500'],
    ['502 : 200',             'hard 200', 0, '/othergone'],
    ['502 : 200, kept 502',   'hard 502', 0, '/otherkept'],
    ['502, 200',              'good 200', 1, '/retry/app'],
    ['502, 500',              'soft 500', 1, '/retry/app', 'status=500'],
    ['502, cut',              'hard 200', 1, '/retry/app', 'cut=200'],
    ['500, 200',              'good 200', 1, '/mixed/app'],
    ['502, 502',              'hard 503', 0, '/dead'],
    ['no live upstreams',     'hard 503', 0, '/dead'],
    ['try_files',             'good 200', 1, '/tried'],
    ['rewritten',             'good 200', 1, '/moved'],

    # parts of a request
    ['X-Accel-Redirect',      'good 200', 1, '/accel'],
    ['... to no file',        'good 404', 1, '/nofile'],
    ['... to one refused',    'good 503', 1, '/accelgone'],
    ['auth_request, mirrors', 'good 200', 1, '/auth/app'],
    ['... and a failure',     'soft 500', 1, '/auth/app', 'status=500'],
    ['auth_request: no',      'excluded 401', 0, '/denied/app'],
    ['auth_request: login',   'good 200', 1, '/login/app'],
    ['long poll, its begin',  'good 200', 0,
     '/socket.io/?EIO=4&transport=polling'],
    ['long poll, timed out',  'hard 503', 0,
     '/socket.io/?EIO=4&transport=polling&sid=a'],

    # what soporte_failure names is hard, what it does not is soft
    map({ ["soporte_failure: $_", "hard $_", 1, '/told/app', "status=$_"] }
        404, 429, 500),
    ['soporte_failure: 504',  'hard 503', 1, '/told/app', 'status=504'],
    map({ ["soporte_failure: $_ is not", 'soft 503', 1, '/told/app',
           "status=$_"] } 502, 503),
    map({ ["soporte_failure: nor $_", "good $_", 1, '/told/app',
           "status=$_"] } 200, 403, 501),
    ['soporte_failure: refused is not', 'soft 503', 0, '/toldgone'],
    ['... nor with its error page', 'soft 503', 0, '/toldpage'],
    ['... a timeout is',      'hard 503', 0, '/toldfull'],
    ['... a header that does not end', 'hard 503', 0, '/toldraw/half'],
    ['... a body cut short is not', 'soft 200', 1, '/toldraw/zero'],

    # never handed to it
    ['413',                   'excluded 413', 0, '/small', undef,
     { method => 'POST', body => 'x' x 20 }],
    ['431',                   'excluded 431', 0, '/fields'],
    ['444',                   'excluded 444', 0, '/drop'],
    ['a static answer',       'excluded 200', 0, '/static'],
    ['a redirect',            'excluded 301', 0, '/moveaway'],
    ['a file',                'excluded 200', 0, '/file'],
    ['a file that is none',   'excluded 404', 0, '/file/x'],
    ['denied',                'excluded 403', 0, '/forbidden'],
    ['internal',              'excluded 404', 0, '/protected/x'],
    ['our own 503',           'excluded 503', 0, '/shut'],
    ['... of a POST',         'excluded 503', 0, '/shut', undef, $post],
    ['a bypass of it',        'good 200', 1, '/pass'],
    ['a dry run',             'good 200', 1, '/dry'],
    ['the portal',            'excluded 200', 0, '/soporte'],
    ['estado.json',           'excluded 200', 0, '/soporte/estado.json'],
    ['no page of the portal', 'excluded 404', 0, '/soporte/nada'],
    ['metrics',               'excluded 200', 0, '/metrics'],
    ['control',               'excluded 200', 0, '/c/v1/healthz'],
    ['soporte off',           '',             0, '/off'],
);

for my $version (1, 2) {
    my $ask = $version == 1 ? \&by_hand : \&by_curl;

    for my $row (@cases) {
        my ($name, $expected, $latency, $path, $words, $more) = @$row;
        my @headers = @{$more->{headers} // []};

        push @headers, 'X-Stand-In' => $words if defined $words;

        counts_as("HTTP/$version: $name", $expected, $latency, sub {
            $ask->($more->{method} // 'GET', $path, $more->{body}, @headers);
        });
    }
}


# the client's doing

sub leaves {
    my ($path, $words, $seconds, $bytes) = @_;

    my $c = Soporte::Http->connect($addr);

    $c->send(Soporte::Http::bytes('GET', $path, undef, Host => 'acme.test',
                                  'X-Stand-In' => $words), $bytes // '');
    sleep $seconds // 0.05;
    $c->abort;
}

counts_as('leaves at once', 'excluded 499', 0, sub {
    leaves('/app', 'delay=0.2');
});
counts_as('leaves at once, HTTP/2', 'excluded 499', 0, sub {
    curl('--http2-prior-knowledge', '-H', 'X-Stand-In: delay=0.6',
         '--max-time', 0.2, 'http://' . $nginx->addr('H2') . '/app');
});
counts_as('leaves a long poll', 'excluded 499', 0, sub {
    leaves('/socket.io/?EIO=4&transport=polling&sid=a', 'delay=0.2');
});
counts_as('leaves before a refusal comes to it', 'good 200', 1, sub {
    leaves('/patient', 'delay=0.2');
});
counts_as('leaves in the body', 'good 200', 1, sub {
    leaves('/app', 'size=8000000', 0.3);
});
counts_as('leaves in the body, unbuffered', 'good 200', 1, sub {
    leaves('/unbuffered/app', 'size=8000000', 0.3);
});

for my $path ('/small', '/stream') {
    my $begin = "POST $path HTTP/1.1\r\nHost: acme.test\r\n";

    counts_as("stops in its upload: $path", 'excluded 408', 0, sub {
        my $c = Soporte::Http->connect($addr);
        $c->send($begin, "Content-Length: 9\r\n\r\nx");
        $c->rest;
    });
    counts_as("leaves in its upload: $path", 'excluded 400', 0, sub {
        my $c = Soporte::Http->connect($addr);
        $c->send($begin, "Content-Length: 9\r\n\r\nx");
        sleep 0.05;
        $c->abort;
    });
    counts_as("a broken chunk: $path", 'excluded 400', 0, sub {
        my $c = Soporte::Http->connect($addr);
        $c->send($begin, "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\nzz\r\n");
        $c->rest;
    });
}

counts_as('413 in chunks', 'excluded 413', 0, sub {
    by_hand('POST', '/small', "14\r\n" . 'x' x 20 . "\r\n0\r\n\r\n",
            'Transfer-Encoding' => 'chunked');
});

counts_as('a slow reader', 'good 200', 1, sub {
    my $c = Soporte::Http->connect($addr);
    $c->send(Soporte::Http::bytes('GET', '/app', undef, Host => 'acme.test',
                                  'X-Stand-In' => 'size=9000000'));
    sleep 0.7;
    is(length($c->response->{body}), 9000000, 'a slow reader gets it all');
    $c->close;
});
cmp_ok($longest, '>', 0.6, '... took so long');
cmp_ok($seconds, '<', 0.4, '... of which the upstream took little');

counts_as('two at once on one connection', 'good 200, good 200', 2, sub {
    my $c = Soporte::Http->connect($addr);
    $c->send(Soporte::Http::bytes('GET', '/app', undef, Host => 'a') x 2);
    $c->response;
    is($c->response->{status}, 200, 'pipelined');
    $c->close;
});

counts_as('two streams, one after the other', 'good 200, good 200', 2, sub {
    my $url = 'https://' . $nginx->addr('TLS') . '/app';
    my $r = curl('--http2', '-H', 'X-Stand-In: delay=0.25', $url, '--next',
                 '-k', '--http2', '-sS', '-w', '%{num_connects}', '-o',
                 '/dev/null', $url);
    is($r->{version}, '2.0', 'two streams: HTTP/2');
    like($r->{body}, qr/0\z/, '... of one connection');
});
cmp_ok($seconds, '>', 0.2, 'a stream begins');
cmp_ok($seconds, '<', 0.45, '... with itself, not with its connection');

# a frame of HTTP/2: type, flags, stream, payload

sub frame {
    my ($type, $flags, $stream, $payload) = @_;

    return pack('CnCCN', 0, length $payload, $type, $flags, $stream) . $payload;
}


# HEADERS of a GET, without a table of its own (RFC 7541, 6.2.2)

sub stream_begins {
    my ($stream, $path, $words) = @_;

    my $text = sub { chr(length $_[0]) . $_[0] };

    return frame(1, 5, $stream, "\x82\x86\x04" . $text->($path)
                 . "\x01" . $text->('acme.test')
                 . "\x00" . $text->('x-stand-in') . $text->($words));
}

my $reset = 50;

counts_as('HTTP/2 rapid reset', join(', ', ('excluded 499') x $reset), 0, sub {
    my $c = Soporte::Http->connect($nginx->addr('H2'));

    $c->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(4, 0, 0, ''),
             map { (stream_begins(2 * $_ + 1, '/app', 'delay=2'),
                    frame(3, 0, 2 * $_ + 1, pack 'N', 8)) } 0 .. $reset - 1);
    sleep 0.2;
    $c->close;
});

counts_as('... and its connection closed', 'excluded 499, excluded 499', 0,
          sub {
    my $c = Soporte::Http->connect($nginx->addr('H2'));

    $c->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(4, 0, 0, ''),
             map { stream_begins($_, '/app', 'delay=2') } 1, 3);
    sleep 0.1;
    $c->abort;
});

counts_as('HTTP/0.9', 'good 200', 1, sub {
    my $c = Soporte::Http->connect($addr);
    $c->send("GET /app\r\n");
    like($c->rest, qr/^<!DOCTYPE html>/, 'HTTP/0.9: an answer');
});

counts_as('HTTP/1.0 without Host', 'good 200', 1, sub {
    my $c = Soporte::Http->connect($addr);
    $c->send("GET /app HTTP/1.0\r\n\r\n");
    $c->rest;
});


# a WebSocket counts at its handshake; its life is no latency, its end nothing

my $socket = Soporte::Http->connect($addr);

counts_as('a WebSocket', '', 0, sub { });

my $before = counts();

$socket->send("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
              . "Host: acme.test\r\nUpgrade: websocket\r\n"
              . "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              . "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
is($socket->response->{status}, 101, 'a WebSocket: the handshake');
wait_is(sub { counts()->{good} - $before->{good} }, 1, '... is good at once');

my $began = time;

like($socket->rest, qr/"sid"/, '... talks');
cmp_ok(time - $began, '<', 2, '... and ends by its idle timeout');
wait_is(sub { (logged())[0] =~ s/ \S+$//r }, 'good 101', '... is logged');

my $after = counts();
is($after->{$_} - $before->{$_}, { good => 1, '1xx' => 1, latency => 1 }->{$_}
   // 0, "... its end counts nothing: $_") for @names;
cmp_ok($after->{seconds} - $before->{seconds}, '<', 0.2,
       '... the latency is the handshake\'s');
$sum{$_}++ for qw(good 1xx latency);


# limits

for my $row (['/limited',   'excluded 503'], ['/limitpage', 'excluded 503'],
             ['/limitfine', 'excluded 200'])
{
    my ($path, $expected) = @$row;

    counts_as("the first of a limit: $path", 'good 200', 1, sub {
        by_hand('GET', $path);
    });
    counts_as("limit_req refuses: $path", $expected, 0, sub {
        by_hand('GET', $path);
    });
}

for my $row (['/crowded', 503], ['/crowdfine', 200]) {
    my ($path, $status) = @$row;

    counts_as("limit_conn: $path", "good 200, excluded $status", 1, sub {
        my $c = Soporte::Http->connect($addr);
        $c->send(Soporte::Http::bytes('GET', $path, undef, Host => 'acme.test',
                                      'X-Stand-In' => 'delay=0.2'));
        sleep 0.05;
        by_hand('GET', $path);
        $c->response;
        $c->close;
    });
}


# a cache

for my $row (
    ['MISS',              'good 200',     1, '/cached/ok'],
    ['HIT',               'excluded 200', 0, '/cached/ok'],
    ['HIT, nobody there', 'excluded 200', 0, '/cached/ok', 'X-Fail', 'close'],
    ['HIT, HEAD',         'excluded 200', 0, '/cached/ok', 'HEAD'],
    ['BYPASS',            'good 200',     1, '/cached/ok', 'X-Bypass', 1],
    ['BYPASS, refused',   'hard 503',     0, '/cached/ok', 'X-Bypass', 1,
     'X-Fail', 'close'],
    ['MISS, expires',     'good 200',     1, '/cached/expired'],
    ['EXPIRED',           'good 200',     1, '/cached/expired'],
    ['STALE, closed',     'hard 200',     0, '/cached/expired', 'X-Fail',
     'close'],
    ['STALE, timed out',  'hard 200',     0, '/cached/expired', 'X-Delay', 0.5],
    ['STALE, 500',        'soft 200',     1, '/cached/expired', 'X-Fail', 500],
    ['MISS, with a tag',  'good 200',     1, '/again/expired'],
    ['REVALIDATED',       'good 200',     1, '/again/expired'],
    ['EXPIRED, failed',   'soft 500',     1, '/again/expired', 'X-Fail', 500],
    ['MISS, for later',   'good 200',     1, '/behind/expired'],
    ['STALE, updated in the background', 'excluded 200', 0, '/behind/expired'],
    ['... in vain',       'excluded 200', 0, '/behind/expired', 'X-Fail', 500])
{
    my ($name, $expected, $latency, $path, @headers) = @$row;
    my $method = @headers % 2 ? shift @headers : 'GET';

    counts_as("HTTP/1 cache: $name", $expected, $latency, sub {
        by_hand($method, $path, undef, @headers);
    });
    counts_as("HTTP/2 cache: $name", $expected, $latency, sub {
        by_curl($method, $path, undef, @headers);
    });
}

counts_as('cache: UPDATING', 'good 200, excluded 200', 1, sub {
    my $c = Soporte::Http->connect($addr);
    $c->send(Soporte::Http::bytes('GET', '/cached/expired', undef,
                                  Host => 'acme.test', 'X-Delay' => 0.2));
    sleep 0.05;
    by_hand('GET', '/cached/expired');
    $c->response;
    $c->close;
});


# a connection kept for too long: asked again, unless that may do harm

counts_as('a kept connection', 'good 200', 1, sub {
    by_hand('GET', '/alive/stale');
});
counts_as('... closed by the upstream: 502, 200', 'good 200', 1, sub {
    by_hand('GET', '/alive/stale');
});
counts_as('... for a POST: 502', 'hard 503', 0, sub {
    by_hand('POST', '/alive/stale', 'x=1');
});


# never a tenant's, though its server is the default one

for my $row (
    ['no header yet',      "GET / HTTP/1.1\r\nHost: a", 1],
    ['a bad Host',         "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
    ['two Hosts',          "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
    ['no Host',            "GET / HTTP/1.1\r\n\r\n"],
    ['nonsense',           "nonsense\r\n\r\n"],
    ['TLS without TLS',    "\x16\x03\x01\x00\x05xxxxx"],
    ['a bad header',       "GET / HTTP/1.1\r\nHost: a\r\na\x00b: c\r\n\r\n"],
    ['a bad path',         "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"],
    ['414',                'GET /' . 'a' x 9000 . " HTTP/1.1\r\n\r\n"],
    ['a long header, 494', "GET / HTTP/1.1\r\nHost: a\r\nA: " . 'a' x 9000
                           . "\r\n\r\n"],
    ['505',                "GET / HTTP/3.0\r\nHost: a\r\n\r\n"],
    ['a length of words',  "POST /app HTTP/1.1\r\nHost: a\r\n"
                           . "Content-Length: many\r\n\r\n"],
    ['no request',         ''])
{
    my ($name, $bytes, $waits) = @$row;

    counts_as("nobody's: $name", '', 0, sub {
        my $c = Soporte::Http->connect($addr)->timeout(2);
        $c->send($bytes);
        $c->rest if length $bytes;
        $c->close;
    });
}

counts_as('nobody\'s: 497', '', 0, sub {
    is(get($nginx->addr('TLS'), '/app')->{status}, 400, 'HTTP to HTTPS');
});
counts_as('nobody\'s: 496', '', 0, sub {
    is(curl('https://' . $nginx->addr('CERT') . '/app')->{status}, 400,
       'no certificate');
});
counts_as('over TLS', 'good 200', 1, sub {
    curl('https://' . $nginx->addr('TLS') . '/app');
});


# Host in any case finds its server

counts_as('another tenant\'s', '', 0, sub {
    for my $host ('otra.test', 'OTRA.Test', 'otra.test:80', 'otra.test.') {
        by_hand('GET', '/app', undef, Host => $host);
    }
});
wait_is(sub { counts('otra')->{good} }, 4, 'counted for the other');


# nothing was counted late, and not too little was asked

sleep 0.3;

my $now = counts();
is($now->{$_}, $sum{$_}, "all in all: $_") for @names;
is(counts('_other')->{$_}, 0, "and for nobody: $_") for @names[0 .. 3];

cmp_ok($sum{good}, '>', 100, 'so many were good');
cmp_ok($sum{hard}, '>', 60, '... hard');
cmp_ok($sum{soft}, '>', 15, '... soft');
cmp_ok($sum{excluded}, '>', 50, '... excluded');

done_testing;
