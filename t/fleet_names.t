# Prevents two nodes of one name that nobody knows of: each takes the other's
# words for its own.  And a warning of oneself, after a reload or a kill.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Soporte::Fleet;
use Soporte::Http;
use Soporte::Postgres;
use Soporte::Redis;
use Soporte::Test;

my $pg = Soporte::Postgres->new;
my $redis = Soporte::Redis->new;


sub node { Soporte::Fleet->node($_[0], redis => $redis, postgres => $pg) }


# the same nginx in all its lives, and another one beside it

my ($one, $two) = (node('uno'), node('dos'));

for (1 .. 3) {
    $one->nginx->reload(1);
    sleep 0.5;
}

$one->nginx->upgrade;
sleep 1;
$one->nginx->kill_all;
unlink $one->nginx->prefix . '/control.sock';
$one->nginx->start;
sleep 1 for 1 .. 3;

unlike($_->nginx->log, qr/another nginx is node/, 'each is one alone')
    for $one, $two;


# another one of that name

my $twin = node('uno');
my $said = qr/\[warn\] .* another nginx is node "uno" in Redis/;

$_->nginx->wait_log($said, 10) for $one, $twin;
pass('both say that there is another');
sleep 1 for 1 .. 3;
is(() = $one->nginx->log =~ /another nginx is node/g, 1, '... once');
unlike($two->nginx->log, qr/another nginx is node/, 'the third does not care');

ok($twin->nginx->stop, 'the other one is stopped');
$one->nginx->wait_log(qr/no other nginx is node "uno" in Redis any more/, 10);
pass('... which is told, too');

done_testing();
