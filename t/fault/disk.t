# Prevents a ticket that is lost, doubled, altered or half kept when a disk is
# full, fails or is slow, the spool's and PostgreSQL's.  As root: it mounts two
# small file systems.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Soporte::Load;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(top own run temp_dir);
use Soporte::Test;

die "this wants root: it mounts file systems\n" if $>;

my $dir = temp_dir();
my (%mounted);
my $owner = $$;

sub mounted {
    my ($name, $size) = @_;

    mkdir "$dir/$name";
    my ($code, $text) = run('mount', '-t', 'tmpfs', '-o', "size=$size", 'none',
                            "$dir/$name");
    die "mount: $text" if $code;

    own("$dir/$name");

    return $mounted{$name} = "$dir/$name";
}

END {
    if ($$ == $owner) {
        local $?;

        $_->stop('KILL') for Soporte::Nginx->all;
        Soporte::Process::stop_all();
        run('umount', '-l', $_) for values %mounted;
    }
}

my $control = temp_dir();
my $shim = temp_dir() . '/shim.so';
my ($code, $text) = run('gcc', '-O2', '-shared', '-fPIC',
                        top() . '/t/fault/shim.c', '-o', $shim, '-ldl');

is($code, 0, 'the shim is built') or diag($text);

my $lib = mounted('spool', '16m');
my $pg = Soporte::Postgres->new(
    dir    => mounted('postgres', '160m'),
    config => ['fsync=off', 'max_wal_size=32MB', 'min_wal_size=32MB',
               'checkpoint_timeout=30s']
);

my $nginx = Soporte::Nginx->new(
    workers => 2,
    vars    => { PG => $pg->conninfo('soporte_nginx'), LIB => $lib },
    env     => { LD_PRELOAD => $shim, FAULT_PATH => $lib,
                 FAULT_CONTROL => $control },
    files   => { 'policy.json' => '{"form": {"min_seconds": 0}}' },
    conf    => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=disk:4m file=%%PREFIX%%/shm;
    soporte_path %%LIB%%/lib;
    soporte_postgres "%%PG%%" timeout=2s;
    soporte_policy %%PREFIX%%/policy.json;
    soporte_portal /soporte;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; }
}
END

my $spool = "$lib/lib/spool";

$nginx->allow_log('past the spool|could not be kept|tickets stay in the spool'
                  . '|the spool of .* fails|cache|snapshot|No space left');

my $load = Soporte::Load->start(addr => $nginx->addr, clients => 4,
                                pause => 0.01);


# the last byte as well

sub fill {
    my ($name) = @_;

    open my $file, '>', "$mounted{$name}/filler" or die $!;
    binmode $file;

    for my $size (65536, 4096, 1) {
        1 while syswrite $file, 'x' x $size;
    }

    close $file;
}

sub empty { unlink "$mounted{$_[0]}/filler" }

sub goes_on {
    my ($name) = @_;

    my $count = $load->count;

    ok(eval { wait_for(sub { $load->count > $count + 20 }, 60) },
       "$name: tickets are acknowledged");
}

sub delivered {
    wait_for(sub {
        my $stored = $pg->value('SELECT count(*) FROM soporte.ticket');
        return $stored >= $load->count - 20;
    }, 90, 'delivery');
}


goes_on('a good day');

fill('spool');
$nginx->wait_log(qr/past the spool/, 20);
goes_on('the spool\'s disk is full');
empty('spool');
goes_on('and is no more');

spew("$control/fsync-eio", '');
sleep 0.5;
goes_on('fsync fails');
unlink "$control/fsync-eio";
goes_on('and does no more');

spew("$control/fsync-slow", '');
goes_on('fsync is slow');
unlink "$control/fsync-slow";

fill('postgres');
$nginx->wait_log(qr/tickets stay in the spool/, 60);
goes_on('PostgreSQL\'s disk is full');


# nothing can keep a ticket: none is acknowledged, and nothing is half kept

fill('spool');
sleep 1;
my $count = $load->count;
sleep 1;
my $more = $load->count;
sleep 1;
is($load->count, $more, "both are full: none is acknowledged after $count");

empty('spool');
goes_on('the spool\'s is not');
empty('postgres');

# without room for its log PostgreSQL ends itself
$pg->start if !$pg->process->running;
delivered();

$load->stop;
wait_for(sub { !(() = glob "$spool/{new,sending}/*") }, 120,
         'the spool to be empty');

$count = $load->count;
is($load->compare($pg), 'lost 0 twice 0 altered 0',
   "of $count each is there, once");
is(scalar(() = glob "$spool/dead/*"), 0, 'and none was set apart');
is(scalar(grep { !m{/done\.} } glob "$spool/tmp/*"), 0, 'none is half kept');

done_testing();
