-- Prevents: minutes counted twice, an older word about an incident that wins
-- over a newer one, a month's availability that is rounded up.

BEGIN;
SELECT plan(38);

CREATE FUNCTION pg_temp.filed(VARIADIC p jsonb[]) RETURNS text
LANGUAGE sql AS $$
    SELECT string_agg(f.res, ' ' ORDER BY f.ord)
    FROM soporte.file_tickets(to_jsonb(p)) f
$$;

CREATE FUNCTION pg_temp.minute(at timestamptz, p jsonb) RETURNS jsonb
LANGUAGE sql AS $$
    SELECT jsonb_build_object('tenant', 'acme', 'minute', at, 'node', 'n1',
                              'boot', '0190a000-0000-7000-8000-000000000001')
           || p
$$;

-- minutes

SET ROLE soporte_nginx;

SELECT is(soporte.flush_minutes('[]'), 0, 'none');
SELECT is(soporte.flush_minutes(jsonb_build_array(
              pg_temp.minute(date_trunc('hour', now()),
                  '{"good": 10, "hard": 1, "soft": 2, "slow": 3,
                    "excluded": 4, "upstream_ms": 500}'),
              pg_temp.minute(date_trunc('hour', now()),
                  '{"good": 5, "node": "n2"}'))), 2, 'two nodes');
SELECT is(soporte.flush_minutes(jsonb_build_array(
              pg_temp.minute(date_trunc('hour', now()),
                  '{"good": 10, "hard": 1, "soft": 2, "slow": 3,
                    "excluded": 4, "upstream_ms": 500}'))), 1, 'again');
SELECT is(soporte.flush_minutes(jsonb_build_array(
              pg_temp.minute(date_trunc('hour', now()), '{"good": 12}'),
              pg_temp.minute(date_trunc('hour', now()) + interval '59 s',
                             '{"good": 11, "soft": 3}'))), 1,
          'later, twice in one');
SELECT throws_ok(format('SELECT soporte.flush_minutes(%L)', jsonb_build_array(
                     pg_temp.minute(now(), '{"tenant": "ACME"}'))),
                 '23514', NULL, 'no tenant''s name');
SELECT throws_ok(format('SELECT soporte.flush_minutes(%L)', jsonb_build_array(
                     pg_temp.minute(now() + interval '10 years', '{}'))),
                 '22008', NULL, 'a wrong clock makes no partition');

RESET ROLE;

SELECT results_eq($$ SELECT node, good, hard, soft, slow, excluded,
                            upstream_ms
                     FROM soporte.minute_sum ORDER BY node $$,
                  $$ VALUES ('n1', 12::bigint, 1::bigint, 3::bigint,
                             3::bigint, 4::bigint, 500::bigint),
                            ('n2', 5, 0, 0, 0, 0, 0) $$,
                  'the most that was said, once');

-- partitions

SET ROLE soporte_nginx;

SELECT is(soporte.flush_minutes(jsonb_build_array(
              pg_temp.minute(now() - interval '99 days', '{}'))), 1,
          'an old month makes its partition');
SELECT lives_ok($$ SELECT soporte.make_partition(now()) $$, 'it is there');
SELECT throws_ok($$ SELECT soporte.drop_partitions('60 days') $$, '42501',
                 NULL, 'nginx drops none');

RESET ROLE;

SELECT ok(to_regclass('soporte.minute_sum_' || to_char((now()
              - interval '99 days') AT TIME ZONE 'UTC', 'YYYYMM'))
          IS NOT NULL, 'named by the month');
SELECT is((SELECT began_at FROM soporte.tenant WHERE tenant = 'acme'),
          (SELECT min(minute) + (now() - date_trunc('minute', now()))
           FROM soporte.minute_sum), 'the tenant is as old as that');
SELECT is(soporte.drop_partitions('62 days'), 1, 'what is over is dropped');
SELECT is((SELECT count(*) FROM soporte.minute_sum), 2::bigint,
          'and only that');
SELECT throws_ok($$ SELECT soporte.drop_partitions('1 day') $$, '22023', NULL,
                 'never this month');
SELECT is((SELECT count(*) FROM pg_indexes
           WHERE schemaname = 'soporte' AND tablename ~ '^minute_sum_'
                 AND indexdef ~ 'USING brin'),
          (SELECT count(*) FROM pg_inherits
           WHERE inhparent = 'soporte.minute_sum'::regclass),
          'each has its block range index');

-- incidents

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(
    '{"kind": "incident", "tenant": "acme", "version": 2, "node": "n1",
      "id": "0190a000-0000-7000-8000-000000000001", "source": "detected",
      "title": "Sin servicio", "impact": "major", "status": "identified",
      "opened_at": "2026-11-22T10:00:00Z"}',
    '{"kind": "incident", "tenant": "acme", "version": 1, "node": "n1",
      "id": "0190a000-0000-7000-8000-000000000001", "source": "detected",
      "title": "old", "opened_at": "2026-11-22T10:00:00Z"}',
    '{"kind": "incident", "tenant": "acme", "version": 3, "node": "n1",
      "id": "0190a000-0000-7000-8000-000000000001", "source": "guessed",
      "title": "x", "opened_at": "2026-11-22T10:00:00Z"}',
    '{"kind": "incident", "tenant": "*", "version": 1, "node": "n1",
      "id": "0190a000-0000-7000-8000-000000000002", "source": "operator",
      "title": "Red", "opened_at": "2026-11-22T10:00:00Z",
      "closed_at": "2026-11-22T09:00:00Z"}'),
    'new dup bad:23514 bad:23514', 'a newer word holds');
SELECT is(pg_temp.filed(
    '{"kind": "incident_update", "tenant": "acme",
      "incident": "0190a000-0000-7000-8000-000000000001",
      "at": "2026-11-22T10:05:00Z", "status": "identified",
      "message": "Ya sabemos qué es."}',
    '{"kind": "incident_update", "tenant": "acme",
      "incident": "0190a000-0000-7000-8000-000000000001",
      "at": "2026-11-22T10:05:00Z", "status": "identified"}'),
    'new dup', 'what was said of it');
SELECT results_eq($$ SELECT title, status, blocking, updates
                     FROM soporte.state_incidents $$,
    $$ VALUES ('Sin servicio', 'identified', false,
               '[{"at": "2026-11-22T10:05:00Z", "status": "identified",
                  "message": "Ya sabemos qué es."}]'::jsonb) $$,
    'the state of it');
SELECT is(pg_temp.filed(
    '{"kind": "incident", "tenant": "acme", "version": 4, "node": "n2",
      "id": "0190a000-0000-7000-8000-000000000001", "source": "detected",
      "title": "Sin servicio", "opened_at": "2020-11-22T10:00:00Z",
      "closed_at": "2020-11-22T11:00:00Z"}'), 'new', 'closed');
SELECT is((SELECT count(*) FROM soporte.state_incidents), 0::bigint,
          'long ago: no longer shown');

-- maintenance

SELECT is(pg_temp.filed(
    jsonb_build_object('kind', 'maintenance', 'tenant', 'acme', 'version', 1,
        'id', '0190a000-0000-7000-8000-000000000003', 'node', 'n1',
        'title', 'Actualización', 'announced_at', now() - interval '2 days',
        'starts_at', now(), 'ends_at', now() + interval '1 hour'),
    jsonb_build_object('kind', 'maintenance', 'tenant', '*', 'version', 1,
        'id', '0190a000-0000-7000-8000-000000000004', 'node', 'n1',
        'announced_at', now(), 'starts_at', now(),
        'ends_at', now() - interval '1 hour')),
    'new bad:23514', 'a window, and one that ends before it begins');
SELECT is((SELECT title FROM soporte.state_maintenances), 'Actualización',
          'it is shown');
SELECT is(pg_temp.filed(
    jsonb_build_object('kind', 'maintenance', 'tenant', 'acme', 'version', 2,
        'id', '0190a000-0000-7000-8000-000000000003', 'node', 'n1',
        'announced_at', now(), 'starts_at', now(), 'removed', true)),
    'new', 'taken back');
SELECT is((SELECT count(*) FROM soporte.state_maintenances), 0::bigint,
          'it is not shown');

RESET ROLE;

SELECT is((SELECT announced_at < now() - interval '1 day'
           FROM soporte.maintenance), true,
          'when it was announced is never changed');

-- backups

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(
    jsonb_build_object('kind', 'backup', 'tenant', 'acme', 'node', 'n1',
        'part', 'database', 'finished_at', now() - interval '21 hours',
        'bytes', 5, 'ok', true),
    jsonb_build_object('kind', 'backup', 'tenant', 'acme', 'node', 'n1',
        'part', 'database', 'finished_at', now(), 'bytes', 0, 'ok', false),
    jsonb_build_object('kind', 'backup', 'tenant', 'acme', 'node', 'n2',
        'part', 'database', 'finished_at', now(), 'bytes', 0, 'ok', false),
    jsonb_build_object('kind', 'backup', 'tenant', 'acme', 'node', 'n1',
        'part', 'logs', 'finished_at', now(), 'bytes', 0, 'ok', true)),
    'new new dup bad:23514', 'reports');
SELECT results_eq($$ SELECT part, state FROM soporte.state_backups
                     WHERE tenant = 'acme' ORDER BY part $$,
                  $$ VALUES ('database', 'due'), ('files', 'none') $$,
                  'by the last good one');

RESET ROLE;

SELECT results_eq(
    $$ SELECT soporte.backup_state(now() - a) FROM unnest(ARRAY[
           interval '19:59:59', '20:00:00', '23:59:59', '24:00:00', NULL])
           WITH ORDINALITY AS t (a, o) ORDER BY o $$,
    $$ VALUES ('ok'), ('due'), ('due'), ('late'), ('none') $$,
    'the limits of a backup''s age');

-- the month: March 2025 has 44,640 minutes; acme began in it at noon of the
-- 30th, 2,160 minutes before its end

INSERT INTO soporte.tenant (tenant, began_at)
VALUES ('marzo', '2025-02-15 00:00+00'), ('tarde', '2025-03-30 12:00+00'),
       ('sano', '2025-03-01 00:00+00');

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(
    '{"kind": "span", "tenant": "marzo", "node": "n1", "state": "down",
      "began_at": "2025-03-10T10:00:00Z", "ended_at": "2025-03-10T10:03:00Z"}',
    '{"kind": "span", "tenant": "marzo", "node": "n2", "state": "degraded",
      "began_at": "2025-03-10T10:02:00Z", "ended_at": "2025-03-10T10:05:00Z"}',
    '{"kind": "span", "tenant": "marzo", "node": "n1", "state": "maintenance",
      "began_at": "2025-02-28T23:50:00Z", "ended_at": "2025-03-01T00:10:00Z"}',
    '{"kind": "span", "tenant": "marzo", "node": "n1", "state": "unknown",
      "began_at": "2025-03-20T00:00:00Z", "ended_at": "2025-03-20T00:40:00Z"}',
    '{"kind": "span", "tenant": "tarde", "node": "n1", "state": "restore",
      "began_at": "2025-03-31T00:00:00Z", "ended_at": "2025-03-31T00:01:00Z"}'),
    'new new new new new', 'spans');
SELECT is(pg_temp.filed(
    '{"kind": "span", "tenant": "tarde", "node": "n1", "state": "restore",
      "began_at": "2025-03-31T00:00:00Z", "ended_at": "2025-03-31T00:01:00Z"}',
    '{"kind": "span", "tenant": "tarde", "node": "n1", "state": "restore",
      "began_at": "2025-03-31T00:00:00Z", "ended_at": "2025-03-31T00:02:00Z"}',
    '{"kind": "span", "tenant": "tarde", "node": "n1", "state": "up",
      "began_at": "2025-03-31T01:00:00Z", "ended_at": "2025-03-31T02:00:00Z"}'),
    'dup new bad:23514', 'a span may grow; "up" is none');

RESET ROLE;

CREATE TEMPORARY TABLE sheet AS
SELECT * FROM soporte.sla_month WHERE month = '2025-03-01 00:00+00';

SELECT results_eq(
    $$ SELECT tenant::text, minutes, down, degraded, maintenance, restore,
              unknown FROM sheet ORDER BY tenant $$,
    $$ VALUES ('marzo', 44640::bigint, 3::bigint, 2::bigint, 10::bigint,
               0::bigint, 40::bigint),
              ('sano', 44640, 0, 0, 0, 0, 0),
              ('tarde', 2160, 0, 0, 0, 2, 0) $$,
    'minutes of each kind, the worst word of a minute');
SELECT results_eq(
    $$ SELECT availability, availability_min, without_maintenance
       FROM sheet ORDER BY tenant $$,
    $$ VALUES (99.9708, 99.8812, 99.9932),
              (100.0000, 100.0000, 100.0000),
              (99.9074, 99.9074, 99.9074) $$,
    'cut to four places');
SELECT is((SELECT maintenance FROM soporte.sla_month
           WHERE tenant = 'marzo' AND month = '2025-02-01 00:00+00'),
          10::bigint, 'a span over the month''s edge is divided');
SELECT is((SELECT minutes FROM soporte.sla_month
           WHERE tenant = 'marzo' AND month = '2025-02-01 00:00+00'),
          20160::bigint, 'a month that was begun in its middle');

-- 100 is only said where nothing was down

INSERT INTO soporte.state_span
VALUES ('sano', '2025-03-05 00:00+00', 'n1', '2025-03-05 00:00:01+00', 'down');

SELECT is((SELECT availability FROM soporte.sla_month
           WHERE tenant = 'sano' AND month = '2025-03-01 00:00+00'), 99.9977,
          'one minute of a month');
SELECT ok((SELECT bool_and(availability < 100) FROM soporte.sla_month
           WHERE down > 0), 'never 100 with a minute down');
SELECT is((SELECT count(*) FROM soporte.sla_month WHERE tenant = 'sano'),
          (SELECT (extract(year FROM a) * 12 + extract(month FROM a))::bigint
                  + 1
           FROM age(date_trunc('month', now() AT TIME ZONE 'UTC'),
                    '2025-03-01') AS a),
          'a line for each month since it began');

SELECT * FROM finish();
ROLLBACK;
