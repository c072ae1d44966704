# Prevents a mistake in nginx.conf that is found only in production: nginx -t
# refuses it, names the value, and says in which file and line.

use strict;
use warnings;

use Soporte::Nginx;
use Soporte::Test;

my $zone = 'soporte_zone zone=t:4m;';
my $nginx = Soporte::Nginx->new(files => {
    'broken.json'   => qq({\n  "contact": {"phone": "1" "tel": 2}\n}\n),
    'field.json'    => qq({"contact": {"email": "nobody"}}\n),
    'words.json'    => qq({"promises": 1}\n),
    'open.html'     => "<p>\n{{#state}}\n<p>\n",
    'partial.html'  => "{{>nowhere}}\n",
    'style.html'    => "<style>{{x}}</style>\n",
});


# the configuration of a case begins in line 8

sub check {
    my ($http) = @_;

    $nginx->conf("%%GLOBALS%%\nevents { }\nhttp {\n%%HTTP%%\n$http\n}\n");

    return $nginx->check;
}


sub refused {
    my ($name, $http, $words) = @_;

    my ($code, $said) = check($http);

    isnt($code, 0, "refused: $name");
    like($said, $words, "... and says so: $name");
    like($said, qr{(?:nginx\.conf|open\.html|nowhere)\S*:\d+|line \d+},
         "... with a line: $name");
}


my $server = "$zone\nserver { listen 127.0.0.1:%%PORT%%; soporte acme;";

refused('an unknown parameter', 'soporte_zone zone=t:4m size=3;',
        qr/invalid parameter "size=3"/);
refused('a zone too small', 'soporte_zone zone=t:64k;',
        qr/zone "t" is too small: 8 tenants need \d+k/);
refused('a zone too small for its tenants',
        'soporte_zone zone=t:1m tenants=10000;',
        qr/too small: 10000 tenants need \d+k/);
refused('a zone without a size', 'soporte_zone zone=t;',
        qr/invalid zone "zone=t"/);
refused('an identity that is no URI', "$server soporte_identity who; }",
        qr/"soporte_identity" wants a URI that begins with "\/"/);
refused('two identities',
        "$server soporte_identity /a; soporte_identity off; }",
        qr/"soporte_identity" directive is duplicate/);
refused('two zones', "$zone\n$zone", qr/"soporte_zone" directive is dupl/);
refused('a tenant without a zone',
        "server { listen 127.0.0.1:%%PORT%%;\nsoporte acme; }",
        qr/"soporte_zone" is missing/);
refused('a bench without a zone', 'soporte_bench /;',
        qr{no folder "//sites"|"soporte_zone" is missing});
refused('no bench', "$zone\nsoporte_bench /nowhere;",
        qr{no folder "/nowhere/sites"});
refused('no upstream of a bench', "$zone\nsoporte_bench / upstream=unix:x;",
        qr{invalid upstream "upstream=unix:x"});
refused('a path of a bench\'s upstream',
        "$zone\nsoporte_bench / upstream=http://127.0.0.1:8000/app;",
        qr{/app", invalid host});
refused('a bench of something', "$zone\nsoporte_bench / user=frappe;",
        qr{invalid parameter "user=frappe"});
refused('backups of all tenants in one place',
        "$zone\nsoporte_backups /srv/backups;",
        qr/"\/srv\/backups" would be the same for all tenants/);
refused('backups in two places', "$server soporte_backups /a; }\n"
        . 'server { listen 127.0.0.1:%%PORT%%; soporte acme; '
        . 'soporte_backups /b; }',
        qr{tenant "acme" has two "soporte_backups", "/a" and "/b"});
refused('a portal without a zone', 'soporte_portal /soporte;',
        qr/"soporte_zone" is missing/);
refused('a bad tenant', "$zone\nserver { soporte 'a b'; }",
        qr/invalid tenant "a b"/);
refused('a tenant that is ours', "$zone\nserver { soporte _other; }",
        qr/invalid tenant "_other"/);
refused('a policy that is not there',
        "$zone\nsoporte_policy %%PREFIX%%/none.json;",
        qr/none\.json" can't be opened: No such file/);
refused('a policy that is no JSON',
        "$zone\nsoporte_policy %%PREFIX%%/broken.json;",
        qr/broken\.json", line 2, column \d+: /);
refused('a policy with a bad field',
        "$zone\nsoporte_policy %%PREFIX%%/field.json;\nserver { }",
        qr/contact\.email: .* in \S+nginx\.conf:\d+/);
refused('a policy with an unknown key',
        "$zone\nsoporte_policy %%PREFIX%%/words.json;\nserver { }",
        qr/promises/);
refused('a page with an open section',
        "$zone\nsoporte_page maintenance %%PREFIX%%/open.html;",
        qr/open\.html", line \d+: /);
refused('a page without its partial',
        "$zone\nsoporte_page help %%PREFIX%%/partial.html;",
        qr/partial\.html", line 1: .*nowhere/);
refused('a page whose style is not static',
        "$zone\nsoporte_page help %%PREFIX%%/style.html;",
        qr/allowed by its hash/);
refused('an unknown kind of page', "$zone\nsoporte_page front x.html;",
        qr/unknown kind of page "front"/);
refused('a bad path of the portal', "$zone\nsoporte_portal soporte;",
        qr/invalid path "soporte"/);
refused('a portal in a regular expression',
        "$zone\nserver { location ~ x { soporte_portal; } }",
        qr/regular expression/);
refused('two handlers in one place',
        "$zone\nserver { location /x { soporte_metrics; soporte_control; } }",
        qr/another handler/);
refused('a conninfo with an unknown word', "$zone\nsoporte_postgres 'a=b';",
        qr/invalid connection option/);
refused('a bad time', "$zone\nsoporte_postgres 'host=/tmp' timeout=x;",
        qr/invalid time "timeout=x"/);
refused('a Redis by another protocol', "$zone\nsoporte_redis http://x;",
        qr/begins with "redis:/);
refused('a Redis whose host is not there',
        "$zone\nsoporte_redis redis://no.such.host.invalid;",
        qr/"no\.such\.host\.invalid" is not found/);
refused('a bad number of a database',
        "$zone\nsoporte_redis redis://127.0.0.1/a;", qr/number of a database/);
refused('a bad prefix', "$zone\nsoporte_redis redis://127.0.0.1 'prefix=a b';",
        qr/invalid parameter "prefix=a b"/);
refused('an unknown parameter of Redis',
        "$zone\nsoporte_redis redis://127.0.0.1 size=1;",
        qr/invalid parameter "size=1"/);
refused('a bad time of Redis',
        "$zone\nsoporte_redis redis://127.0.0.1 timeout=0;",
        qr/invalid time "timeout=0"/);
refused('two of Redis', "$zone\nsoporte_redis redis://127.0.0.1;\n"
        . 'soporte_redis redis://127.0.0.1;', qr/directive is duplicate/);
refused('a password file that is not there',
        "$zone\nsoporte_redis redis://127.0.0.1 password_file=none;",
        qr{open\(\) ".*/none" failed \(2: No such});
refused('a password file that all may read',
        "$zone\nsoporte_redis redis://127.0.0.1\n"
        . 'password_file=%%PREFIX%%/field.json;', qr/is open to others/);
refused('a bad size', "$zone\nsoporte_path /tmp/x max_size=1;",
        qr/invalid size "max_size=1"/);
refused('an unknown calendar', "$zone\nserver { soporte_hours tj; }",
        qr/calendar "tj" is not defined in \S+nginx\.conf:\d+/);
refused('hours that end before they begin',
        "$zone\nsoporte_calendar a {\ntimezone UTC;\n"
        . "hours mon 18:00-09:00;\n}", qr/24:00|33:00/);
refused('a date that does not exist',
        "$zone\nsoporte_calendar a {\ntimezone UTC;\n"
        . "date 2026-02-30 closed;\n}", qr/2026-02-30/);
refused('an unknown line of a calendar',
        "$zone\nsoporte_calendar a {\nlunch 12:00;\n}",
        qr/"lunch" with 1 argument/);
refused('an unknown zone', "$zone\nsoporte_calendar a {\n"
        . "timezone Mars/Olympus;\nhours mon 09:00-10:00;\n}\n"
        . 'server { soporte_hours a; }', qr/Mars\/Olympus/);
refused('a bad number of failures', "$zone\nsoporte_detect failures=0;",
        qr/invalid parameter "failures=0"/);
refused('a bad window', "$zone\nsoporte_detect failures=3 window=;",
        qr/invalid parameter "window="/);
refused('an unknown word of detection', "$zone\nsoporte_detect rise=2;",
        qr/invalid parameter "rise=2"/);
refused('no time to recover', "$zone\nsoporte_detect recover=0;",
        qr/invalid parameter "recover=0"/);
refused('detection twice', "$zone\nsoporte_detect failures=2;\n"
        . 'soporte_detect failures=3;', qr/"soporte_detect" directive is dupl/);
refused('two detections of one tenant',
        "$server soporte_detect failures=2; }\n"
        . "server { server_name b; soporte acme;\n"
        . 'soporte_detect failures=3; }',
        qr{"soporte_detect" of tenant "acme" in \S+:\d+ differs from .*:\d+});
refused('two probes of one tenant',
        "$server soporte_probe http://127.0.0.1:1/a; }\n"
        . "server { server_name b; soporte acme;\n"
        . 'soporte_probe http://127.0.0.1:1/b; }',
        qr{"soporte_probe" of tenant "acme" in \S+:\d+ differs from .*:\d+});
refused('an unknown class of failure', "$zone\nsoporte_failure http_418;",
        qr/invalid value "http_418"/);
refused('an unknown level', "$zone\nsoporte_log_level loud;",
        qr/invalid value "loud"/);
refused('a probe by TLS', "$zone\nsoporte_probe https://127.0.0.1/;",
        qr/invalid URL "https:.*must begin with "http:/);
refused('a probe of nothing', "$zone\nsoporte_probe http://;",
        qr{no host in "http://"});
refused('a probe of a host that is none',
        "$zone\nsoporte_probe http://none.invalid/x;",
        qr{host not found.* in "http://none\.invalid/x"});
refused('a probe with an unknown placeholder',
        "$zone\nsoporte_probe 'http://127.0.0.1/{site}';",
        qr/invalid "\S*\{site\}" of a probe/);
refused('a probe with a line of its own',
        "$zone\nsoporte_probe http://127.0.0.1/ \"host=a\\r\\nX: y\";",
        qr/invalid "a.*" of a probe/s);
refused('a probe without a pause',
        "$zone\nsoporte_probe http://127.0.0.1/ interval=10ms;",
        qr/invalid time "interval=10ms", at least 200ms/);
refused('a probe without an end',
        "$zone\nsoporte_probe http://127.0.0.1/ timeout=1m;",
        qr/invalid time "timeout=1m", at most 10s/);
refused('an unknown word of a probe',
        "$zone\nsoporte_probe http://127.0.0.1/ expect=200;",
        qr/invalid parameter "expect=200"/);


# what is right passes in silence, and leaves no trace

my ($code, $said) = check(<<'END');
    soporte_zone zone=t:4m tenants=100 file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool max_size=8m;
    soporte_node one;
    soporte_portal /soporte;
    soporte_calendar tj {
        timezone America/Tijuana;
        hours mon-fri 09:00-14:00;
        hours sat 22:00-30:00;
        holidays mx-lft74;
        date 2026-12-24 09:00-14:00;
        date 2026-12-12 closed;
        closed 2026-12-30T13:00 2027-01-02T00:00;
        open 2026-12-26T10:00 2026-12-26T13:00;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        soporte_detect failures=3 window=2s recover=1m;
        soporte_probe "http://127.0.0.1:8000/{tenant}" "host={host}"
                      interval=10s timeout=1s;
        soporte_failure error timeout http_503;
        soporte_log_level notice;
        soporte_hours tj;
        location ^~ /ayuda { soporte_portal; }
        location /metrics { soporte_metrics; }
    }
END

is($code, 0, 'a good configuration passes');
unlike($said, qr/\[(?!notice)\w+\]/, '... without a word');
ok(!-e $nginx->prefix . '/shm', '... and makes no shared file');
ok(!-e $nginx->prefix . '/spool', '... and no spool');

($code, $said) = check("$server }\nserver { server_name b; soporte b; }");
is($code, 0, 'a tenant without a probe passes');
like($said, qr/\[warn\] .*tenant "acme" in \S+:\d+ has no .*\(2 such\)/,
     '... with a warning');

($code, $said) = check("$zone\nsoporte_probe off;\n"
                       . 'server { soporte acme; }');
unlike($said, qr/\[warn\]/, '... unless it is said to be off');

($code, $said) = check("$zone\nserver { soporte \$http_host; }");
is($code, 0, '$http_host passes');
like($said, qr/\[warn\].*http_host.*nginx\.conf:\d+/, '... with a warning');

$nginx->conf("%%GLOBALS%%\nevents { use poll; }\nhttp {\n%%HTTP%%\n$zone\n}\n");
($code, $said) = $nginx->check;
isnt($code, 0, 'a method that threads can\'t wake is refused');
like($said, qr/"poll"|"use poll"/, '... and told which');

$nginx->conf("%%GLOBALS%%\nevents { }\n");
is(($nginx->check)[0], 0, 'the module loads without http{}');

done_testing;
