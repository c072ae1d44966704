# Prevents a help button that is not there, breaks the desk, forgets what the
# customer saw, tells a password, or stays where there is no portal: in
# stand-ins of the desk's pages, brought in by conf/widget.conf.
#
# What is known of the pages is from Frappe: frappe/www/app.html and desk.html
# (v13 and v14: frappe.boot is an object, below /app; v15: JSON in a string;
# v16: /desk), frappe/public/js/frappe/ui/messages.js (.modal, .msgprint,
# .indicator, .desk-alert) and frappe/public/js/frappe/request.js (the dialog
# of a server error).

use strict;
use warnings;
use utf8;

use JSON::PP ();

use Soporte::Browser;
use Soporte::Http;
use Soporte::Nginx;
use Soporte::Test;


# a desk as it is served, with a letter head that ends a body of its own

sub desk {
    my ($version) = @_;

    my $boot = JSON::PP->new->canonical->encode({
        versions     => { frappe => "$version.1.0", erpnext => "$version.2.0",
                          hrms => '1.0' },
        user         => { name => 'ana@acme.mx' },
        letter_heads => { Carta => { header => '<html><head></head><body>'
                                               . '<b>Acme</b></body></html>' } }
    });

    $boot =~ s{</(script)}{<\\/$1}g;
    $boot = 'JSON.parse(' . JSON::PP->new->allow_nonref->encode($boot) . ')'
        if $version == 15;

    my $body = $version >= 14 ? '' : ' data-theme="light"';
    my $html = $version >= 14 ? ' data-theme="light" dir=ltr' : '';

    return <<"END";
<!DOCTYPE html>
<html$html lang="es">
<head>
<meta content="text/html;charset=utf-8" http-equiv="Content-Type">
<title>Desk</title>
</head>
<body$body>
<div class="main-section"><header></header><div id="body">v$version</div>
<footer></footer></div>
<script nonce="desk">
window.frappe = window.frappe || {};
frappe.boot = $boot;
</script>
<script nonce="desk" src="/assets/desk.js"></script>
</body>
</html>
END
}


# what the widget meets of the desk's script

my $script = <<'END';
(function () {
'use strict';
var route = ['Form', 'Sales Invoice', 'SINV-0001'];
function add(parent, tag, name, text) {
    var e = document.createElement(tag);
    e.className = name;
    e.textContent = text || '';
    return parent.appendChild(e);
}
function dialog(title, sign) {
    var m = add(document.body, 'div', 'modal fade'), head;
    head = add(add(m, 'div', 'modal-content'), 'div', 'modal-header');
    add(head, 'span', 'indicator ' + sign);
    add(head, 'h4', 'modal-title', title);
    m.text = add(m.firstChild, 'div', 'modal-body');
    return m;
}
frappe.session = { user: frappe.boot.user.name };
frappe.get_route = function () { return route; };
frappe.set_route = function () {
    route = [].slice.call(arguments);
    history.pushState(null, '', location.pathname.split('/').slice(0, 2)
                      .concat(route[route.length - 2]).join('/'));
    document.getElementById('body').textContent = route.join('/');
};
frappe.msgprint = function (title, text, sign) {
    var m = frappe.msg_dialog
            || (frappe.msg_dialog = dialog(title, 'blue'));
    m.classList.add('msgprint-dialog');
    m.querySelector('.indicator').className = 'indicator ' + sign;
    m.querySelector('.modal-title').textContent = title;
    add(m.text, 'div', 'msgprint', text);
    m.classList.add('show');
};
frappe.hide_msgprint = function () {
    frappe.msg_dialog.classList.remove('show');
    frappe.msg_dialog.text.textContent = '';
};
frappe.server_error = function (text) {
    var m = dialog('Server Error', 'hidden');
    m.classList.add('msgprint-dialog');
    m.text.textContent = text;
    m.classList.add('show');
};
frappe.show_alert = function (text, color) {
    var c = document.getElementById('alert-container');
    if (!c) {
        c = add(document.body, 'div', '');
        c.id = 'dialog-container';
        c = add(c, 'div', '');
        c.id = 'alert-container';
    }
    add(add(c, 'div', 'alert desk-alert ' + color), 'div', 'alert-message',
        text);
};
})();
END

my $nginx = Soporte::Nginx->new(
    files => {
        map({ ("desk/$_.html" => desk($_)) } 13 .. 16),
        'desk/bare.html'      => '<html><head></head><body>x</body></html>',
        'desk/assets/desk.js' => $script,
        'quick.json'          => '{"form": {"min_seconds": 0}}'
    },
    conf => <<'END')->start;
%%GLOBALS%%
events { }
http {
    %%HTTP%%
    include /etc/nginx/mime.types;
    soporte_zone zone=widget:4m file=%%PREFIX%%/shm;
    soporte_path %%PREFIX%%/lib;
    soporte_policy %%PREFIX%%/quick.json;
    include %%TOP%%/conf/widget.conf;
    map $host $desk {
        "~^v(\d+)\."  $1;
        default       bare;
    }
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header Accept-Encoding $soporte_encoding;

    # the desk

    server {
        listen 127.0.0.1:%%PORT_DESK%%;
        root %%PREFIX%%/desk;
        gzip on;
        gzip_min_length 1;
        location /assets { }
        location / {
            add_header Content-Security-Policy
                "default-src 'self'; script-src 'self' 'nonce-desk'" always;
            try_files /$desk.html =404;
        }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        soporte acme;
        soporte_portal /soporte;
        location / { proxy_pass http://127.0.0.1:%%PORT_DESK%%; }
    }
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name apagado.localhost;
        soporte acme;
        location /soporte { return 404; }
        location / { proxy_pass http://127.0.0.1:%%PORT_DESK%%; }
    }
    server {
        listen 127.0.0.1:%%PORT_PLAIN%%;
        soporte acme;
        proxy_set_header Host $host;
        proxy_set_header Accept-Encoding $http_accept_encoding;
        location / { proxy_pass http://127.0.0.1:%%PORT_DESK%%; }
    }
    server {
        listen unix:%%PREFIX%%/control.sock;
        location / { soporte_control; }
    }
}
END

my $control = 'unix:' . $nginx->prefix . '/control.sock';
my $tag = qr{<script\ssrc="/soporte/widget\.js"\sdefer></script>}x;


# the snippet alone

for my $row (['/app', 1], ['/app/sales-invoice', 1], ['/desk', 1],
             ['/desk/user', 1], ['/application', 0], ['/', 0], ['/login', 0])
{
    my $r = get($nginx->addr, $row->[0], Host => 'v15.localhost',
                'Accept-Encoding' => 'gzip');
    my @found = $r->{body} =~ /$tag/g;

    is(scalar(@found), $row->[1], "$row->[0]: $row->[1] button");
    like($r->{body}, qr{$tag</head>\n<body}, '... in the head')
        if $row->[1];
}

unlike(get($nginx->addr, '/soporte')->{body}, $tag, 'none on our own page');
unlike(get($nginx->addr('PLAIN'), '/app', Host => 'v15.localhost',
           'Accept-Encoding' => 'gzip')->{body}, $tag,
       'a compressed page passes unmatched: that is why');


browse('widget.js',
    where   => sub { return $nginx->port },
    control => sub {
        my ($method, $path, $data) = @_;
        my $r = request($control, $method, "/v1/tenants/acme/$path",
                        $data && JSON::PP->new->utf8->encode($data));
        die "$r->{status} $r->{body}" if $r->{status} !~ /^20/;
        return 1;
    },
    context => sub {
        my ($folio) = @_;
        for my $file (glob $nginx->prefix . '/lib/spool/*/*/ticket.json') {
            my $ticket = JSON::PP->new->utf8->decode(slurp($file));
            return $ticket->{context} if $ticket->{folio} eq $folio;
        }
        die "no $folio";
    }
);

done_testing();
