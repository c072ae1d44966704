-- Prevents: a minute counted twice or lost when it is filed again, nodes that
-- are added up wrong, a month that is reckoned otherwise than the contract
-- says, and a report that is gone with its minutes.

BEGIN;
SELECT plan(45);

SET LOCAL timezone = 'UTC';

CREATE FUNCTION pg_temp.filed(at timestamptz, rows jsonb,
                              more jsonb DEFAULT '{}') RETURNS int
LANGUAGE sql AS $$
    SELECT soporte.file_minutes(jsonb_build_object(
        'node', 'n1', 'boot', '0190a000-0000-7000-8000-000000000001',
        'minute', extract(epoch FROM at)::bigint, 'served', 63,
        'zone', 'America/Mexico_City',
        'terms', '[[999900, 0, null], [995000, 1, 2]]'::jsonb,
        'rows', rows) || more)
$$;

-- a row; six slots that are all alike

CREATE FUNCTION pg_temp.a(tenant text, flags int, good int, hard int,
                          terms int DEFAULT 0, state text DEFAULT 'up')
RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_array(tenant,
        extract(epoch FROM date_trunc('month', now(), 'America/Mexico_City')
                           - interval '40 days')::bigint, terms, state,
        (SELECT jsonb_agg(u.x ORDER BY i, u.o) FROM generate_series(1, 6) AS i,
                unnest(ARRAY[flags, good, hard, 0, 0])
                WITH ORDINALITY AS u (x, o)), NULL)
$$;

CREATE TEMPORARY TABLE at AS
SELECT date_trunc('month', now(), 'America/Mexico_City')
       - interval '1 month' + interval '10 days' AS m;

GRANT SELECT ON at TO soporte_nginx, soporte_agent;

-- filed once, again, and by nodes

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(m, '[]'), 0, 'a minute without tenants') FROM at;
SELECT is(pg_temp.filed(m, jsonb_build_array(pg_temp.a('acme', 3, 5, 1))), 1,
          'a row') FROM at;
SELECT is(pg_temp.filed(m, jsonb_build_array(pg_temp.a('acme', 3, 5, 1))), 1,
          'again') FROM at;
SELECT is(pg_temp.filed(m, jsonb_build_array(pg_temp.a('acme', 3, 4, 1))), 0,
          'less of it, later') FROM at;
SELECT is(pg_temp.filed(m, jsonb_build_array(pg_temp.a('acme', 3, 2, 0)),
                        '{"node": "n2", "served": 3}'), 1, 'of another node')
FROM at;
SELECT is(pg_temp.filed(m, '[["plain", 1790000000, 0, "up",
                              [1, 2, 3, 0, 0, 6], null],
                             ["idle", 1790000000, 0, "unknown", null, null]]',
                        '{"served": 1}'), 1,
          'good ones alone, and nothing at all') FROM at;
SELECT throws_ok($$ SELECT pg_temp.filed(m, '[["ACME", 1, 0, "up",
                        [1, 1, 1, 1, 1, 1], null]]') FROM at $$, '23514', NULL,
                 'no tenant''s name');
SELECT throws_ok($$ SELECT pg_temp.filed(m, '[["acme", 1, 0, "up", [1, 1],
                        null]]') FROM at $$, '23502', NULL, 'two slots');
SELECT throws_ok($$ SELECT pg_temp.filed(now() + interval '10 years', '[]') $$,
                 '22008', NULL, 'a wrong clock makes no partition');
SELECT throws_ok($$ SELECT pg_temp.filed(now(), '[]', jsonb_build_object(
                        'until', extract(epoch FROM now())::bigint
                                 + 86400 * 500)) $$,
                 '22008', NULL, 'nor a wrong end');
SELECT throws_ok($$ SELECT pg_temp.filed(now(), '[]', '{"served": 64}') $$,
                 '23514', NULL, 'seven slots');

RESET ROLE;

SELECT results_eq($$ SELECT tenant::text, node, good, hard FROM
                     soporte.minute_sum ORDER BY 1, 2 $$,
                  $$ VALUES ('acme', 'n1', 30::bigint, 6::bigint),
                            ('acme', 'n2', 12, 0), ('plain', 'n1', 12, 0) $$,
                  'the sums');
SELECT results_eq($$ SELECT node, served FROM soporte.node_minute
                     ORDER BY 1 $$,
                  $$ VALUES ('n1', 63::smallint), ('n2', 3::smallint) $$,
                  'when nodes were there; never less than was said');
SELECT ok(to_regclass('soporte.minute_sum_' || to_char((m
              + interval '1 month') AT TIME ZONE 'UTC', 'YYYYMM')) IS NOT NULL,
          'the partition of the next month is there already') FROM at;
SELECT is((SELECT count(*) FROM pg_indexes
           WHERE schemaname = 'soporte' AND tablename ~ '^minute_sum_'
                 AND indexdef ~ 'USING brin'),
          (SELECT count(*) FROM pg_inherits
           WHERE inhparent = 'soporte.minute_sum'::regclass),
          'each has its block range index');

-- 7 of 48 are bad: 12.5 %, over both nodes

SELECT results_eq(
    $$ SELECT state, bad FROM soporte.judged_minutes('acme',
           (SELECT m FROM at), (SELECT m FROM at) + interval '1 minute')
       WHERE NOT excluding $$,
    $$ VALUES ('degraded', 125000::bigint) $$, 'judged over nodes');
SELECT results_eq(
    $$ SELECT state FROM soporte.judged_minutes('idle', (SELECT m FROM at),
           (SELECT m FROM at) + interval '2 minutes') WHERE NOT excluding
       ORDER BY minute $$,
    $$ VALUES ('unknown'), ('down') $$,
    'nobody asked; then no node was there');

-- a life of the node after another: one node, not two

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(m, jsonb_build_array(pg_temp.a('acme', 3, 6, 1)),
          '{"boot": "0190a000-0000-7000-8000-000000000002"}'), 1,
          'another life of the node') FROM at;

RESET ROLE;

SELECT is((SELECT sum(good) FROM soporte.slot_sums('acme',
               ARRAY[(SELECT m FROM at)])), 48::numeric,
          'what it took over is not added');

-- spans: they grow, in whichever order, and a repeat changes nothing

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(m + g * interval '1 minute', jsonb_build_array(
              pg_temp.a('beta', 3, 0, 9, 0, s))), 1, s)
FROM at, unnest(ARRAY['down', 'down', 'down', 'degraded', 'down'])
         WITH ORDINALITY AS u (s, g);

RESET ROLE;

SELECT results_eq(
    $$ SELECT (extract(epoch FROM began_at - m) / 60)::int,
              (extract(epoch FROM ended_at - m) / 60)::int, state
       FROM soporte.state_span, at WHERE tenant = 'beta' ORDER BY 1 $$,
    $$ VALUES (1, 4, 'down'), (4, 5, 'degraded'), (5, 6, 'down') $$,
    'spans of what was not up');

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(m + interval '2 minutes', jsonb_build_array(
              pg_temp.a('beta', 3, 0, 9, 0, 'down'))), 1, 'again') FROM at;

RESET ROLE;

SELECT is((SELECT count(*) FROM soporte.state_span WHERE tenant = 'beta'),
          3::bigint, 'no span is new');

-- outages, exact

SET ROLE soporte_nginx;

CREATE FUNCTION pg_temp.outage(node text, a int, b int) RETURNS int
LANGUAGE sql AS $$
    SELECT pg_temp.filed(m, jsonb_build_array(jsonb_set(
        pg_temp.a('acme', 3, 0, 0), '{5}', jsonb_build_array(
        jsonb_build_array(extract(epoch FROM m)::bigint + a,
                          extract(epoch FROM m)::bigint + b)))),
        jsonb_build_object('node', node)) FROM at
$$;

SELECT is(pg_temp.outage('n1', 100, NULL), 0, 'one that lasts');
SELECT is(pg_temp.outage('n1', 100, 170), 0, 'it ended');
SELECT is(pg_temp.outage('n1', 100, NULL), 0, 'an older word of it');
SELECT is(pg_temp.outage('n2', 150, 181), 0, 'as another node saw it');
SELECT is(pg_temp.outage('n2', 500, 510), 0, 'another');

RESET ROLE;

SELECT is((SELECT soporte.outage_seconds('acme', m, m + interval '1 hour')
           FROM at), 91::bigint, 'the seconds that any node saw');
SELECT is((SELECT soporte.outage_seconds('acme', m + interval '105 s',
                                         m + interval '505 s')
           FROM at), 81::bigint, '... within a period');

-- the month: no node was there but for those minutes, so all else is down

CREATE TEMPORARY TABLE minutes AS
SELECT (extract(epoch FROM x.b - x.a) / 60)::bigint AS n, x.a
FROM (SELECT date_trunc('month', now(), 'America/Mexico_City')
             - interval '1 month' AS a, m + interval '6 minutes' AS b
      FROM at) x;

GRANT SELECT ON minutes TO soporte_nginx;

SELECT results_eq(
    $$ SELECT minutes, down, unknown, degraded, verdict, down_seconds,
              outage_seconds, planned_maintenance, target
       FROM soporte.month_report('acme', (SELECT m::date FROM at)) $$,
    $$ SELECT n, n - 6, 5::bigint, 1::bigint, 'breached', (n - 6) * 60,
              91::bigint, 'counted', '99.99' FROM minutes $$,
    'a month, until the last minute that was filed');
SELECT is((SELECT count(*) FROM soporte.month_report('acme', '2020-01-01')),
          0::bigint, 'a month before the tenant');

-- planned maintenance left out, two minutes of it at most

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(a, '[]', jsonb_build_object('until',
              extract(epoch FROM m)::bigint)), 0,
          'there, without a record') FROM at, minutes;
SELECT is(sum(pg_temp.filed(m + g * interval '1 minute', jsonb_build_array(
              pg_temp.a('gamma', 51, 0, 0, 1, 'maintenance')))), 5::bigint,
          'five minutes of it') FROM at, generate_series(1, 5) AS g;

RESET ROLE;

SELECT results_eq(
    $$ SELECT minutes, down, excluded, maintenance, unknown,
              planned_maintenance, target
       FROM soporte.month_report('gamma', (SELECT m::date FROM at)) $$,
    $$ SELECT n, 3::bigint, 2::bigint, 5::bigint, n - 5, 'excluded', '99.5'
       FROM minutes $$,
    'what is over the cap counts');
SELECT results_eq(
    $$ SELECT availability, availability_with_maintenance,
              availability_without_maintenance
       FROM soporte.month_report('gamma', (SELECT m::date FROM at)) $$,
    $$ VALUES ('0.0000', '0.0000', '0.0000') $$, 'in both readings');

-- a month is kept when its minutes go

CREATE TEMPORARY TABLE before AS
SELECT * FROM soporte.month_report('gamma', (SELECT m::date FROM at));

SELECT throws_ok($$ SELECT soporte.drop_partitions('30 days') $$, '22023',
                 NULL, 'the last month is never dropped');
SELECT ok(soporte.keep_months(date_trunc('month', m)::date) >= 4, 'kept')
FROM at;

DELETE FROM soporte.minute_sum;
DELETE FROM soporte.node_minute;

SELECT results_eq(
    $$ SELECT * FROM soporte.month_report('gamma', (SELECT m::date FROM at)) $$,
    $$ SELECT * FROM before $$, 'the same report, without minutes');

-- 100 is only said where nothing was down, 99.99 not for 99.9899

SELECT results_eq(
    $$ SELECT availability FROM soporte.month_figures(1000000, 1, 0, 0, 999900)
       UNION ALL
       SELECT availability FROM soporte.month_figures(1000000, 101, 0, 0,
                                                      999900) $$,
    $$ VALUES ('99.9999'), ('99.9899') $$, 'cut to four places');
SELECT is((SELECT verdict FROM soporte.month_figures(1000000, 101, 0, 0,
                                                     999900)), 'breached',
          'one minute too many');

SELECT * FROM finish();
ROLLBACK;
