# Prevents a page that some people can't use: every page of t/pages, in both
# languages and both schemes, by axe, on the narrowest phone, by its weight,
# under its own Content-Security-Policy.  A page with one fault of each kind
# shows that the tests see them.

use strict;
use warnings;

use Digest::SHA qw(sha256_base64);

use Soporte::Browser;
use Soporte::Process qw(top run slurp);
use Soporte::Test;


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


browse('pages.js', pages => sub {
    return [map { rendered($_) } glob top() . '/t/pages/*.json'];
});

done_testing();
