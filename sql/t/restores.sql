-- Prevents: a restore whose phases are lost or told twice, an older word that
-- wins over a newer one, a kind of history that file_history() does not know.

BEGIN;
SELECT plan(18);

CREATE FUNCTION pg_temp.filed(VARIADIC p jsonb[]) RETURNS text
LANGUAGE sql AS $$
    SELECT string_agg(f.res, ' ' ORDER BY f.ord)
    FROM soporte.file_tickets(to_jsonb(p)) f
$$;

CREATE FUNCTION pg_temp.restore(version int, p jsonb) RETURNS jsonb
LANGUAGE sql AS $$
    SELECT jsonb_build_object(
               'kind', 'restore', 'tenant', 'acme', 'node', 'n1',
               'id', '0190a000-0000-7000-8000-000000000001',
               'version', version, 'began_at', now() - interval '1 hour',
               'due_at', now() + interval '1 hour')
           || p
$$;

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(
    pg_temp.restore(1, '{"phase": "diagnosis"}'),
    pg_temp.restore(3, '{"phase": "database", "progress": 40,
                         "backup_at": "2026-11-22T09:10:00Z",
                         "message": "Va la base"}'),
    pg_temp.restore(2, '{"phase": "locating_backup"}'),
    pg_temp.restore(3, '{"phase": "database"}')),
    'new new dup dup', 'words about one restore, in any order');
SELECT is(pg_temp.filed(
    pg_temp.restore(4, '{"phase": "party"}'),
    pg_temp.restore(4, '{"phase": "database", "progress": 101}'),
    pg_temp.restore(4, '{"ended_at": "2020-01-01T00:00:00Z"}'),
    pg_temp.restore(4, '{"tenant": "ACME"}')),
    'bad:23514 bad:23514 bad:23514 bad:23514', 'what is none');

RESET ROLE;

SELECT results_eq($$ SELECT tenant::text, phase, progress, message, late,
                            ended_at FROM soporte.state_restores $$,
                  $$ VALUES ('acme', 'database', 40, 'Va la base', false,
                             NULL::timestamptz) $$,
                  'the latest word');

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(
    pg_temp.restore(4, '{"phase": "restored"}')
    || jsonb_build_object('ended_at', now(),
                          'due_at', now() - interval '1 minute')),
    'new', 'it ends');
SELECT is(pg_temp.filed(
    '{"kind": "restore_update", "tenant": "acme", "phase": "database",
      "restore": "0190a000-0000-7000-8000-000000000001",
      "at": "2026-11-22T10:05:00Z", "progress": 10}',
    '{"kind": "restore_update", "tenant": "acme", "phase": "database",
      "restore": "0190a000-0000-7000-8000-000000000001",
      "at": "2026-11-22T10:05:00Z", "progress": 10}',
    '{"kind": "restore_update", "tenant": "acme", "phase": "checks",
      "restore": "0190a000-0000-7000-8000-000000000001",
      "at": "2026-11-22T10:15:00Z"}'),
    'new dup new', 'each word once');
SELECT is(pg_temp.filed(
    '{"kind": "restore_update", "tenant": "acme", "phase": "restored",
      "restore": "0190a000-0000-7000-8000-000000000001", "version": 7,
      "at": "2026-11-22T10:15:00Z"}',
    '{"kind": "restore_update", "tenant": "acme", "phase": "restored",
      "restore": "0190a000-0000-7000-8000-000000000001", "version": 7,
      "at": "2026-11-22T10:15:00Z"}',
    '{"kind": "incident_update", "tenant": "acme", "status": "identified",
      "incident": "0190a000-0000-7000-8000-000000000002", "version": 7,
      "at": "2026-11-22T10:04:00Z"}',
    '{"kind": "incident_update", "tenant": "acme", "status": "resolved",
      "incident": "0190a000-0000-7000-8000-000000000002", "version": 8,
      "at": "2026-11-22T10:04:00Z"}'),
    'new dup new new', 'two words of one second');
SELECT is(pg_temp.filed('{"kind": "restored", "tenant": "acme"}',
                        '{"kind": "restore", "tenant": "acme"}'),
          'bad:22023 bad:23502', 'an unknown kind, and one without its id');

RESET ROLE;

SELECT is((SELECT late FROM soporte.state_restores), true,
          'late is what was not done when it was due');
SELECT is((SELECT string_agg(phase, ' ' ORDER BY at)
           FROM soporte.restore_update WHERE version = 0),
          'database checks', 'the phases');

-- incidents: part of a greater one, with a cause

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(
    '{"kind": "incident", "tenant": "acme", "version": 1, "node": "n1",
      "id": "0190a000-0000-7000-8000-000000000002", "source": "detected",
      "parent": "0190a000-0000-7000-8000-000000000003",
      "cause": "connection refused", "opened_at": "2026-11-22T10:00:00Z"}',
    '{"kind": "incident", "tenant": "acme", "version": 2, "node": "n2",
      "id": "0190a000-0000-7000-8000-000000000002", "source": "detected",
      "cause": "timeout", "opened_at": "2026-11-22T10:00:00Z"}'),
    'new new', 'an incident and a later word of another node');

-- ... which is an incident of no tenant

SELECT is(pg_temp.filed(
    '{"kind": "incident", "tenant": "@", "version": 1, "node": "n1",
      "id": "0190a000-0000-7000-8000-000000000005", "source": "detected",
      "title": "10.0.0.1:8000", "opened_at": "2099-11-22T10:00:00Z"}',
    '{"kind": "incident_update", "tenant": "@", "status": "investigating",
      "incident": "0190a000-0000-7000-8000-000000000005", "version": 1,
      "at": "2099-11-22T10:00:00Z", "message": "3 of 4 tenants are down"}',
    '{"kind": "incident", "tenant": "beta", "version": 1, "node": "n1",
      "id": "0190a000-0000-7000-8000-000000000006", "source": "detected",
      "parent": "0190a000-0000-7000-8000-000000000005",
      "opened_at": "2099-11-22T10:00:00Z"}',
    '{"kind": "incident", "tenant": "#", "version": 1, "node": "n1",
      "id": "0190a000-0000-7000-8000-000000000007", "source": "detected",
      "opened_at": "2099-11-22T10:00:00Z"}'),
    'new new new bad:23514', 'an outage of an upstream; what is no tenant');

-- ... and what two nodes told of before they heard of each other

SELECT pg_temp.filed(
    '{"kind": "incident", "tenant": "gamma", "version": 1, "node": "n1",
      "id": "0190a000-0000-7000-8000-000000000008", "source": "detected",
      "opened_at": "2099-11-22T10:00:00Z"}',
    '{"kind": "incident", "tenant": "gamma", "version": 1, "node": "n2",
      "id": "0190a000-0000-7000-8000-000000000009", "source": "detected",
      "parent": "0190a000-0000-7000-8000-000000000008",
      "opened_at": "2099-11-22T10:00:02Z",
      "closed_at": "2099-11-22T10:00:02Z"}');

-- what was there before goes on

SELECT is(pg_temp.filed(
    '{"kind": "incident_update", "tenant": "acme", "status": "identified",
      "incident": "0190a000-0000-7000-8000-000000000002",
      "at": "2026-11-22T10:05:00Z"}',
    '{"kind": "maintenance", "tenant": "*", "node": "n1",
      "id": "0190a000-0000-7000-8000-000000000004", "version": 1,
      "announced_at": "2026-11-22T10:05:00Z",
      "starts_at": "2026-11-22T10:05:00Z"}',
    '{"kind": "backup", "tenant": "acme", "part": "files", "node": "n1",
      "finished_at": "2026-11-22T10:05:00Z", "bytes": 1, "ok": true}',
    '{"kind": "span", "tenant": "acme", "node": "n1"}'),
    'new new new bad:22023', 'the other kinds; one that there is not');

SELECT throws_ok($$ SELECT * FROM soporte.restore $$, '42501', NULL,
                 'nginx reads no table');
SELECT throws_ok($$ SELECT soporte.file_restore('{}') $$, '42501', NULL,
                 'nor calls what is inside');

RESET ROLE;

SELECT results_eq($$ SELECT parent, cause, node FROM soporte.incident
                     WHERE tenant = 'acme' $$,
                  $$ VALUES (NULL::uuid, 'timeout', 'n2') $$,
                  'the later word, whole');
SELECT is((SELECT upstream || ': ' || message || ', ' || tenants
           FROM soporte.state_upstreams),
          '10.0.0.1:8000: 3 of 4 tenants are down, 1', 'an upstream''s outage: one line');

SELECT is((SELECT count(*)::int FROM soporte.state_incidents
           WHERE tenant = 'gamma'), 1, 'a duplicate is no incident');
SELECT is(has_table_privilege('soporte_agent', 'soporte.restore', 'SELECT')
          AND has_table_privilege('soporte_agent', 'soporte.state_restores',
                                  'SELECT'), true, 'agents may look');

SELECT * FROM finish();
ROLLBACK;
