# Prevents an answer that is quicker than the disk: of each ticket the system
# calls are looked at, write < fsync < rename < fsync of new/ < 201.

use strict;
use warnings;

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(temp_dir);
use Soporte::Test;

my $nginx = Soporte::Nginx->new(conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=order:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_portal /soporte;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; }
}
END

my $log = temp_dir() . '/strace';
my ($worker) = $nginx->workers;
my $strace = Soporte::Process->start(
    command => ['strace', '-f', '-y', '-s', '200', '-o', $log, '-e',
                'trace=write,fsync,renameat,renameat2,writev,sendto,send',
                '-p', $worker],
    quit => 'INT', log => "$log.err"
);

wait_for(sub { slurp("$log.err") =~ /attached/ }, 10, 'strace to attach');

for my $n (1 .. 5) {
    my $r = post_json($nginx->addr, '/soporte/tickets', {
        subject => "Orden $n", description => 'Uno', category => 'uso',
        email => 'ana@acme.mx'
    });

    is($r->{status}, 201, "ticket $n is acknowledged");
}

$strace->stop;


# calls that were whole, in the order of their ends

my (@calls, %begun);

for my $line (split /\n/, slurp($log)) {
    my ($pid, $call) = $line =~ /^(\d+) +(.*)/ or next;

    if ($call =~ s/ <unfinished \.\.\.>$//) {
        $begun{$pid} = $call;
        next;
    }

    $call = delete($begun{$pid}) . $1
        if $call =~ /^<\.\.\. \w+ resumed>(.*)/ && $begun{$pid};

    push @calls, $call;
}

my (%at, $answers);

for my $i (0 .. $#calls) {
    my $call = $calls[$i];

    if ($call =~ m{^write\(\d+<[^>]*/tmp/[^>]*/ticket\.json>}) {
        $at{write} = $i;

    } elsif ($call =~ m{^fsync\(\d+<[^>]*/tmp/[^>]*/ticket\.json>\) *= 0}) {
        $at{file} = $i;

    } elsif ($call =~ m{^fsync\(\d+<[^>]*/tmp/[^>/]*>\) *= 0}) {
        $at{directory} = $i;

    } elsif ($call =~ m{^renameat2?\(.*/tmp>.*/new>.* = 0}) {
        $at{rename} = $i;

    } elsif ($call =~ m{^fsync\(\d+<[^>]*/spool/new>\) *= 0}) {
        $at{new} = $i;

    } elsif ($call =~ m{HTTP/1\.1 201}) {
        my @order = map { $at{$_} // -1 } qw(write file directory rename new);

        is("@order", join(' ', sort { $a <=> $b } grep { $_ >= 0 } @order),
           'each step after the one before, and then the answer');
        $answers++;
        %at = ();
    }
}

is($answers, 5, 'all answers were seen');

done_testing();
