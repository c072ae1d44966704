# Prevents a ticket that nobody hears of, a mail that is sent twice or carries
# a stranger's words, an agent who sees another tenant, a dead letter that
# can't be mended, and a person of whom something stays.

use strict;
use warnings;
use utf8;

use Digest::SHA qw(sha256_hex);
use Encode qw(decode encode);
use File::Path qw(make_path);
use JSON::PP ();
use MIME::Base64 qw(decode_base64);

use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Process qw(top own run free_port temp_dir);
use Soporte::Test;

my $json = JSON::PP->new->utf8->canonical;
my $pg = Soporte::Postgres->new;

my $nginx = Soporte::Nginx->new(
    vars => { PG => $pg->conninfo('soporte_nginx') },
    conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=people:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_postgres "%%PG%%" timeout=1s;
    soporte_portal /soporte;
    server { listen 127.0.0.1:%%PORT%%; soporte acme; }
    server { listen 127.0.0.1:%%PORT_B%%; soporte otra; }
}
END

my $path = $nginx->prefix . '/lib';
my $spool = "$path/spool";
my $dir = temp_dir();
my $serial = 0;


# what takes mail and what takes JSON: each refuses while a file says so

my $sendmail = spew("$dir/sendmail", <<"END");
#!/bin/sh
echo "\$@" >> $dir/arguments
[ ! -e $dir/no-mail ] || exit 75
cat > $dir/mail.\$(date +%s%N).\$\$
[ ! -e $dir/kill ] || kill -9 \$PPID
END
chmod 0755, $sendmail;

my $port = free_port();
my $hook = Soporte::Process->start(drop => 1, log => "$dir/hook.log",
                                   command => [$^X, '-e', <<'END', $port, $dir]);
use IO::Socket::INET;

my ($port, $dir) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port",
                                   Listen => 5, ReuseAddr => 1) or die;

while (my $client = $server->accept) {
    my ($head, $length, $body) = ('', 0, '');

    while (my $line = <$client>) {
        $length = $1 if $line =~ /^content-length: (\d+)/i;
        $head .= $line;
        last if $line eq "\r\n";
    }

    read $client, $body, $length if $length;
    my $status = -e "$dir/no-hook" ? 500 : 204;

    if ($status == 204 && length $body) {
        open my $file, '>>', "$dir/hooks";
        print $file "$body\n";
    }

    print $client "HTTP/1.1 $status X\r\nContent-Length: 0\r\n"
                  . "Connection: close\r\n\r\n";
}
END

wait_for(sub { IO::Socket::INET->new("127.0.0.1:$port") }, 10, 'the webhook');

# the key as systemd hands it to the service
my $key = spew("$dir/key", slurp("$path/key"));
own($dir, $key);
chmod 0600, $key;

$pg->do("CREATE ROLE $_ LOGIN IN ROLE soporte_agent") for qw(ana beto);
$pg->do("INSERT INTO soporte.agent VALUES ('ana', 'acme'), ('beto', 'otra')");


# the programs' psql, which writes down what a list of processes would show

my $psql = (grep { -x } map { "$_/psql" } split /:/, $ENV{PATH})[0];
my %watched = (PATH => "$dir/bin:$ENV{PATH}", TMPDIR => "$dir/tmp");

make_path("$dir/bin", "$dir/tmp");
own("$dir/bin", "$dir/tmp");
spew("$dir/bin/psql", <<"END");
#!/bin/sh
echo "\$@" >> $dir/psql-arguments
exec $psql "\$@"
END
chmod 0755, "$dir/bin/psql";
own(spew("$dir/psql-arguments", ''));


sub notify {
    my (@more) = @_;

    return run({ drop => 1, env => \%watched }, top() . '/bin/soporte-notify', "--path=$path",
               "--key=$key", '--url=https://{tenant}.example.mx/soporte',
               '--from=mesa@example.mx', "--sendmail=$sendmail",
               '--agents=mesa@example.mx,guardia@example.mx', @more);
}

# mails since the last look: the whole as bytes, parts decoded

sub mails {
    my @mails;

    for my $name (sort glob "$dir/mail.*") {
        my ($head, $body) = split /\n\n/, slurp($name), 2;

        $head =~ s/\n //g;
        my %mail = (raw => $head, text => decode('UTF-8', decode_base64($body)));

        $mail{lc $1} = $2 while $head =~ /^([\w-]+): (.*)$/mg;
        $mail{subject} = decode('MIME-Header', $mail{subject});
        push @mails, \%mail;
        unlink $name;
    }

    return @mails;
}

sub hooks {
    my @lines = split /\n/, slurp("$dir/hooks");

    unlink "$dir/hooks";

    return map { $json->decode($_) } @lines;
}

sub file {
    my ($change, $addr) = @_;

    my $r = post_json($addr // $nginx->addr, '/soporte/tickets', {
        subject => 'Año nuevo, sin impresión', description => 'Palabras mías',
        category => 'uso', email => 'eva@acme.mx', name => 'Eva', %$change
    });

    return $r->json;
}

# a link as nginx leaves it

sub leave {
    my ($change) = @_;

    my $id = sprintf '0190c000-0000-7000-8000-%012x', 4096 + ++$serial;
    my $name = "$spool/notify/$id.json";

    spew($name, $json->encode({ id => $id, tenant => 'acme', %$change }));
    own($name);
}

sub stored {
    my ($folio) = @_;

    wait_is(sub { $pg->value('SELECT count(*) FROM soporte.ticket '
                             . 'WHERE folio = ?', $folio) }, 1,
            "$folio is stored", 20);
}

sub notes { return scalar(() = glob "$path/notified/*-*") }

sub again {
    for my $name (glob "$path/notified/*-*") {
        my $note = $json->decode(slurp($name));

        delete $note->{next};
        spew($name, $json->encode($note));
        own($name);
    }
}

sub program {
    my ($name, $options, @arguments) = @_;

    return run($options, top() . "/bin/soporte-$name", @arguments);
}


# agents learn of a ticket, its customer gets the folio and the link

my ($code, $out);
my $ticket = file({});

is(scalar(() = glob "$spool/notify/*"), 1, 'somebody is to be told');

($code, $out) = notify("--webhook=http://127.0.0.1:$port/x?clave=secreta",
                       "--metrics=$dir/notify.prom", '--json');
is($code, 0, 'told') or diag($out);
is(scalar(() = $out =~ /"result":"told"/g), 3, 'of three, as JSON');

my ($desk, $customer) = sort { $b->{to} cmp $a->{to} } mails();

is($desk->{to}, 'mesa@example.mx,guardia@example.mx', 'a mail to the desk');
is($desk->{subject},
   "acme $ticket->{folio} Año nuevo, sin impresión", 'its subject');
like($desk->{text}, qr/Palabras mías/, 'with what was written');
is($customer->{to}, 'eva@acme.mx', 'one to the customer');
is($customer->{subject}, "Recibimos tu solicitud $ticket->{folio}",
   'that it was received');
unlike($customer->{text}, qr/Palabras|Eva|Año/,
       'with nobody else\'s words in it');
is($customer->{'auto-submitted'}, 'auto-generated', 'marked as automatic');

my ($link) = $customer->{text} =~ m{https://acme\.example\.mx(/soporte/\S+)};

is(get($nginx->addr, $link)->{status}, 303, 'its link opens the ticket');
is(get($nginx->addr('B'), $link)->{status}, 404, 'of this tenant alone');

my ($call) = hooks();

is("$call->{kind} $call->{tenant} $call->{folio}",
   "ticket acme $ticket->{folio}", 'the webhook learns of it');
ok(!exists $call->{email} && !exists $call->{description},
   'and of no person');
like(slurp("$dir/notify.prom"),
     qr/^soporte_notices_total\{to="customer",result="told"\} 1$/m, 'counted');
is(notes() . (() = glob "$spool/notify/*"), '00', 'nothing is left of it');

($code) = notify();
is("$code " . mails(), '0 0', 'nobody is told twice');


# what fails is tried again, and only that

spew("$dir/$_", '') for qw(no-hook);
file({});

($code) = notify("--webhook=http://127.0.0.1:$port/");
is("$code " . mails(), '1 2', 'the webhook fails, mail goes out');

($code) = notify("--webhook=http://127.0.0.1:$port/");
is($code . mails() . hooks(), '100', 'a failure waits a while');

unlink "$dir/no-hook";
again();
($code) = notify("--webhook=http://127.0.0.1:$port/");
is($code . mails() . hooks(), '001', 'then the webhook is told, nobody else');

spew("$dir/no-mail", '');
leave({ email => 'mal <x>@acme.mx', folio => 'SOP-MAL' });
file({ subject => "Uno\x{2028}dos =?UTF-8?B?eA==?=" });
($code, $out) = notify();
is($code . mails(), '10', 'no mail is taken');
unlink "$dir/no-mail";
again();
($code) = notify();
my @mails = mails();
is("$code " . join(' ', sort map { $_->{to} } @mails),
   '0 eva@acme.mx ' . join(' ', ('mesa@example.mx,guardia@example.mx') x 2),
   'then it is; an address that is none is left out');
unlike(slurp("$dir/arguments"), qr/mal|<x>/, 'and is no argument');
is(scalar(grep { $_->{raw} =~ /^(?!From|To|Subject|Date|Message-ID
                                 |Auto-Submitted|MIME-Version|Content)/mx }
          @mails), 0, 'no header more');


# a pass that dies after the hand-over repeats one mail, as the same

file({});
spew("$dir/kill", '');
notify();
my ($first) = mails();
unlink "$dir/kill";
($code) = notify();
my @again = mails();

is($code, 0, 'after a death the rest is told');
is(scalar(grep { $_->{'message-id'} eq $first->{'message-id'} } @again), 1,
   'the one in hand once more, with its Message-ID');
is(scalar @again, 2, 'and no other');


# the disk takes nothing: the ticket goes to PostgreSQL, and who is to be told
# is told by the first pass that asks there, once

my @ask = ('--db=' . $pg->conninfo('soporte_notify'));

sub untold { return $pg->value('SELECT count(*) FROM soporte.notice') }

notify();
mails();
$nginx->allow_log('tickets go to PostgreSQL past the spool');
chmod 0500, "$spool/tmp" or die;

my $direct = file({ subject => 'Sin disco, año' });

chmod 0700, "$spool/tmp" or die;

is($pg->value('SELECT count(*) FROM soporte.ticket WHERE folio = ?',
              $direct->{folio}), 1, 'past the spool: in PostgreSQL');
is(scalar(() = glob "$spool/notify/*"), 0, '... without a link');
is(untold(), 1, '... yet not forgotten');

($code) = notify();
is($code . mails(), '00', 'a pass that does not ask there tells nobody');

spew("$dir/no-mail", '');
($code) = notify(@ask);
is($code . mails() . untold(), '100', 'one that asks has a link of it');
unlink "$dir/no-mail";
again();
($code) = notify(@ask);
@mails = mails();
is("$code " . join(' ', sort map { $_->{to} } @mails),
   '0 eva@acme.mx mesa@example.mx,guardia@example.mx', '... and tells');
like((grep { $_->{to} =~ /mesa/ } @mails)[0]{text},
     qr/Asunto: Sin disco, año.*Palabras mías/s, '... the desk all of it');
like((grep { $_->{to} =~ /eva/ } @mails)[0]{text},
     qr/\Q$direct->{folio}\E\n.*clave=/s, '... the customer the folio');
($code) = notify(@ask);
is($code . mails(), '00', '... once');


# PostgreSQL is away: people are told all the same, its own errands wait

$pg->stop;
$nginx->allow_log('tickets stay in the spool');
my $late = file({});
($code) = notify('--db=' . $pg->conninfo('soporte_notify'));
is("$code " . mails(), '1 2', 'told without PostgreSQL');
$pg->start;
stored($late->{folio});


# agents

my $ana = '--db=' . $pg->conninfo('ana');
my $beto = '--db=' . $pg->conninfo('beto');

stored($ticket->{folio});
($code, $out) = program('ticket', {}, $ana, 'list');
like($out, qr/^\Q$ticket->{folio}\E  acme  received .*Eva/m, 'the queue');
($code, $out) = program('ticket', {}, $ana, 'list', '--json');
ok((grep { $json->decode($_)->{folio} eq $ticket->{folio} } split /\n/, $out),
   'as JSON');
($code, $out) = program('ticket', {}, $beto, 'list');
is("$code$out", '0', 'nothing of another tenant');

($code, $out) = program('ticket', {}, $beto, 'show', $ticket->{folio});
is($code, 1, 'nor by its folio');
($code, $out) = program('ticket', {}, $ana, 'show', lc $ticket->{folio});
like(decode('UTF-8', $out), qr/subject:  Año nuevo.*Palabras mías/s,
     'a ticket');

my $text = spew("$dir/reply", encode('UTF-8', "Ya quedó; 'así' \\ :'id'\n"));
is((program('ticket', { in => $text }, $beto, 'reply', $ticket->{folio}))[0],
   1, 'no reply to another tenant');
is((program('ticket', { in => $text, env => \%watched }, $ana, 'reply',
            $ticket->{folio}))[0], 0, 'a reply');
is((program('ticket', { in => spew("$dir/note", 'entre nosotros') }, $ana,
            'reply', $ticket->{folio}, '--internal'))[0], 0, 'a note');

my @db = '--db=' . $pg->conninfo('soporte_notify');

# what is said is no argument of a program, however long it is

my $long = encode('UTF-8', "\x{1f600}" x 39_000);
is((program('ticket', { in => spew("$dir/long", $long), env => \%watched },
            $ana, 'reply', $ticket->{folio}, '--internal'))[0], 0,
   'more than an argument can be');
is($pg->value('SELECT count(*) FROM soporte.ticket_message '
              . 'WHERE octet_length(body) = 156000'), 1, '... whole');
is(scalar(() = glob "$watched{TMPDIR}/tmp.*"), 0, '... no copy stays');

($code, $out) = notify(@db);
@mails = mails();
is("$code $#mails $mails[0]{to}", '0 0 eva@acme.mx', 'the customer gets one');
like($mails[0]{text}, qr/Ya quedó; 'así' \\ :'id'/, 'word by word');
is(get($nginx->addr, ($mails[0]{text} =~ m{mx(/soporte/\S+)})[0])->{status},
   303, 'with the link');
($code) = notify(@db);
is($code . mails(), '00', 'once');

my $r = get($nginx->addr, $link, Accept => 'application/json');
is($r->json->{status}, 'waiting', 'the page knows');
like(decode("UTF-8", $r->{body}), qr/Ya quedó/, "and shows the reply");
unlike($r->{body}, qr/entre nosotros/, 'the note is not for customers');

$pg->do('UPDATE soporte.ticket SET subject = ?, description = ? '
        . 'WHERE folio = ?', "Año\x{9b}31m\x{85}", "a\tb\x{1b}[2J\x{7f}\x{9d}",
        $ticket->{folio});
($code, $out) = program('ticket', {}, $ana, 'show', $ticket->{folio});
like(decode('UTF-8', $out), qr/subject:  Año31m\n.*\na\tb\[2J\n/s,
     'a terminal is not commanded');
unlike(decode('UTF-8', $out), qr/[^\P{Cc}\n\t]/, '... by any control');

($code, $out) = program('ticket', {}, $ana, 'close', $ticket->{folio});
is($code, 0, 'closed');
is(get($nginx->addr, $link, Accept => 'application/json')->json->{status},
   'closed', 'for the customer, too');
is((program('ticket', {}, '--db=port=1 host=/nonexistent', 'list'))[0], 3,
   'no database');
is((program('ticket', {}, 'dance'))[0], 2, 'no such command');
is((program('ticket', {}, '--help'))[0], 0, 'help');


# attachments come out as they went in

my $bytes = join '', map { chr($_ * 7 & 255) } 1 .. 700_000;
my ($id) = $pg->value('SELECT id FROM soporte.ticket WHERE folio = ?',
                      $ticket->{folio});

for my $at (0, 262_144, 524_288) {
    my $part = substr $bytes, $at, 262_144;

    $pg->do('SELECT soporte.store_part(?, ?, ?, ?, ?, ?, decode(?, ?))',
            'acme', $id, $id, 'file-00', length $bytes, $at,
            unpack('H*', $part), 'hex');
}

($code, $out) = program('ticket', {}, $ana, 'attachment', $ticket->{folio});
like($out, qr/^1  700000  /, 'a list');
($code, $out) = program('ticket', {}, $ana, 'attachment', $ticket->{folio}, 1);
is(sha256_hex($out), sha256_hex($bytes), 'byte by byte');
is((program('ticket', {}, $ana, 'attachment', $ticket->{folio}, 2))[0], 1,
   'no other');


# a lost link

leave({ kind => 'lost_link', email => 'eva@acme.mx' });
leave({ kind => 'lost_link', email => 'nadie@acme.mx' });
($code) = notify(@db);
@mails = mails();
is("$code $#mails $mails[0]{to}", '0 0 eva@acme.mx',
   'lost links are sent, and nothing to whom we do not know');
like($mails[0]{text}, qr{\Q$ticket->{folio}\E  .*\nhttps://acme\.\S+clave=},
     'each with its folio');
like(slurp("$dir/psql-arguments"), qr/-v folio=\Q$ticket->{folio}\E .*^-X /ms,
     'programs of the list of processes');
unlike(slurp("$dir/psql-arguments"), qr/\@acme|quedó|\xf0\x9f|Ya qued/,
       '... show no address and no word');


# dead letters: listed, read, mended, sent again

$nginx->allow_log('could not be delivered');
my $dead = '0190c000-0000-7000-8000-000000000002';
my $document = {
    id => $dead, tenant => 'acme', folio => 'SOP-DEAD', subject => 'x' x 300,
    body_sha256 => sha256_hex('x'), description => 'd', category => 'uso',
    email => 'rita@acme.mx', node => 'uno', filed_at => '2026-11-23T02:28:52Z'
};

sub kill_letter {
    my ($id) = @_;

    make_path("$spool/tmp/x");
    spew("$spool/tmp/x/ticket.json", $json->encode({ %$document, id => $id }));
    own("$spool/tmp/x", "$spool/tmp/x/ticket.json");
    rename "$spool/tmp/x", "$spool/new/$id";
    file({});
    wait_for(sub { -e "$spool/dead/$id/reason" }, 15, 'a dead letter');
}

# an editor, which sees what lies in the directory for temporary files

my $editor = spew("$dir/editor", <<"END");
#!/bin/sh
stat -c %a "$dir"/tmp/* | sort -u > $dir/seen
sed -i 's/xxx*/Corto/' "\$1"
END
chmod 0755, $editor;

my @at = ({ drop => 1, env => { EDITOR => $editor, TMPDIR => "$dir/tmp" } },
          "--path=$path");

kill_letter($dead);
($code, $out) = program('spool', @at, 'list', 'dead');
is($out, "dead  $dead  acme  SOP-DEAD  ticket  2026-11-23T02:28:52Z  23514\n",
   'it is listed');
($code, $out) = program('spool', @at, 'list', '--json', 'dead');
is($json->decode($out)->{reason}, '23514', 'as JSON');
($code, $out) = program('spool', @at, 'show', $dead);
like($out, qr/^state: dead\nreason: 23514\n.*"folio": "SOP-DEAD"/s, 'read');
is((program('spool', @at, 'edit', $dead))[0], 0, 'mended');
is(scalar(() = glob "$dir/tmp/*"), 0, '... no copy stays');
is(slurp("$dir/seen"), "600\n", '... and was for nobody else');
is((program('spool', @at, 'retry', $dead))[1], "$dead\n", 'sent again');
stored('SOP-DEAD');

my $other = '0190c000-0000-7000-8000-000000000003';

kill_letter($other);
spew("$spool/dead/$other/ticket.json", $json->encode({
    %$document, id => $other, folio => "A\x{9b}31m\nB\x{1b}[2J",
    subject => "\x{9d}0;x"
}));
($code, $out) = program('spool', @at, 'list', 'dead');
like($out, qr/^dead  $other  acme  A31m B\[2J  ticket  [^\n]*\n\z/,
     'a line each, whatever they wrote');
($code, $out) = program('spool', @at, 'list', '--json', 'dead');
unlike($out, qr/[^ -~\n]/, '... as JSON');
is($json->decode($out)->{folio}, "A\x{9b}31m\nB\x{1b}[2J", '... unchanged');
($code, $out) = program('spool', @at, 'show', $other);
like($out, qr/"0;x"/, '... shown');
unlike(decode('UTF-8', $out), qr/[^\P{Cc}\n]/, '... and no terminal commanded');

is((program('spool', @at, 'drop', $other))[0], 0, 'another is dropped');
is((program('spool', @at, 'list', 'dead'))[1], '', 'and gone');
is((program('spool', @at, 'drop', $other))[0], 1, 'once');
is((program('spool', @at, 'show', '../../key'))[0], 2, 'a path is no id');
is((program('spool', @at, 'list', 'lost'))[0], 2, 'no such state');
is((program('spool', {}, '--path=/nonexistent', 'list'))[0], 1, 'no spool');
is((program('spool', {}, '--help'))[0], 0, 'help');


# of a person nothing stays that was to be erased

notify(@db);
mails();
kill_letter($other);
$pg->do('SELECT soporte.tell_later(?::jsonb)', $json->encode({
    kind => 'lost_link', tenant => 'acme', email => 'Rita@acme.mx',
    id => '0190c000-0000-7000-8000-000000000005' }));
my @admin = ('--db=' . $pg->conninfo, "--path=$path");

file({ email => 'rita@acme.mx' }, $nginx->addr('B'));
wait_is(sub { $pg->value("SELECT count(*) FROM soporte.ticket "
                         . "WHERE email = 'rita\@acme.mx'") }, 2, 'of Rita');

my $word = '0190c000-0000-7000-8000-000000000004';

make_path("$spool/dead/$word");
spew("$spool/dead/$word/ticket.json", $json->encode({
    kind => 'message', id => $word, tenant => 'acme', ticket => $dead,
    body => 'De Rita'
}));
own("$spool/dead/$word", "$spool/dead/$word/ticket.json");

($code, $out) = program('privacy', {}, @admin, 'export', 'RITA@acme.mx');
my $all = $json->decode($out);
is(scalar @{$all->{tickets}}, 2, 'her tickets of all tenants');
is(scalar @{$all->{rejected}}, 2, 'and what was not taken');
is(scalar(grep { $_->{id} =~ /^(?:$other|$word)$/ } @{$all->{spool}}), 2,
   'and what is in the spool, a message on her ticket as well');

is((program('privacy', {}, @admin, 'erase', 'rita@acme.mx'))[0], 2,
   'not without a word');
($code, $out) = program('privacy', {}, @admin, 'erase', 'rita@acme.mx',
                        '--yes');
like($out, qr/^erased: 2 tickets, \d documents/, 'erased');
($code, $out) = program('privacy', {}, @admin, 'export', 'rita@acme.mx');
is($out =~ s/\s//gr,
   '{"email":"rita@acme.mx","tickets":[],"rejected":[],"spool":[]}',
   'nothing is left');
is(untold(), 0, 'nor is she told of anything');
is($pg->value('SELECT count(*) FROM soporte.ticket WHERE email = ?',
              'eva@acme.mx') > 3, 1, 'others stay');

($code, $out) = program('privacy', {}, @admin, 'export', 'eva@acme.mx');
my ($mine) = grep { $_->{id} eq $id } @{$json->decode($out)->{tickets}};
is(sha256_hex(decode_base64($mine->{attachments}[0]{content})),
   sha256_hex($bytes), 'attachments are handed out');

$pg->do("UPDATE soporte.ticket SET changed_at = now() - interval '3 years' "
        . "WHERE id = ?", $id);
is((program('privacy', {}, @admin, 'purge', '1 day'))[0], 3,
   'too short a time');
($code, $out) = program('privacy', {}, @admin, 'purge', '2 years');
like($out, qr/^forgot 1 tickets, 0 months.*\nremoved 0 dead/, 'what is old');
is((program('privacy', {}, '--help'))[0], 0, 'help');

is((run(top() . '/bin/soporte-notify', '--help'))[0], 0, 'help');
is((run(top() . '/bin/soporte-notify', '--path=/x'))[0], 2, 'nobody to tell');
is((run(top() . '/bin/soporte-notify', '--from=x@y', '--path=/x'))[0], 1,
   'no spool');

done_testing();
