# Prevents markup from a customer or an operator that a page takes for its own:
# over 1,000 payloads ("make test": each kind) in every field that is shown
# again, in messages, in what operators say and announce, and in the dialog of
# the desk.  The document must have the elements that it has with plain words,
# and no script may run.

use strict;
use warnings;

use Soporte::Browser;
use Soporte::Nginx;
use Soporte::Test;

my $nginx = Soporte::Nginx->new(
    workers => 2,
    files   => { 'quick.json' => '{"form": {"min_seconds": 0}}' },
    conf    => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=xss:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_policy %%PREFIX%%/quick.json;
    soporte_portal /soporte;
    keepalive_requests 100000;
    map $host $tenant {
        "~^([a-z]\d)\.test$"  $1;
        default                "";
    }
    server { listen 127.0.0.1:%%PORT%%; soporte $tenant; }
    server {
        listen unix:%%PREFIX%%/control.sock;
        keepalive_requests 100000;
        location / { soporte_control; }
    }
}
END

browse('xss.js',
    where   => sub { return $nginx->port },
    control => sub { return $nginx->prefix . '/control.sock' }
);

done_testing();
