-- Prevents: an older word about an incident that wins over a newer one, a
-- backup's age that is told wrong.

BEGIN;
SELECT plan(13);

CREATE FUNCTION pg_temp.filed(VARIADIC p jsonb[]) RETURNS text
LANGUAGE sql AS $$
    SELECT string_agg(f.res, ' ' ORDER BY f.ord)
    FROM soporte.file_tickets(to_jsonb(p)) f
$$;

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

INSERT INTO soporte.tenant (tenant) VALUES ('acme');

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

SELECT * FROM finish();
ROLLBACK;
