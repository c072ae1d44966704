# Prevents a portal that loses, doubles or changes what a customer wrote: the
# help form walked in Chromium, in hours and out of them, with and without
# script, whatever is down; what arrives in PostgreSQL compared field by field.
# categories.t walks through the policy's categories.

use strict;
use warnings;
use utf8;

use JSON::PP ();
use POSIX qw(strftime);

use Soporte::Browser;
use Soporte::ErpNext;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Postgres;
use Soporte::Test;

my $pg = Soporte::Postgres->new;
my $erp = Soporte::ErpNext->new(sites => { 'localhost' => 'up' });
my $down = Soporte::ErpNext->new;

my $policy = do {
    open my $file, '<:raw', 'conf/politica.json' or die $!;
    local $/;
    JSON::PP->new->utf8->decode(<$file>);
};

# closed yesterday, today and tomorrow, of whatever day this is run on
my ($yesterday, $later) = map { strftime('%Y-%m-%dT00:00', gmtime(time + $_)) }
                          -2 * 86400, 3 * 86400;

my $nginx = Soporte::Nginx->new(
    vars  => { ERP => $erp->addr, DOWN => $down->addr, FROM => $yesterday,
               UNTIL => $later, PG => $pg->conninfo('soporte_nginx') },
    files => { 'quick.json' => '{"form": {"min_seconds": 0}}' },
    conf  => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    soporte_zone zone=browser:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_postgres "%%PG%%" timeout=600ms;
    soporte_node nodo;
    soporte_portal /soporte;
    soporte_policy %%PREFIX%%/quick.json;

    soporte_calendar siempre {
        timezone America/Mexico_City;
        hours mon-sun 00:00-24:00;
    }
    soporte_calendar cerrado {
        timezone America/Mexico_City;
        hours mon-sun 09:00-18:00;
        closed %%FROM%% %%UNTIL%%;
    }

    server {
        listen 127.0.0.1:%%PORT%%;
        server_name abierto.localhost;
        soporte acme;
        soporte_hours siempre;
        location / { proxy_pass http://%%ERP%%; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name cerrado.localhost;
        soporte acme;
        soporte_hours cerrado;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name lento.localhost;
        soporte lento;
        soporte_hours siempre;
        soporte_policy %%TOP%%/conf/politica.json;
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name caido.localhost;
        soporte caido;
        soporte_hours siempre;
        proxy_connect_timeout 1s;
        location / { proxy_pass http://%%DOWN%%; }
    }
    server {
        listen unix:%%PREFIX%%/metrics.sock;
        location / { soporte_metrics; }
    }
}
END

my $addr = $nginx->addr;


# the ticket of a folio as the table has it, when it is there

sub ticket {
    my ($folio) = @_;

    my ($row) = $pg->rows(<<'SQL', $folio) or return;
SELECT tenant, folio, subject, description, category, out_of_scope, urgent,
       queue, email, name, phone, verified, context::text, lang, node, status,
       reply_due, abs(extract(epoch FROM now() - filed_at)) < 120 AS recent,
       id
  FROM soporte.ticket WHERE folio = ?
SQL

    $row->{context} = JSON::PP->new->decode($row->{context});
    $row->{$_} = $row->{$_} ? \1 : \0
        for qw(out_of_scope urgent verified recent);

    return $row;
}

sub when {
    my ($code) = @_;

    my $value;
    wait_for(sub { $value = $code->() }, 20);

    return $value;
}


# a tenant that is measured down: connections are refused for some seconds

$down->stop;

sub fails {
    get($addr, '/app', Host => 'caido.localhost');

    return get($addr, '/soporte/estado.json', Host => 'caido.localhost')
           ->json->{state} eq 'down';
}

wait_for(\&fails, 20, 'the tenant to be down');


browse('portal.js',
    where  => sub { return $nginx->port },
    policy => sub { return $policy },
    ticket => sub {
        my ($folio) = @_;
        my $row = when(sub { ticket($folio) });
        delete $row->{id};
        return $row;
    },
    count  => sub {
        my ($subject) = @_;
        when(sub { !spooled() });
        return $pg->value('SELECT count(*) FROM soporte.ticket '
                          . 'WHERE subject = ?', $subject) + 0;
    },
    files  => sub {
        my ($folio, $n) = @_;
        my $row = when(sub { ticket($folio) });
        return when(sub {
            my @rows = $pg->rows(<<'SQL', $row->{id});
SELECT filename, type, size::int, encode(a.sha256, 'hex') AS said,
       encode(sha256(string_agg(p.content, '' ORDER BY p.at)), 'hex') AS stored
  FROM soporte.attachment a
  JOIN soporte.attachment_part p USING (tenant, ticket, owner, name)
 WHERE ticket = ? AND a.stored = a.size GROUP BY a.tenant, a.ticket, a.owner,
       a.name ORDER BY filename
SQL
            return @rows == $n ? \@rows : undef;
        });
    },
    answer => sub {
        my ($folio, $text) = @_;
        my $row = when(sub { ticket($folio) });
        $pg->do('INSERT INTO soporte.ticket_message (tenant, ticket, author, '
                . "body) VALUES ('acme', ?, 'agent', ?)", $row->{id}, $text);
        return 1;
    },
    stop   => sub { $pg->stop; return 1 },
    start  => sub { $pg->start; return 1 },
    metric => sub {
        my ($name) = @_;
        my $text = get('unix:' . $nginx->prefix . '/metrics.sock', '/metrics')
                   ->{body};
        return $text =~ /^\Q$name\E (\d+)/m ? $1 + 0 : undef;
    }
);


sub spooled {
    return grep { glob $nginx->prefix . "/lib/spool/$_/*" } qw(new sending);
}

done_testing();
