package Soporte::Bench;

# A bench on disk as bench and Frappe leave it: sites/ with apps, assets and
# the configuration of all, a folder a site with site_config.json, public and
# private/backups; and the nginx.conf that "bench setup nginx" makes of it.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use JSON::PP ();

use Soporte::Process qw(temp_dir own slurp spew drop);

my $json = JSON::PP->new->utf8->canonical->pretty;


# Options: dir, mode of a site's configuration.

sub new {
    my ($class, %option) = @_;

    my $self = bless { dir => temp_dir() . '/frappe-bench', %option }, $class;

    make_path("$self->{dir}/sites/assets");
    spew("$self->{dir}/sites/apps.txt", "frappe\nerpnext\n");
    spew("$self->{dir}/sites/common_site_config.json", $json->encode({
        db_host => 'localhost', redis_cache => 'redis://127.0.0.1:13000'
    }));

    return $self;
}


sub dir { $_[0]{dir} }

sub sites { "$_[0]{dir}/sites" }


# A site; config is merged into what Frappe writes.

sub site {
    my ($self, $name, %config) = @_;

    my $folder = $self->sites . "/$name";

    make_path("$folder/private/backups", "$folder/private/files",
              "$folder/public/files");

    $self->config($name, $json->encode({
        db_name => '_' . substr($name, 0, 8), db_type => 'mariadb',
        db_password => 'canary-' . scalar reverse($name), %config
    }));

    return $self;
}


# the text of a site's configuration, replaced at once as bench does not

sub config {
    my ($self, $name, $text) = @_;

    my $file = $self->sites . "/$name/site_config.json";

    spew("$file.new", $text);
    rename "$file.new", $file or die "rename $file: $!";

    return $self;
}


sub remove {
    my ($self, $name) = @_;

    remove_tree($self->sites . "/$name");

    return $self;
}


# A file of backups: part is database, files, private-files, or
# site_config_backup; age in hours, size in bytes.

sub backup {
    my ($self, $name, $part, $age, $size, %option) = @_;

    my $at = time - int($age * 3600);
    my @t = localtime $at;
    my $slug = $option{slug} // $name =~ tr/./_/r;
    my $file = sprintf '%s/%04d%02d%02d_%02d%02d%02d-%s%s-%s%s.%s',
        $option{folder} // $self->sites . "/$name/private/backups",
        $t[5] + 1900, $t[4] + 1, @t[3, 2, 1, 0], $slug,
        $option{partial} ? '-partial' : '', $part, $option{enc} ? '-enc' : '',
        $part eq 'database' ? 'sql.gz' : $part =~ /files/
        ? $option{tgz} ? 'tgz' : 'tar' : 'json';

    $file .= $option{suffix} // '';

    open my $out, '>', $file or die "$file: $!";
    truncate $out, $size or die "$file: $!";
    close $out;

    utime $at, $at, $file;

    return $file;
}


# the server of "bench setup nginx", its names of sites and domains

sub conf {
    my ($self, %option) = @_;

    my $sites = $self->sites;
    my $names = join "\n        ", sort keys %{$option{hosts}};
    my $map = join "\n    ", map { "$_ $option{hosts}{$_};" }
                             sort keys %{$option{hosts}};

    return <<"END";
upstream frappe-bench-frappe {
    server $option{web} fail_timeout=0;
}

upstream frappe-bench-socketio-server {
    server $option{web} fail_timeout=0;
}

map \$host \$site_name_1a2b3c {
    $map
    default \$host;
}

server {
    listen $option{listen};
    server_name
        $names;

    root $sites;

    proxy_buffer_size 128k;
    proxy_buffers 4 256k;
    proxy_busy_buffers_size 256k;

    add_header X-Frame-Options "SAMEORIGIN";
    add_header X-Content-Type-Options nosniff;

    location /assets {
        try_files \$uri =404;
        add_header Cache-Control "max-age=31536000";
    }

    location ~ ^/protected/(.*) {
        internal;
        try_files /\$site_name_1a2b3c/\$1 =404;
    }

    location /socket.io {
        proxy_http_version 1.1;
        proxy_set_header Upgrade \$http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_set_header X-Frappe-Site-Name \$site_name_1a2b3c;
        proxy_set_header Origin \$scheme://\$http_host;
        proxy_set_header Host \$host;

        proxy_pass http://frappe-bench-socketio-server;
    }

    location / {
        rewrite ^(.+)/\$ \$1 permanent;
        rewrite ^(.+)/index\\.html\$ \$1 permanent;
        rewrite ^(.+)\\.html\$ \$1 permanent;

        location ~* ^/files/.*.(htm|html|svg|xml) {
            add_header Content-disposition "attachment";
            try_files /\$site_name_1a2b3c/public/\$uri \@webserver;
        }

        try_files /\$site_name_1a2b3c/public/\$uri \@webserver;
    }

    location \@webserver {
        proxy_http_version 1.1;
        proxy_set_header X-Forwarded-For \$remote_addr;
        proxy_set_header X-Forwarded-Proto \$scheme;
        proxy_set_header X-Frappe-Site-Name \$site_name_1a2b3c;
        proxy_set_header Host \$host;
        proxy_set_header X-Use-X-Accel-Redirect True;
        proxy_read_timeout 120;
        proxy_redirect off;

        proxy_pass  http://frappe-bench-frappe;
    }

    error_page 502 /502.html;
    location /502.html {
        root $self->{dir};
        internal;
    }

    sendfile on;
    keepalive_timeout 15;
    client_max_body_size 50m;
    client_body_buffer_size 16K;
    client_header_buffer_size 1k;
}
END
}


1;
