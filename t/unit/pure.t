# Prevents a core that knows a clock, a file or nginx: its objects link with
# libc alone, and what they ask libc for is on this short list.

use strict;
use warnings;

use Test::More;
use Soporte::Process qw(top run);

my $allowed = qr/^(?: mem(?:cpy|move|set|cmp|chr|rchr|mem)
                    | str(?:n?len|n?cmp|r?chr)
                    | v?snprintf
                    | (?:bsearch|qsort)
                    | __\w+_chk | __stack_chk_fail
                    | __cxa_finalize | _ITM_\w+ | __gmon_start__ )$/x;

my $build = top() . '/build/unit';


sub undefined {
    my ($code, $text) = run('nm', '-D', '-u', "$build/$_[0]");

    is($code, 0, "$_[0] is there") or diag($text);

    return $text =~ /^\s+[Uw]\s+(\w+)/mg;
}


my @core = undefined('core.so');
my @outside = grep { !/$allowed/ } @core;

ok(scalar @core, 'core asks libc for something');
is("@outside", '', 'core asks for nothing but bytes');

my @nginx = grep { /^ngx_/ } undefined('io.so');

is("@nginx", '', 'io asks nginx for nothing');

done_testing();
