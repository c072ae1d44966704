# Prevents a page that some people can't use: every page of t/pages, in both
# languages and both schemes, by axe, on the narrowest phone, by its weight,
# under its own Content-Security-Policy.  A page with one fault of each kind
# shows that the tests see them.

use strict;
use warnings;

use Digest::SHA qw(sha256_base64);
use JSON::PP ();

use Soporte::Browser;
use Soporte::Process qw(top run temp_dir);
use Soporte::Test;

my $dir = temp_dir();


# a page as it would be sent: [name, HTML]

sub rendered {
    my ($data) = @_;

    my ($name, $page) = $data =~ m{/((\w+)[\w.-]*)\.json$};
    my ($code, $html) = run({ cwd => top() }, 'build/render',
                            "conf/pages/$page.html", $data);

    die $html if $code;

    # of the file as it is now, which t/pages can't know
    my $hash = 'sha256-' . sha256_base64(slurp(top() . '/conf/form.js')) . '=';
    $html =~ s/integrity=""/integrity="$hash"/;

    utf8::decode($html);

    return [$name, $html];
}


# a restore at each of its phases, from the data of one of them

sub phases {
    my $text = slurp(top() . '/t/pages/restore-database.es.json');
    my $count = @{JSON::PP->new->utf8->decode($text)->{restore}{phases}};
    my @pages;

    for my $n (1 .. $count) {
        my $data = JSON::PP->new->utf8->decode($text);

        for my $phase (@{$data->{restore}{phases}}) {
            $phase->{done} = $phase->{n} < $n ? \1 : \0;
            $phase->{current} = $phase->{n} == $n ? \1 : \0;
            $phase->{todo} = $phase->{n} > $n ? \1 : \0;
        }

        push @pages, rendered(spew("$dir/restore-phase-$n.es.json",
                                   JSON::PP->new->utf8->encode($data)));
    }

    return @pages;
}


browse('pages.js', pages => sub {
    return [map({ rendered($_) } glob top() . '/t/pages/*.json'), phases()];
});

done_testing();
