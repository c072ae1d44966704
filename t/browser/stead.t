# Prevents an ERPNext desk that shows nothing, or "Internal Server Error", and
# a page that leaves people outside when the system is back, or brings all of
# them at once: Frappe's own request code is fed with our JSON, and the pages
# that stand in for a tenant are watched by a clock that the test winds.

use strict;
use warnings;

use Soporte::Browser;
use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;

my $erp = Soporte::ErpNext->new(sites => { 'acme.test' => 'up' });

my $nginx = Soporte::Nginx->new(vars => { ERP => $erp->addr },
                                conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=stead:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_portal /soporte;
    # failures are looked at one by one: none of them is an outage
    soporte_detect failures=255 window=60s;
    proxy_set_header Host acme.test;
    proxy_read_timeout 500ms;
    proxy_set_header X-Stand-In $arg_stand;
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        location / { proxy_pass http://%%ERP%%; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
    }
}
END

my $control = 'unix:' . $nginx->prefix . '/control.sock';

browse('stead.js',
    address => sub { 'http://' . $nginx->addr },

    # a word: method, what of the tenant, its fields
    word => sub {
        my ($method, $what, $fields) = @_;

        my $r = request($control, $method, "/v1/tenants/acme/$what",
                        $fields ? JSON::PP->new->utf8->encode($fields) : undef);

        return $r->{status};
    },

    # the application: stop, start, or a profile
    erp => sub {
        my ($do) = @_;

        return $erp->$do() && 1 if $do =~ /^(?:stop|start)$/;
        $erp->profile('acme.test', $do);

        return 1;
    });

done_testing();
