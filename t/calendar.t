# Prevents hours that are wrong until somebody reloads: zones and feeds of
# holidays that change on disk, calendars in several zones, and a file that
# went bad and took the last good one with it.

use strict;
use warnings;

use POSIX qw(strftime);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Process qw(temp_dir);
use Soporte::Test;

my $zones = temp_dir();

mkdir "$zones/Test";


# a TZif file, RFC 9636, of one offset for ever: seconds east of UTC

sub tzif {
    my ($offset) = @_;

    my $head = 'TZif2' . "\0" x 15;
    my $abs = abs $offset;
    my $footer = sprintf '<LMT>%s%d:%02d:%02d', $offset < 0 ? '' : '-',
        $abs / 3600, $abs % 3600 / 60, $abs % 60;

    return $head . pack('N6', 0, 0, 0, 0, 1, 4) . pack('l> C C', 0, 0, 0)
        . "LMT\0" . $head . pack('N6', 0, 0, 0, 0, 1, 4)
        . pack('l> C C', $offset, 0, 0) . "LMT\0" . "\n$footer\n";
}


# the file of a zone in which it is now so many seconds after midnight

sub zone {
    my ($name, $second) = @_;

    my $offset = $second - time % 86400;

    $offset += 86400 if $offset < -43200;
    $offset -= 86400 if $offset > 43200;

    $offset -= $offset % 60;

    put("$zones/Test/$name", tzif($offset));

    return $offset;
}


sub put {
    my ($path, $bytes) = @_;

    open my $out, '>:raw', "$path.new" or die "$path: $!";
    print $out $bytes;
    close $out;
    rename "$path.new", $path or die "$path: $!";
}


my $events = 0;

sub ics {
    my (@events) = @_;

    return join "\r\n", 'BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//t//EN',
        (map { ('BEGIN:VEVENT', 'UID:' . ++$events, 'DTSTAMP:20260101T000000Z',
                @$_, 'END:VEVENT') } @events), 'END:VCALENDAR', '';
}


my $east = zone('Day', 6 * 3600);

zone('Night', 18 * 3600);

my $today = strftime '%Y%m%d', gmtime(time + $east);

local $ENV{TZDIR} = $zones;

my $nginx = Soporte::Nginx->new(workers => 2, conf => <<'END');
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=hours:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/spool;
    soporte_calendar mx {
        timezone Test/Day;
        hours mon-sun 00:00-12:00;
        holidays %%PREFIX%%/feriados.ics;
    }
    soporte_calendar noche {
        timezone Test/Night;
        hours mon-sun 00:00-12:00;
    }
    soporte_calendar turno {
        timezone Test/Night;
        hours mon-sun 12:00-24:00;
    }
    server {
        listen 127.0.0.1:%%PORT%% reuseport;
        soporte acme;
        add_header X-Pid $pid;
        location / { return 200 "$soporte_open $soporte_open_mx $soporte_open_noche $soporte_open_turno"; }
        location /noche { soporte_hours noche; return 200 "$soporte_open"; }
        location /at { return 200 "$soporte_opens_at $soporte_closes_at"; }
        location /at/noche { soporte_hours noche;
            return 200 "$soporte_opens_at $soporte_closes_at"; }
    }
}
END

$nginx->file('feriados.ics', ics());
$nginx->start;

my $addr = $nginx->addr;


# what the workers say, each of which is asked

sub open_now {
    my ($path) = @_;

    my (%said, %pid);

    for (1 .. 200) {
        my $r = get($addr, $path // '/');

        $said{$r->{body}} = 1;
        $pid{$r->header('X-Pid')} = 1;

        last if keys %pid == 2;
    }

    return join ' | ', sort keys %said;
}


is(open_now(), '1 1 0 1', 'several calendars in several zones');
is(open_now('/noche'), 0, 'the one of the location');

my ($opens, $closes) = split ' ', get($addr, '/at')->{body};

like($opens, qr/^\d{4}-\d\d-\d\dT00:00:00[+-]\d\d:\d\d$/, 'opens at midnight');
like($closes, qr/^\d{4}-\d\d-\d\dT12:00:00[+-]\d\d:\d\d$/, 'closes at noon');

my @night = split ' ', get($addr, '/at/noche')->{body};

is(@night, 1, 'what is closed does not close');

# the feed of holidays

put($nginx->prefix . '/feriados.ics',
    ics(["DTSTART;VALUE=DATE:$today", 'SUMMARY:Fiesta']));

wait_is(sub { open_now() }, '0 0 0 1', 'a holiday that was added', 20);
$nginx->wait_log(qr/\[notice\].*calendar "mx" was read anew/);

put($nginx->prefix . '/feriados.ics', "BEGIN:VCALENDAR\r\nEND:VTODO\r\n");

$nginx->wait_log(qr/\[error\].*calendar "mx" stays as it was: "[^"]+feriados\.ics" line \d+: /, 20);
is(open_now(), '0 0 0 1', 'a feed that went bad changes nothing');

unlink $nginx->prefix . '/feriados.ics';

$nginx->wait_log(qr/\[error\].*calendar "mx" stays as it was: "[^"]+" can't be read: No such file/, 20);
is(open_now(), '0 0 0 1', 'nor one that is gone');

put($nginx->prefix . '/feriados.ics', ics());
wait_is(sub { open_now() }, '1 1 0 1', 'mended', 20);

# the zone

zone('Night', 6 * 3600);
wait_is(sub { open_now() }, '1 1 1 0', 'a zone that changed', 20);

put("$zones/Test/Night", substr tzif(0), 0, 60);
$nginx->wait_log(qr/\[error\].*calendar "noche" stays as it was: /, 20);
is(open_now(), '1 1 1 0', 'a zone that went bad changes nothing');

my $lines = () = $nginx->log =~ /calendar "noche" stays/g;

zone('Night', 18 * 3600);
wait_is(sub { open_now() }, '1 1 0 1', 'mended', 20);
is($lines, 1, 'it was said once');

# a reload reads what is there

$nginx->reload('gone');
is(open_now(), '1 1 0 1', 'after a reload');


# what is wrong is found by nginx -t

sub refused {
    my ($name, $calendar, $words) = @_;

    my $conf = "%%GLOBALS%%\nevents { }\nhttp { %%HTTP%%\n"
        . "soporte_zone zone=t:4m file=%%PREFIX%%/t;\n"
        . "soporte_calendar x {\ntimezone Test/Day;\n$calendar\n}\n}\n";
    my $bad = Soporte::Nginx->new(conf => $conf);

    $bad->file('bad.ics', ics(['DTSTART;VALUE=DATE:20260230']));
    $bad->file('zoned.ics', ics(['DTSTART;TZID=Europe/Paris:20260101T000000',
                                 'DTEND;TZID=Europe/Paris:20260102T000000']));

    my ($code, $said) = $bad->check;

    isnt($code, 0, "refused: $name");
    like($said, $words, "... $name");
    like($said, qr/nginx\.conf:\d+/, "... with file and line: $name");
}


refused('a feed that is not there', 'holidays nowhere.ics;',
        qr/neither "mx-lft74" nor in the file "[^"]+nowhere\.ics": No such/);
refused('a feed with a date that is none', 'holidays bad.ics;',
        qr/bad\.ics" line \d+: /);
refused('a feed of another zone', 'holidays zoned.ics;',
        qr/zoned\.ics" line \d+: TZID "Europe\/Paris" is not/);
refused('a folder', 'holidays .;', qr/neither.*Invalid argument/);

done_testing();
