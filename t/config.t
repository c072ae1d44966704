# Prevents a mistake in nginx.conf that is found only in production: nginx -t
# refuses each in a line that names the value, the file and the line, lets what
# is right pass in silence, and leaves no trace.

use strict;
use warnings;

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(run top);
use Soporte::Test;

my $zone = 'soporte_zone zone=t:4m;';

my $nginx = Soporte::Nginx->new(files => {
    'broken.json'  => qq({\n  "contact": {"phone": "1" "tel": 2}\n}\n),
    'twice.json'   => qq({"version": 1,\n "version": 1}\n),
    'field.json'   => qq({"contact": {"email": "nobody"}}\n),
    'item.json'    => qq({"categories": [{"id": "a b"}]}\n),
    'words.json'   => qq({"promises": 1}\n),
    'list.json'    => qq([]\n),
    'empty.json'   => '',
    'open.html'    => "<p>\n{{#state}}\n<p>\n",
    'close.html'   => "<p>\n\n{{/state}}\n",
    'name.html'    => "<p>\n{{}}\n",
    'tag.html'     => "{{state\n",
    'partial.html' => "<p>\n{{>nowhere}}\n",
    'within.html'  => "<p>{{>other}}",
    'other.html'   => "\n\n{{#a}}{{/b}}\n",
    'style.html'   => "<style>{{x}}</style>\n",
    'script.html'  => "<script>never closed",
    'latin.html'   => "<p>\n\xf3\n",
    'large.html'   => 'x' x 262145,
    'good.html'    => '<p>{{tenant.key}}',
    'good.json'    => '{"contact": {"phone": "55 1234 5678"}}',
    'service'      => "[tickets]\nhost=%%PREFIX%%\nuser=nobody\n",
    'map'          => "acme 1;\n"
});

$ENV{LC_ALL} = 'C';


# A case is an included file, so that its lines have known numbers: that of
# the mistake ends with "#!".

sub check {
    my ($http, $events) = @_;

    (my $case = $http) =~ s/ *#!$//mg;

    $nginx->file('case.conf', "$case\n");
    $nginx->conf("%%GLOBALS%%\nevents { " . ($events // '') . " }\n"
                 . "http {\n%%HTTP%%\ninclude %%PREFIX%%/case.conf;\n}\n");

    return $nginx->check;
}


sub refused {
    my ($name, $http, $words) = @_;

    my $line = () = ($http =~ /^(.*?)#!/s ? $1 : $http) =~ /\n/g;
    my $place = quotemeta($nginx->prefix . '/case.conf:' . ($line + 1));
    my ($code, $said) = check($http);

    is($code, 1, "refused: $name");
    like($said, qr/^nginx: \[emerg\] [^\n]*$words[^\n]* in $place\b/m,
         "... what and where: $name");
    is(() = $said =~ /\[(?:emerg|alert|crit|error)\]/g, 1,
       "... in one line: $name");
}


for my $row (

    # the zone

    ['an unknown parameter', 'soporte_zone zone=t:4m size=3; #!',
     qr/invalid parameter "size=3"/],
    ['a zone without a size', 'soporte_zone zone=t; #!',
     qr/invalid zone "zone=t"/],
    ['a zone of no size', 'soporte_zone zone=t:; #!', qr/invalid zone "zone=t:"/],
    ['a zone without a name', 'soporte_zone zone=:4m; #!',
     qr/invalid zone "zone=:4m"/],
    ['a zone that is a path', 'soporte_zone zone=a/b:4m; #!',
     qr{invalid zone "zone=a/b:4m"}],
    ['a zone by no name', 'soporte_zone tenants=3; #!',
     qr/"soporte_zone" must have "zone=NAME:SIZE"/],
    ['a zone too small', 'soporte_zone zone=t:64k; #!',
     qr/zone "t" is too small: 8 tenants need \d+k/],
    ['a zone too small for its tenants',
     'soporte_zone zone=t:1m tenants=10000; #!',
     qr/zone "t" is too small: 10000 tenants need \d+k/],
    ['a zone too large', 'soporte_zone zone=t:2000m; #!',
     qr/zone "t" is too large/],
    ['no tenants', 'soporte_zone zone=t:4m tenants=0; #!',
     qr/invalid number of tenants in "tenants=0"/],
    ['tenants by word', 'soporte_zone zone=t:4m tenants=many; #!',
     qr/invalid number of tenants in "tenants=many"/],
    ['two zones', "$zone\nsoporte_zone zone=u:4m; #!",
     qr/"soporte_zone" directive is duplicate/],
    ['a zone in a server', "server {\n$zone #!\n}",
     qr/"soporte_zone" directive is not allowed here/],

    # tenants

    ['a tenant without a zone', "server {\nsoporte acme; #!\n}",
     qr/"soporte_zone" is missing/],
    ['a tenant by variable without a zone',
     "server {\nlocation / {\nsoporte \$host; #!\n}\n}",
     qr/"soporte_zone" is missing/],
    ['metrics without a zone', "server { location / {\nsoporte_metrics; #!\n} }",
     qr/"soporte_zone" is missing/],
    ['a portal without a zone', "\nsoporte_portal /soporte; #!",
     qr/"soporte_zone" is missing/],
    ['a portal in a location without a zone',
     "server { location / {\nsoporte_portal; #!\n} }",
     qr/"soporte_zone" is missing/],
    ['a tenant with a blank', "$zone server {\nsoporte 'a b'; #!\n}",
     qr/invalid tenant "a b"/],
    ['a tenant with a slash', "$zone server {\nsoporte a/b; #!\n}",
     qr{invalid tenant "a/b"}],
    ['a tenant of 65', "$zone server {\nsoporte " . 'a' x 65 . "; #!\n}",
     qr/invalid tenant "a{65}"/],
    ['a tenant without a name', "$zone server {\nsoporte ''; #!\n}",
     qr/invalid tenant ""/],
    ['a tenant that is ours', "$zone server {\nsoporte _x; #!\n}",
     qr/invalid tenant "_x"/],
    ['two tenants', "$zone server {\nsoporte a;\nsoporte b; #!\n}",
     qr/"soporte" directive is duplicate/],

    # policies

    ['a policy that is not there',
     "$zone\nsoporte_policy none.json; #!",
     qr{policy "\S+/none\.json" can't be opened: No such file or directory}],
    ['a policy that is a directory', "$zone\nsoporte_policy .; #!",
     qr/policy "\S+" is not a file/],
    ['a policy that is no JSON', "$zone\nsoporte_policy broken.json; #!",
     qr{"\S+/broken\.json", line 2, column 32: }],
    ['a policy with a key twice', "$zone\nsoporte_policy twice.json; #!",
     qr{"\S+/twice\.json", line 2, column \d+: duplicate key}],
    ['an empty policy', "$zone\nsoporte_policy empty.json; #!",
     qr{"\S+/empty\.json", line 1, column \d+: }],
    ['a policy that is a list', "$zone\nsoporte_policy list.json; #!\nserver { }",
     qr{policy "\S+/list\.json": .*object}],
    ['a bad field', "$zone\nsoporte_policy field.json; #!\nserver { }",
     qr{policy "\S+/field\.json": contact\.email: }],
    ['a bad field, by server',
     "$zone\nserver { }\nserver {\nsoporte_policy field.json; #!\n}",
     qr{policy "\S+/field\.json": contact\.email: }],
    ['a bad category', "$zone\nsoporte_policy item.json; #!\nserver { }",
     qr{policy "\S+/item\.json": categories\[0\]}],
    ['an unknown key', "$zone\nsoporte_policy words.json; #!\nserver { }",
     qr{policy "\S+/words\.json": promises: }],
    ['two policies',
     "$zone\nsoporte_policy good.json;\nsoporte_policy good.json; #!",
     qr/"soporte_policy" directive is duplicate/],

    # pages

    ['an open section', "$zone\nsoporte_page maintenance open.html; #!",
     qr{page "\S+/open\.html", line 2: section "state" is not closed}],
    ['a section closed only', "$zone\nsoporte_page restore close.html; #!",
     qr{page "\S+/close\.html", line 3: "state" is closed but}],
    ['a tag without a name', "$zone\nsoporte_page status name.html; #!",
     qr{page "\S+/name\.html", line 2: tag without a name}],
    ['an open tag', "$zone\nsoporte_page error tag.html; #!",
     qr{page "\S+/tag\.html", line 1: tag is not closed}],
    ['no partial', "$zone\nsoporte_page help partial.html; #!",
     qr{page "\S+/partial\.html", line 2: there is no partial "nowhere"}],
    ['a mistake in a partial', "$zone\nsoporte_page help within.html; #!",
     qr{page "\S+/other\.html", line 3: "b" closes section "a"}],
    ['a style that changes', "$zone\nsoporte_page help style.html; #!",
     qr{page "\S+/style\.html": .*allowed by its hash}],
    ['a script that does not end', "$zone\nsoporte_page help script.html; #!",
     qr{page "\S+/script\.html": .*not closed}],
    ['a page that is no UTF-8', "$zone\nsoporte_page help latin.html; #!",
     qr{page "\S+/latin\.html", line 2: byte 0xf3 is not UTF-8}],
    ['a page that is too large', "$zone\nsoporte_page help large.html; #!",
     qr{page "\S+/large\.html" is over 262144 bytes}],
    ['a page that is not there', "$zone\nsoporte_page help none.html; #!",
     qr{page "\S+/none\.html" can't be opened: No such file}],
    ['an unknown kind of page', "$zone\nsoporte_page front good.html; #!",
     qr/unknown kind of page "front"/],
    ['a page twice', "$zone\nsoporte_page help good.html;\n"
     . 'soporte_page help off; #!',
     qr/"soporte_page" directive is duplicate/],

    # the portal and other handlers

    ['a path without a slash', "$zone\nsoporte_portal soporte; #!",
     qr/invalid path "soporte"/],
    ['all paths', "$zone\nsoporte_portal /; #!", qr{invalid path "/"}],
    ['a path with a query', "$zone\nsoporte_portal /a?b; #!",
     qr{invalid path "/a\?b"}],
    ['a path with a variable', "$zone\nsoporte_portal /\$host; #!",
     qr{invalid path "/\$host"}],
    ['two paths', "$zone\nsoporte_portal /a;\nsoporte_portal off; #!",
     qr/"soporte_portal" directive is duplicate/],
    ['a portal in a regular expression',
     "$zone server { location ~ x {\nsoporte_portal; #!\n} }",
     qr/"soporte_portal" directive can't be in a location given by a regular/],
    ['a portal in a named location',
     "$zone server { location \@x {\nsoporte_portal; #!\n} }",
     qr/"soporte_portal" directive can't be in a named location/],
    ['a path in a location',
     "$zone server { location /x {\nsoporte_portal /x; #!\n} }",
     qr/"soporte_portal"/],
    ['metrics in a regular expression',
     "$zone server { location ~ x {\nsoporte_metrics; #!\n} }",
     qr/"soporte_metrics" directive can't be in a location given by/],
    ['two handlers',
     "$zone server { location /x {\nsoporte_metrics;\nsoporte_control; #!\n} }",
     qr/"soporte_control" directive can't be where another handler/],
    ['a portal where a proxy is',
     "$zone server { location /x {\nproxy_pass http://127.0.0.1:1;\n"
     . "soporte_portal; #!\n} }",
     qr/"soporte_portal" directive can't be where another handler/],

    # what else has arguments

    ['an unknown word of a conninfo', "$zone\nsoporte_postgres 'a=b'; #!",
     qr/invalid connection option "a"/],
    ['a conninfo that does not end', "$zone\nsoporte_postgres \"host='x\"; #!",
     qr/unterminated quoted string/],
    ['an unknown service', "$zone\nsoporte_postgres 'service=none'; #!",
     qr/service "none" is not defined/],
    ['a host that has no address',
     "$zone\nsoporte_postgres 'host=nowhere.invalid user=x'; #!",
     qr/host "nowhere\.invalid" not found/],
    ['a bad time', "$zone\nsoporte_postgres 'host=/tmp' timeout=x; #!",
     qr/invalid time "timeout=x"/],
    ['no time', "$zone\nsoporte_postgres 'host=/tmp' timeout=0; #!",
     qr/invalid time "timeout=0"/],
    ['another parameter', "$zone\nsoporte_postgres 'host=/tmp' retry=1; #!",
     qr/invalid parameter "retry=1"/],
    ['a bad size', "$zone\nsoporte_path /tmp/x max_size=1; #!",
     qr/invalid size "max_size=1"/],
    ['a size by word', "$zone\nsoporte_path /tmp/x max_size=big; #!",
     qr/invalid size "max_size=big"/],
    ['another parameter of the path', "$zone\nsoporte_path /tmp/x size=8m; #!",
     qr/invalid parameter "size=8m"/],
    ['a node with a blank', "$zone\nsoporte_node 'a b'; #!",
     qr/invalid name of a node "a b"/],
    ['a node twice', "$zone\nsoporte_node a;\nsoporte_node b; #!",
     qr/"soporte_node" directive is duplicate/],
    ['a flag that is none', "$zone\nsoporte_dry_run yes; #!",
     qr/invalid value "yes"/],
    ['maintenance without a value', "$zone\nsoporte_maintenance; #!",
     qr/invalid number of arguments in "soporte_maintenance"/],
    ['an unknown directive', "$zone\nsoporte_help on; #!",
     qr/unknown directive "soporte_help"/],

    # hours

    ['an unknown calendar', "$zone server {\nsoporte_hours tj; #!\n}",
     qr/calendar "tj" is not defined/],
    ['a calendar twice', "$zone\nsoporte_calendar a { timezone UTC; }\n"
     . "soporte_calendar a { #!\ntimezone UTC; }",
     qr/"soporte_calendar" directive is duplicate/],
    ['a calendar without a zone',
     "$zone\nsoporte_calendar a {\nhours mon 09:00-18:00;\n} #!",
     qr/no "timezone" in the calendar/],
    ['an unknown zone', "$zone\nsoporte_calendar a { #!\n"
     . "timezone Mars/Olympus;\nhours mon 09:00-10:00;\n}",
     qr{time zone "Mars/Olympus" of calendar "a": .*No such file}],
    ['a zone out of the directory', "$zone\nsoporte_calendar a {\n"
     . "timezone ../../../etc/passwd; #!\n}",
     qr{invalid timezone "\.\./\.\./\.\./etc/passwd"}],
    ['two zones of a calendar', "$zone\nsoporte_calendar a {\n"
     . "timezone UTC;\ntimezone UTC; #!\n}", qr/"timezone" is duplicate/],
    map({ my ($line, $words) = @$_;
          [$line, "$zone\nsoporte_calendar a {\ntimezone UTC;\n$line; #!\n}",
           $words] }
        ['hours mon 18:00-09:00', qr/range "18:00-09:00" does not end after/],
        ['hours mon 09:00-09:00', qr/range "09:00-09:00"/],
        ['hours mon 9-18', qr/invalid range "9-18"/],
        ['hours mon 24:00-25:00', qr/invalid start in range "24:00-25:00"/],
        ['hours mon 09:00-48:01', qr/invalid end in range "09:00-48:01"/],
        ['hours lun 09:00-18:00', qr/unknown day "lun" in "lun"/],
        ['hours mon', qr/"hours" with 1 argument/],
        ['date 2026-02-30 closed', qr/date "2026-02-30" does not exist/],
        ['date 24/12/2026 closed', qr{invalid date "24/12/2026"}],
        ['date 2026-12-24', qr/"date" with 1 argument/],
        ['date 2026-12-24 maybe', qr/invalid range "maybe"/],
        ['closed 2026-12-30T13:00 2026-12-30T12:00',
         qr/"2026-12-30T12:00" is not after "2026-12-30T13:00"/],
        ['open 2026-12-30 2026-12-31', qr/invalid time "2026-12-30"/],
        ['holidays mars', qr{holidays are neither "mx-lft74" nor in the file \S+/mars"}],
        ['lunch 12:00', qr/"lunch" with 1 argument/])
)
{
    refused(@$row);
}


# what threads can't wake; Debian's nginx does not even have it

for my $method (qw(poll select)) {
    my ($code, $said) = check($zone, "use $method;");

    is($code, 1, "refused: use $method");
    like($said, qr/\[emerg\].*(?:threads\ can\ wake,\ remove\ "use\ $method"
                                 |invalid\ event\ type\ "$method")/x,
         '... and told which');
}


# what is right passes in silence

sub passes {
    my ($name, $http) = @_;

    my ($code, $said) = check($http);

    is($code, 0, "passes: $name");
    unlike($said, qr/\[(?!notice)\w+\]/, "... in silence: $name");
}

my $own = "leaves$$";

passes('all directives', <<"END");
    soporte_zone zone=$own:8m tenants=1000;
    soporte_path spool/ max_size=8m;
    soporte_node one;
    soporte_postgres "host=%%PREFIX%% port=5433 user=x dbname=y" timeout=500ms;
    soporte_policy good.json;
    soporte_portal /soporte/;
    soporte_page help good.html;
    soporte_page incident off;
    soporte_dry_run off;
    soporte_detect window=0;
    soporte_probe off;
    soporte_failure error http_429;
    soporte_log_level info;
    map \$host \$tenant { default ""; acme.test acme; }
    map \$tenant \$shut { include %%PREFIX%%/map; default ""; }
    map \$soporte_category \$queue { default ""; }
    soporte_calendar tj {
        timezone America/Tijuana;
        hours mon-fri 09:00-14:00;
        hours mon,wed 16:00-18:00;
        hours sat 22:00-30:00;
        holidays mx-lft74;
        date 2026-12-24 09:00-11:00 12:00-14:00;
        date 2026-12-12 closed;
        closed 2026-12-30T13:00 2027-01-02T00:00;
        open 2026-12-26T10:00 2026-12-26T13:00;
    }
    soporte_calendar mx { timezone UTC; hours mon-sun 00:00-24:00; }
    server {
        soporte \$tenant;
        soporte_hours tj;
        soporte_detect failures=255 window=0s recover=1ms;
        soporte_probe "http://unix:/tmp/none:/{tenant}{host}"
                      "host={tenant}.{host}" interval=200ms timeout=10s;
        soporte_policy good.json;
        soporte_maintenance \$shut;
        soporte_bypass \$arg_a \$arg_b;
        soporte_queue \$queue;
        location ^~ /ayuda { soporte_portal; soporte_hours mx; }
        location = /metrics { soporte_metrics; }
        location /off { soporte off; soporte_portal; }
        location \@named { soporte Acme.Example_1-x; }
        location ~ x { soporte acme; soporte_page error good.html; }
        return 200 "\$soporte_tenant \$soporte_state \$soporte_open
                    \$soporte_opens_at \$soporte_closes_at \$soporte_category
                    \$soporte_request_outcome";
    }
    server { server_name other; soporte_portal off;
             location / { soporte_control; deny all; } }
END

passes('hours of a calendar that comes later',
       "$zone server { soporte_hours a; }\n"
       . 'soporte_calendar a { timezone UTC; hours mon 00:00-24:00; }');
passes('a policy that a server overrides',
       "$zone\nsoporte_policy good.json; server { soporte_policy good.json; }");
passes('other directives without a zone',
       "soporte_hours mx; server { soporte_maintenance 1; }");
passes('soporte off without a zone', 'server { soporte off; }');

{
    $nginx->conf("%%GLOBALS%%\nenv PGSERVICEFILE;\nevents { }\nhttp {\n%%HTTP%%"
                 . "\n$zone\nsoporte_postgres service=tickets;\n}\n");
    is(($nginx->check(PGSERVICEFILE => $nginx->prefix . '/service'))[0], 0,
       'passes: a service file');
}


# ... and leaves no trace

is_deeply([glob "/dev/shm/soporte-$own-*"], [], 'no file in /dev/shm');
ok(!-e $nginx->prefix . '/spool', 'no spool');
check('soporte_zone zone=t:4m file=%%PREFIX%%/shm; soporte_portal /s;'
      . 'soporte_path %%PREFIX%%/spool; server { soporte acme; }');
ok(!-e $nginx->prefix . "/$_", "no $_") for qw(shm spool);


# warnings

for my $row (['soporte $http_host;', qr/"\$http_host" is what the client says/],
             ['soporte a-${http_host};', qr/"\$http_host" is what/])
{
    my ($code, $said) = check("$zone server {\n$row->[0]\n}");

    is($code, 0, "passes: $row->[0]");
    like($said, qr/^nginx: \[warn\] .*$row->[1].* in \S+case\.conf:2$/m,
         '... with a warning');
}

for my $value (qw($http_x_close $arg_close $cookie_close $args
                  on${query_string} $HTTP_X))
{
    my ($code, $said) = check("$zone soporte_maintenance $value;");

    is($code, 0, "passes: soporte_maintenance $value");
    like($said, qr/^nginx: \[warn\] "soporte_maintenance \Q$value\E" is what/m,
         '... with a warning');
}

for my $value (qw($host $remote_addr on $server_name$)) {
    my ($code, $said) = check("$zone soporte_maintenance $value;");

    unlike($said, qr/\[warn\] "soporte_maintenance/, "no warning: $value");
}

my ($code, $said) = check("$zone\nsoporte_calendar a {\ntimezone UTC;\n}");
is($code, 0, 'a calendar that is always closed passes');
like($said, qr/\[warn\].*calendar "a" is always closed in \S+case\.conf:4/,
     '... with a warning');

($code, $said) = check("$zone\nsoporte_postgres 'host=192.0.2.1 user=x';");
is($code, 0, 'a database over the network passes');
like($said, qr/\[warn\].*192\.0\.2\.1.*sslmode=verify-full.*case\.conf:2/,
     '... with a warning');

($code, $said) = check("$zone\nsoporte_redis redis://:geheim\@192.0.2.1;");
is($code, 0, 'a password of Redis in the file passes');
like($said, qr/\[warn\].*use "password_file" in \S+case\.conf:2/,
     '... with a warning');
unlike($said, qr/geheim/, '... that does not say it');

($code, $said) = check("$zone\nsoporte_redis redis://192.0.2.1;");
like($said, qr/\[warn\].*Redis is not encrypted in \S+case\.conf:2/,
     'a Redis over the network: a warning');


# a secret that stands in the file is in no message

($code, $said) = check("$zone\nsoporte_postgres "
                       . "'host=/tmp pasword=canario-9'; #!");
is($code, 1, 'a misspelt password');
unlike($said, qr/canario/, '... is not said');


# the example that is shipped

(my $shipped = slurp(top() . '/conf/nginx.conf')) =~ s/^\s*user .*//m;
my $prefix = $nginx->prefix;

mkdir "$prefix/run", 0750 or die $!;

my $module = $ENV{SOPORTE_MODULE}
             // top() . '/build/ngx_http_soporte_module.so';

for my $pair (['/run/nginx.pid', "$prefix/nginx.pid"],
              ['/run/soporte', "$prefix/run"],
              ['/var/log/nginx', $prefix],
              ['/var/lib/soporte', "$prefix/lib"],
              ['/etc/soporte/maintenance.map', "$prefix/map"],
              ['"service=soporte"', qq("host=$prefix user=x")],
              ['load_module       /usr/lib/nginx/modules/'
               . 'ngx_http_soporte_module.so;',
               length $module ? "load_module $module;" : ''],
              ['listen       80 ', 'listen 127.0.0.1:%%PORT%% '],
              ['127.0.0.1:9145', '127.0.0.1:%%PORT_METRICS%%'],
              ["http {\n", "http {\n%%HTTP%%\n"])
{
    my ($from, $to) = @$pair;

    ok($shipped =~ s/(?<!\w)\Q$from\E/$to/g, "conf/nginx.conf has $from");
}

$nginx->conf($shipped);
($code, $said) = $nginx->check;
is($code, 0, 'conf/nginx.conf passes');
unlike($said, qr/\[(?!notice)\w+\]/, '... in silence');


# without soporte

$nginx->conf("%%GLOBALS%%\nevents { }\n");
is(($nginx->check)[0], 0, 'the module without http{}');

my $plain = Soporte::Nginx->new(files => { 'x.txt' => 'file' }, conf => <<'END');
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    log_format l '$uri [$soporte_tenant][$soporte_state][$soporte_open]'
                 '[$soporte_request_outcome]';
    server {
        listen 127.0.0.1:%%PORT%%;
        access_log %%PREFIX%%/access.log l;
        error_page 502 503 /x.txt;
        location / { proxy_pass http://127.0.0.1:%%PORT_B%%; }
        location = /x.txt { root %%PREFIX%%; }
        location /gone { proxy_pass http://127.0.0.1:%%PORT_GONE%%; }
        location /soporte { return 204; }
    }
    server {
        listen 127.0.0.1:%%PORT_B%%;
        location / { return 200 "b $request_uri"; }
        location /503 { return 503; }
    }
}
END

$plain->start;
is(get($plain->addr, '/a')->{body}, 'b /a', 'without a zone: proxied as before');
is(get($plain->addr, '/503')->{status}, 503, '... and statuses');
is(get($plain->addr, '/gone')->{body}, 'file', '... and error_page');
is(get($plain->addr, '/soporte')->{status}, 204, '... and our paths');
$plain->reload;
is(get($plain->addr, '/a')->{body}, 'b /a', '... after a reload');
wait_is(sub { (slurp($plain->prefix . '/access.log')
              =~ m{^(/a .*)$}m)[0] }, '/a [-][-][-][-]',
        '... and variables know of no tenant', 2);
ok(!-e $plain->prefix . "/$_", "... no $_") for qw(shm spool lib);

done_testing;
