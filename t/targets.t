# Prevents a worker that dies, or asks who is gone, when tenants come to an
# upstream and leave it: sites of a bench, and a tenant by a variable whose
# probe differs from server to server.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Soporte::Bench;
use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;

my @sites = qw(acme.test beta.test);
my @names = qw(t1.test t2.test);
my $bench = Soporte::Bench->new;
my $erp = Soporte::ErpNext->new(sites => { map { $_ => 'up' } @sites, @names });

$bench->site($_) for @sites;

my $nginx = Soporte::Nginx->new(
    vars => { BENCH => $bench->dir, ERP => $erp->addr }, conf => <<'END'
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=targets:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_bench %%BENCH%% upstream=http://%%ERP%%;
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { return 200 "[$soporte_tenant]"; }
    }
    server {
        listen 127.0.0.1:%%PORT_A%%;
        soporte $arg_t;
        soporte_probe http://%%ERP%%/a;
        location / { proxy_pass http://%%ERP%%; proxy_set_header Host $arg_t; }
    }
    server {
        listen 127.0.0.1:%%PORT_B%%;
        soporte $arg_t;
        soporte_probe http://%%ERP%%/b;
        location / { proxy_pass http://%%ERP%%; proxy_set_header Host $arg_t; }
    }
}
END
)->start;

my ($worker) = $nginx->workers;

sub site { get($nginx->addr, '/', Host => $_[0])->{body} }


# one by one, until the upstream has nobody

for my $site (@sites) {
    is(site($site), "[$site]", "$site is there");
}

for my $site (@sites) {
    $bench->remove($site);
    wait_is(sub { eval { site($site) } // 'nothing' }, '[]', "$site is gone",
            20);
}


# each change of what is probed makes the target anew

for my $round (1 .. 8) {
    my $server = $round % 2 ? 'A' : 'B';

    is(get($nginx->addr($server), "/app?t=$_")->{status}, 200,
       "asked by $server: $_") for @names;
    sleep 0.8;
}

is(join(' ', $nginx->workers), $worker, 'the worker lives');

done_testing();
