# Prevents a folio that a loss of power takes back: nginx is killed under load
# and its spool rebuilt from what was fsynced by then (t/fault/shim.c).

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Path qw(make_path remove_tree);
use JSON::PP ();

use Soporte::Load;
use Soporte::Nginx;
use Soporte::Process qw(top own run temp_dir);
use Soporte::Test;

my $rounds = $ENV{FAULT_ROUNDS} // 12;
my $shim = temp_dir() . '/shim.so';

my ($code, $text) = run('gcc', '-O2', '-shared', '-fPIC',
                        top() . '/t/fault/shim.c', '-o', $shim, '-ldl');

is($code, 0, 'the shim is built') or diag($text);

my $nginx = Soporte::Nginx->new(
    workers => 2,
    files   => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    conf    => <<'END');
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=power:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_portal /soporte;
    soporte_policy %%PREFIX%%/policy.json;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; }
}
END

my $spool = $nginx->prefix . '/lib/spool';


# what the disk has after a loss of power

sub rebuild {
    my ($mirror, $inode, $to) = @_;

    make_path($to);

    for my $line (split /\n/, slurp("$mirror/d/$inode")) {
        my ($type, $number, $name) = split / /, $line, 3;

        if ($type eq 'd') {
            rebuild($mirror, $number, "$to/$name");

        } else {
            spew("$to/$name", slurp("$mirror/f/$number"));
        }
    }
}


# subject => digest of the description, of all whole tickets in a spool

sub tickets {
    my ($dir) = @_;

    my %found;

    for my $name (glob "$dir/{new,sending}/*/ticket.json") {
        my $ticket = eval { JSON::PP->new->utf8->decode(slurp($name)) } or next;
        my $file = (glob(($name =~ s{/ticket.json$}{}r) . '/file-*'))[0];

        $found{$ticket->{subject}} = join ' ',
            sha256_hex($ticket->{description}),
            $file ? sha256_hex(slurp($file)) : '-';
    }

    return \%found;
}


my ($acknowledged, $lost, $kept) = (0, 0, 0);

for my $round (1 .. $rounds) {
    my $mirror = temp_dir();
    my $after = temp_dir();

    make_path("$mirror/d", "$mirror/f");
    own("$mirror/d", "$mirror/f");
    remove_tree($nginx->prefix . '/lib');
    unlink $nginx->prefix . '/shm', $nginx->prefix . '/nginx.pid';

    $nginx->{env} = {
        LD_PRELOAD => $shim, FAULT_PATH => $spool, FAULT_MIRROR => $mirror
    };
    $nginx->start;

    my $load = Soporte::Load->start(addr => $nginx->addr, files => 5);
    my $enough = 20 + int rand 100;

    wait_for(sub { $load->count >= $enough }, 60, 'tickets');

    my $inode = (stat $spool)[1];

    # the promise is what was read before the lights went out, and a little
    # more that is on its way
    $nginx->kill_all;
    $load->stop;

    rebuild($mirror, $inode, $after);
    my $found = tickets($after);

    for my $line ($load->acknowledged) {
        my ($key, $folio, @digests) = @$line;

        $acknowledged++;
        $lost++ if ($found->{$key} // '') ne "@digests";
    }

    $kept += keys %$found;
    remove_tree($mirror, $after);
}

cmp_ok($acknowledged, '>=', 20 * $rounds, 'tickets were acknowledged');
is($lost, 0, "of $acknowledged acknowledged in $rounds losses of power, lost");
cmp_ok($kept, '>=', $acknowledged, 'each is on the disk');

done_testing();
