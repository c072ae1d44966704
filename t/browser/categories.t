# Prevents a category without its answer, its queue or its place in scope: each
# of the policy's filed from the page, in hours and out of them, and compared
# in PostgreSQL.  The servers are those of portal.t.

use strict;
use warnings;

$ENV{SOPORTE_WALK} = 'categories';

do './t/browser/portal.t';
die $@ if $@;
