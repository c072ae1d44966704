-- Prevents: nginx that could read a customer's ticket or change one, an agent
-- who sees another tenant's, a function that trusts its caller's search path.

BEGIN;
SELECT plan(42);

-- what every function that runs as the owner must have

SELECT is((SELECT string_agg(p.proname, ' ' ORDER BY p.proname)
           FROM pg_proc p
           WHERE p.pronamespace = 'soporte'::regnamespace
                 AND NOT coalesce(array_to_string(p.proconfig, ' ')
                                  ~ '^search_path=pg_catalog,.*pg_temp$',
                                  false)), NULL,
          'every function has its own search path');
SELECT is((SELECT string_agg(p.proname, ' ' ORDER BY p.proname)
           FROM pg_proc p
           WHERE p.pronamespace = 'soporte'::regnamespace
                 AND has_function_privilege('public', p.oid, 'EXECUTE')), NULL,
          'no function is everybody''s');
SELECT is((SELECT string_agg(c.relname, ' ' ORDER BY c.relname)
           FROM pg_class c
           WHERE c.relnamespace = 'soporte'::regnamespace
                 AND c.relkind IN ('r', 'p', 'v')
                 AND has_table_privilege('public', c.oid,
                                         'SELECT, INSERT, UPDATE, DELETE')),
          NULL, 'no table is');
SELECT is((SELECT string_agg(DISTINCT o.rolname, ' ')
           FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
           WHERE c.relnamespace = 'soporte'::regnamespace), 'soporte_owner',
          'the owner owns all tables');
SELECT is((SELECT string_agg(DISTINCT o.rolname, ' ')
           FROM pg_proc p JOIN pg_roles o ON o.oid = p.proowner
           WHERE p.pronamespace = 'soporte'::regnamespace), 'soporte_owner',
          'and all functions');
SELECT is((SELECT string_agg(rolname || ' ' || rolcanlogin || ' '
                             || (rolsuper OR rolcreaterole OR rolcreatedb
                                 OR rolbypassrls), ', ' ORDER BY rolname)
           FROM pg_roles WHERE rolname LIKE 'soporte%'),
          'soporte_agent false false, soporte_nginx true false, '
          'soporte_notify true false, soporte_owner false false',
          'who may log in');

-- nginx

SELECT is((SELECT string_agg(p.proname, ' ' ORDER BY p.proname)
           FROM pg_proc p
           WHERE p.pronamespace = 'soporte'::regnamespace
                 AND has_function_privilege('soporte_nginx', p.oid,
                                            'EXECUTE')),
          'backup_state file_minutes file_tickets filed_before '
          'make_partition rfc3339 store_part tell_later ticket_by_folio '
          'ticket_view tickets_of_email '
          'tickets_of_user', 'the functions of nginx');
SELECT is((SELECT string_agg(c.relname, ' ' ORDER BY c.relname)
           FROM pg_class c
           WHERE c.relnamespace = 'soporte'::regnamespace
                 AND c.relkind IN ('r', 'p', 'v')
                 AND has_any_column_privilege('soporte_nginx', c.oid,
                                              'SELECT, INSERT, UPDATE')),
          'state_backups state_incidents state_maintenances',
          'the views of nginx');
SELECT is((SELECT array_to_string(setconfig, ' ') FROM pg_db_role_setting s
           JOIN pg_roles r ON r.oid = s.setrole
           WHERE r.rolname = 'soporte_nginx' AND s.setdatabase = 0),
          'statement_timeout=5s lock_timeout=2s '
          'idle_in_transaction_session_timeout=5s synchronous_commit=on '
          'search_path=pg_catalog', 'its limits');

-- a function in front of ours, by name or by a temporary schema

CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql
AS $$ SELECT '2001-01-01'::timestamptz $$;
CREATE FUNCTION pg_temp.coalesce_(x text) RETURNS text LANGUAGE sql
AS $$ SELECT x $$;

SET ROLE soporte_nginx;
SET LOCAL search_path = public, pg_catalog;

CREATE TEMPORARY TABLE ticket (tenant text, id uuid, body_sha256 bytea);
CREATE TEMPORARY TABLE tenant (tenant text);

SELECT is((SELECT f.res FROM soporte.file_tickets('[{"tenant": "acme",
    "id": "0190a000-0000-7000-8000-000000000001", "folio": "SOP-1",
    "subject": "s", "description": "d", "category": "c", "node": "n",
    "filed_at": "2020-11-22T10:00:00Z", "body_sha256":
    "abababababababababababababababababababababababababababababababab"}]') f),
          'new', 'a table of the caller is not taken for ours');
SELECT is((SELECT count(*) FROM pg_temp.ticket), 0::bigint, 'nor filled');

RESET ROLE;
SET LOCAL search_path = "$user", public;
DROP FUNCTION public.now();

SELECT is((SELECT count(*) FROM soporte.ticket), 1::bigint, 'ours is');

-- agents: mesa sees all, acme its own, nobody nothing

CREATE ROLE mesa LOGIN IN ROLE soporte_agent;
CREATE ROLE acme_agent LOGIN IN ROLE soporte_agent;
CREATE ROLE new_agent LOGIN IN ROLE soporte_agent;
CREATE ROLE stranger LOGIN;

INSERT INTO soporte.agent VALUES ('mesa', '*'), ('acme_agent', 'acme');

INSERT INTO soporte.ticket (tenant, id, folio, body_sha256, subject,
                            description, category, node, filed_at, reply_due,
                            urgent, queue)
SELECT t.tenant, ('0190a000-0000-7000-8000-00000000010' || t.n)::uuid,
       'SOP-' || t.n, sha256('x'), 's' || t.n, 'd', 'c', 'n',
       now() - interval '1 hour' * t.n, t.due, t.urgent, 'q'
FROM (VALUES ('acme', 1, now() + interval '1 hour', false),
             ('acme', 2, now() - interval '1 hour', false),
             ('acme', 3, NULL, false),
             ('otra', 4, now() + interval '9 hours', true)) AS t (tenant, n,
                                                                  due, urgent);
INSERT INTO soporte.ticket_message (tenant, ticket, author, body)
VALUES ('otra', '0190a000-0000-7000-8000-000000000104', 'customer', 'secreto');
INSERT INTO soporte.attachment (tenant, ticket, owner, name, size)
SELECT 'otra', u, u, 'a1.bin', 1
FROM (VALUES ('0190a000-0000-7000-8000-000000000104'::uuid)) AS v (u);
INSERT INTO soporte.attachment_part (tenant, ticket, owner, name, at, content)
SELECT tenant, ticket, owner, name, 0, 'x' FROM soporte.attachment
WHERE tenant = 'otra';
INSERT INTO soporte.backup_report
VALUES ('acme', 'database', now() - interval '19 hours', 5, true, 'n'),
       ('acme', 'database', now() - interval '1 hour', 5, false, 'n'),
       ('acme', 'files', now() - interval '23 hours', 5, true, 'n'),
       ('otra', 'database', now() - interval '25 hours', 5, true, 'n');
INSERT INTO soporte.tenant (tenant) VALUES ('otra');

SET ROLE mesa;

SELECT is((SELECT string_agg(subject, ' ') FROM soporte.agent_queue),
          's4 s2 s1 s s3', 'the queue: urgent, by promise, by age');
SELECT is((SELECT string_agg(subject, ' ') FROM soporte.agent_queue
           WHERE overdue), 's2', 'what is overdue');
SELECT is((SELECT last_author || ' ' || (last_at IS NOT NULL)
           FROM soporte.agent_queue WHERE subject = 's4'), 'customer true',
          'who spoke last');
SELECT results_eq($$ SELECT tenant::text, part, state
                     FROM soporte.backups_overdue $$,
                  $$ VALUES ('otra', 'files', 'none'),
                            ('otra', 'database', 'late') $$,
                  'the backups that are overdue');

SET ROLE acme_agent;

SELECT is((SELECT string_agg(subject, ' ') FROM soporte.agent_queue),
          's2 s1 s s3', 'one''s own tenant''s queue');
SELECT is((SELECT count(*) FROM soporte.ticket WHERE tenant = 'otra'),
          0::bigint, 'no other ticket');
SELECT is((SELECT count(*) FROM soporte.ticket_message), 0::bigint,
          'no other message');
SELECT is((SELECT count(*) FROM soporte.attachment), 0::bigint,
          'no other attachment');
SELECT is((SELECT count(*) FROM soporte.attachment_part), 0::bigint,
          'nor its bytes');
SELECT is((SELECT count(*) FROM soporte.backups_overdue), 0::bigint,
          'no other backup');
SELECT is((SELECT string_agg(tenant, ' ') FROM soporte.tenant), 'acme',
          'no other tenant');
SELECT is((SELECT string_agg(login, ' ') FROM soporte.agent), 'acme_agent',
          'no other agent');

WITH u AS (UPDATE soporte.ticket SET status = 'closed'
           WHERE tenant = 'otra' RETURNING 1)
SELECT is((SELECT count(*) FROM u), 0::bigint, 'nothing to change of it');
SELECT throws_ok($$ INSERT INTO soporte.ticket_message
                        (tenant, ticket, author, body)
                    VALUES ('otra', '0190a000-0000-7000-8000-000000000104',
                            'agent', 'x') $$,
                 '42501', NULL, 'nothing to say to it');
SELECT throws_ok($$ INSERT INTO soporte.ticket_message
                        (tenant, ticket, author, body)
                    VALUES ('acme', '0190a000-0000-7000-8000-000000000101',
                            'customer', 'x') $$,
                 '42501', NULL, 'nor to speak as a customer');
SELECT throws_ok($$ UPDATE soporte.ticket SET description = 'x' $$,
                 '42501', NULL, 'nor to change what was said');
SELECT throws_ok($$ UPDATE soporte.ticket SET tenant = 'otra' $$,
                 '42501', NULL, 'nor to give it away');
SELECT throws_ok($$ DELETE FROM soporte.ticket $$, '42501', NULL,
                 'nor to delete');
SELECT throws_ok($$ INSERT INTO soporte.agent VALUES ('acme_agent', '*') $$,
                 '42501', NULL, 'nor to see more');
SELECT throws_ok($$ SELECT soporte.person_export('x', 'acme') $$, '42501',
                 NULL, 'nor to export');
SELECT lives_ok($$ INSERT INTO soporte.ticket_message
                       (tenant, ticket, author, body)
                   VALUES ('acme', '0190a000-0000-7000-8000-000000000101',
                           'agent', 'Lo vemos.') $$,
                'an answer');
SELECT lives_ok($$ UPDATE soporte.ticket SET assignee = 'ana'
                   WHERE folio = 'SOP-1' $$, 'somebody takes care of it');

SET ROLE new_agent;

SELECT is((SELECT count(*) FROM soporte.ticket), 0::bigint,
          'who was given no tenant sees none');

SET ROLE stranger;

SELECT throws_ok($$ SELECT * FROM soporte.agent_queue $$, '42501', NULL,
                 'a stranger sees nothing');
SELECT throws_ok($$ SELECT soporte.ticket_view('acme',
                        '0190a000-0000-7000-8000-000000000101') $$,
                 '42501', NULL, 'and calls nothing');

RESET ROLE;

-- the ticket follows the talk

SELECT is((SELECT status || ' ' || (replied_at IS NOT NULL)
           FROM soporte.ticket
           WHERE id = '0190a000-0000-7000-8000-000000000101'), 'waiting true',
          'answered: it waits for the customer');

INSERT INTO soporte.ticket_message (tenant, ticket, author, body)
VALUES ('acme', '0190a000-0000-7000-8000-000000000101', 'customer', 'x');

SELECT is((SELECT status FROM soporte.ticket
           WHERE id = '0190a000-0000-7000-8000-000000000101'), 'open',
          'the customer spoke: open');

UPDATE soporte.ticket SET status = 'closed'
WHERE id = '0190a000-0000-7000-8000-000000000101';
INSERT INTO soporte.ticket_message (tenant, ticket, author, body)
VALUES ('acme', '0190a000-0000-7000-8000-000000000101', 'customer', 'x');

SELECT is((SELECT status FROM soporte.ticket
           WHERE id = '0190a000-0000-7000-8000-000000000101'), 'closed',
          'closed stays closed');

INSERT INTO soporte.ticket_message (tenant, ticket, author, visible, body)
VALUES ('acme', '0190a000-0000-7000-8000-000000000102', 'agent', false, 'x');

SELECT is((SELECT status || ' ' || (replied_at IS NULL) FROM soporte.ticket
           WHERE id = '0190a000-0000-7000-8000-000000000102'),
          'received true', 'a note is no answer');
SELECT throws_ok($$ UPDATE soporte.ticket SET status = 'gone' $$, '23514',
                 NULL, 'five states and no more');

SELECT * FROM finish();
ROLLBACK;
