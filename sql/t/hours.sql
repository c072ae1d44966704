-- Prevents a due time that is an hour, a night or a week off for the agents,
-- and a calendar whose past is lost when it is written anew.

BEGIN;
SELECT plan(22);

CREATE FUNCTION pg_temp.filed(VARIADIC p jsonb[]) RETURNS text
LANGUAGE sql AS $$
    SELECT string_agg(soporte.file_one(x.v), ' ' ORDER BY x.o)
    FROM unnest(p) WITH ORDINALITY AS x (v, o)
$$;

CREATE FUNCTION pg_temp.at(text) RETURNS bigint
LANGUAGE sql AS $$ SELECT extract(epoch FROM $1::timestamptz)::bigint $$;

SET LOCAL timezone = 'UTC';

-- Monday and Tuesday 9 to 18, Wednesday 9 to 12; a night from Friday

SELECT is(pg_temp.filed(jsonb_build_object('kind', 'calendar', 'name', 'mx',
    'timezone', 'Etc/UTC', 'from', pg_temp.at('2026-11-20'),
    'until', pg_temp.at('2026-12-20'), 'default', true, 'at', 100,
    'node', 'n1', 'tenants', jsonb_build_array('acme'),
    'intervals', jsonb_build_array(
        jsonb_build_array(pg_temp.at('2026-11-23 09:00'),
                          pg_temp.at('2026-11-23 18:00')),
        jsonb_build_array(pg_temp.at('2026-11-24 09:00'),
                          pg_temp.at('2026-11-24 18:00')),
        jsonb_build_array(pg_temp.at('2026-11-25 09:00'),
                          pg_temp.at('2026-11-25 12:00')),
        jsonb_build_array(pg_temp.at('2026-11-27 22:00'),
                          pg_temp.at('2026-11-28 06:00'))))),
    'new', 'a calendar');

SELECT is(soporte.calendar_of('acme'), 'mx', 'of its tenant');
SELECT is(soporte.calendar_of('other'), 'mx', 'the default of others');

SELECT is(soporte.business_due('mx', t::timestamptz, s), due::timestamptz, w)
FROM (VALUES
    ('2026-11-23 09:00', 0, '2026-11-23 09:00', 'nothing is due at once'),
    ('2026-11-22 03:00', 0, '2026-11-22 03:00', '... also when it is closed'),
    ('2026-11-22 03:00', 1, '2026-11-23 09:00:01', 'from the next opening'),
    ('2026-11-23 09:00', 32400, '2026-11-23 18:00',
     'an exact fit is due at closing'),
    ('2026-11-23 09:00', 32401, '2026-11-24 09:00:01', 'a second more is not'),
    ('2026-11-23 17:30', 7200, '2026-11-24 10:30', 'over a night'),
    ('2026-11-25 11:00', 7200, '2026-11-27 23:00', 'over days'),
    ('2026-11-27 23:00', 25200, '2026-11-28 06:00', 'a night shift'),
    ('2026-11-28 05:00', 3601, NULL, 'beyond what is known'),
    ('2026-11-19 05:00', 60, NULL, 'before it'),
    ('2026-12-20 00:00', 60, NULL, 'after it')) AS v (t, s, due, w);

SELECT is(soporte.business_elapsed('mx', '2026-11-23 08:00',
                                   '2026-11-25 10:00'), 68400::bigint,
          'what passed');
SELECT is(soporte.business_elapsed('mx', '2026-11-25 10:00',
                                   '2026-11-23 08:00'), 0::bigint,
          'nothing passes backwards');
SELECT is(soporte.business_elapsed('mx', '2026-11-23 08:00',
              '2026-11-25 10:00', '{[2026-11-23 12:00, 2026-11-24 10:00),
              [2026-11-24 09:00, 2026-11-24 11:00), [2026-11-22, 2026-11-23)}'),
          68400::bigint - 6 * 3600 - 2 * 3600,
          'pauses may overlap and lie anywhere');
SELECT is(soporte.business_due('mx', '2026-11-23 09:00', 3600,
              '{[2026-11-23 09:30, 2026-11-24 09:00)}'),
          '2026-11-24 09:30'::timestamptz, 'due after a pause');
SELECT is(soporte.business_due('mx', '2026-11-23 09:00', 3600,
              '{[2026-11-23 09:30,)}'), NULL, 'never in one that lasts');

-- written anew: what is earlier stays, an older word is none

SELECT is(pg_temp.filed(
    jsonb_build_object('kind', 'calendar', 'name', 'mx', 'timezone', 'Etc/UTC',
        'from', pg_temp.at('2026-11-23 12:00'),
        'until', pg_temp.at('2027-01-20'), 'default', true, 'at', 200,
        'node', 'n1', 'intervals', jsonb_build_array(
            jsonb_build_array(pg_temp.at('2026-11-23 12:00'),
                              pg_temp.at('2026-11-23 19:00')))),
    jsonb_build_object('kind', 'calendar', 'name', 'mx', 'timezone', 'Etc/UTC',
        'from', pg_temp.at('2026-11-20'), 'until', pg_temp.at('2026-11-21'),
        'default', true, 'at', 150, 'node', 'n2', 'intervals', '[]'::jsonb)),
    'new dup', 'a later table');
SELECT is(soporte.business_elapsed('mx', '2026-11-23', '2026-11-26'),
          36000::bigint, '... goes on where the earlier one ended');
SELECT is(pg_temp.filed(jsonb_build_object('kind', 'calendar', 'name', 'x',
    'timezone', 'Etc/UTC', 'from', 10, 'until', 5, 'at', 1, 'node', 'n',
    'intervals', '[]'::jsonb)), 'bad:23514', 'one that ends before it begins');

SELECT * FROM finish();
ROLLBACK;
