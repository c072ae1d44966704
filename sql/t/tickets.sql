-- Prevents: a ticket stored twice or altered, one bad row that takes others
-- with it, a person's data that can be neither given nor erased.

BEGIN;
SELECT plan(58);

-- a ticket as nginx delivers it; p changes or (null) takes away

CREATE FUNCTION pg_temp.ticket(n int, p jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'id', format('0190a000-0000-7000-8000-%s', lpad(n::text, 12, '0')),
        'tenant', 'acme', 'folio', 'SOP-7K3M9-QX2T4', 'subject', 'No abre',
        'description', 'La factura 17 no abre.', 'category', 'ventas',
        'out_of_scope', false, 'urgent', true, 'queue', 'mesa',
        'email', 'Ana@example.mx', 'name', 'Ana', 'phone', '',
        'verified', false, 'user_id', '', 'context', '{"page": "/app"}'::jsonb,
        'filed_at', '2026-11-22T10:00:00-06:00',
        'reply_due', '2026-11-23T09:00:00-06:00',
        'node', 'n1', 'lang', 'es', 'body_sha256', repeat('ab', 32)) || p)
$$;

-- what the batch answers, in order, as one text

CREATE FUNCTION pg_temp.filed(VARIADIC p jsonb[]) RETURNS text
LANGUAGE sql AS $$
    SELECT string_agg(f.res, ' ' ORDER BY f.ord)
    FROM soporte.file_tickets(to_jsonb(p)) f
$$;

SET ROLE soporte_nginx;

-- new and again

SELECT is(pg_temp.filed(pg_temp.ticket(1), pg_temp.ticket(2)), 'new new',
          'two new ones');
SELECT is(pg_temp.filed(pg_temp.ticket(2), pg_temp.ticket(3),
                        pg_temp.ticket(3)),
          'dup new dup', 'again, also within a batch');
SELECT is(pg_temp.filed(pg_temp.ticket(1, '{"tenant": "otra"}')), 'new',
          'the same id of another tenant is another ticket');
SELECT is((SELECT count(*) FROM soporte.file_tickets('[]')), 0::bigint,
          'an empty batch');
SELECT throws_ok($$ SELECT * FROM soporte.file_tickets('{}') $$, '22023', NULL,
                 'not an array');
SELECT throws_ok($$ SELECT * FROM soporte.file_tickets(NULL) $$, '22023', NULL,
                 'nothing at all');
SELECT throws_ok($$ SELECT * FROM soporte.file_tickets('["\u0000"]') $$,
                 '22P05', NULL,
                 'a NUL is refused before the function is entered');

-- another body under the same id

SELECT is(pg_temp.filed(pg_temp.ticket(1, jsonb_build_object('body_sha256',
                            repeat('cd', 32)))), 'bad:conflict',
          'another hash is a conflict');
SELECT is(pg_temp.filed(
              pg_temp.ticket(10),
              pg_temp.ticket(10, jsonb_build_object('body_sha256',
                                                    repeat('cd', 32))),
              pg_temp.ticket(10)),
          'new bad:conflict dup', 'within a batch the first one holds');

-- bad rows

SELECT is(pg_temp.filed(
              pg_temp.ticket(20),
              pg_temp.ticket(21, '{"filed_at": "nonsense"}'),
              pg_temp.ticket(22, '{"subject": ""}'),
              pg_temp.ticket(23, '{"id": "x"}'),
              pg_temp.ticket(24, '{"tenant": "ACME"}'),
              pg_temp.ticket(25, '{"body_sha256": "xy"}'),
              pg_temp.ticket(26, '{"folio": null}'),
              pg_temp.ticket(27, '{"context": [1]}'),
              pg_temp.ticket(28, '{"attachments": [{"name": "../x",
                                                "size": 1}]}'),
              pg_temp.ticket(29, '{"kind": "nonsense"}'),
              '17', 'null', '[]', '"x"', '{}',
              pg_temp.ticket(30)),
          'new bad:22007 bad:23514 bad:22P02 bad:23514 bad:22023 bad:23502 '
          'bad:23514 bad:23514 bad:22023 bad:22023 bad:22023 bad:22023 '
          'bad:22023 bad:23502 new', 'each bad row by itself');
SELECT is(pg_temp.filed(pg_temp.ticket(31, jsonb_build_object('description',
                            repeat('w', 40001)))),
          'bad:23514', 'too long');

RESET ROLE;

SELECT is((SELECT count(*) FROM soporte.ticket), 7::bigint, 'no more, no less');
SELECT is((SELECT count(*) FROM soporte.attachment), 0::bigint,
          'nothing is left of a bad row');
SELECT results_eq(
    $$ SELECT folio, subject, description, category, out_of_scope, urgent,
              queue, email, name, phone, verified, user_id, context, lang,
              node, encode(body_sha256, 'hex'), status,
              filed_at = '2026-11-22 16:00:00+00',
              reply_due = '2026-11-23 15:00:00+00'
       FROM soporte.ticket
       WHERE tenant = 'acme' AND id = '0190a000-0000-7000-8000-000000000001' $$,
    $$ VALUES ('SOP-7K3M9-QX2T4', 'No abre', 'La factura 17 no abre.',
               'ventas', false, true, 'mesa', 'Ana@example.mx', 'Ana',
               NULL::text, false, NULL::text, '{"page": "/app"}'::jsonb, 'es',
               'n1', repeat('ab', 32), 'received', true, true) $$,
    'stored as it was said, empty is none');
SELECT is((SELECT string_agg(tenant, ' ' ORDER BY tenant)
           FROM soporte.tenant), 'acme otra', 'tenants are known by it');

-- what was refused

SELECT results_eq(
    $$ SELECT reason, times, node FROM soporte.ticket_reject
       WHERE tenant = 'acme' AND id = '0190a000-0000-7000-8000-000000000022' $$,
    $$ VALUES ('23514', 1, 'n1') $$, 'a refusal is written down');

SET ROLE soporte_nginx;
SELECT is(pg_temp.filed(pg_temp.ticket(22, '{"subject": ""}')), 'bad:23514',
          'a second try');
RESET ROLE;

SELECT is((SELECT times FROM soporte.ticket_reject
           WHERE id = '0190a000-0000-7000-8000-000000000022'), 2,
          'is counted');
SELECT is((SELECT raw::jsonb ->> 'subject' FROM soporte.ticket_reject
           WHERE id = '0190a000-0000-7000-8000-000000000021'), 'No abre',
          'with what it was');

-- attachments

CREATE FUNCTION pg_temp.part(owner int, name text, size int, at int,
                             content bytea) RETURNS bigint
LANGUAGE sql AS $$
    SELECT soporte.store_part('acme', '0190a000-0000-7000-8000-000000000040',
        ('0190a000-0000-7000-8000-' || lpad(owner::text, 12, '0'))::uuid,
        name, size, at, content)
$$;
GRANT EXECUTE ON FUNCTION pg_temp.part(int, text, int, int, bytea)
    TO soporte_nginx;

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(pg_temp.ticket(40, jsonb_build_object('attachments',
              jsonb_build_array(
                  jsonb_build_object('name', 'b2.png', 'size', 4,
                      'filename', 'pantalla.png', 'type', 'image/png',
                      'sha256', encode(sha256('\x89504e00'), 'hex')),
                  '{"name": "a1.bin", "size": 3}'::jsonb)))),
          'new', 'with attachments');
SELECT is(pg_temp.part(40, 'b2.png', 4, 0, '\x8950'), 2::bigint,
          'their bytes follow');
SELECT is(pg_temp.part(40, 'b2.png', 4, 0, '\xffff'), 2::bigint, 'once');
SELECT is(pg_temp.part(40, 'b2.png', 4, 3, '\xff'), 2::bigint, 'in order');
SELECT throws_ok($$ SELECT pg_temp.part(40, 'b2.png', 5, 2, '\xff') $$, '22026',
                 NULL, 'of one size');
SELECT throws_ok($$ SELECT pg_temp.part(40, 'b2.png', 4, 2, '\xffffff') $$,
                 '23514', NULL, 'and not more');
SELECT is(pg_temp.part(40, 'b2.png', 4, 2, '\x4eff'), -1::bigint,
          'what is not what was sent');
SELECT is(pg_temp.part(40, 'b2.png', 4, 2, '\x4e00'), 0::bigint,
          'begins anew');
SELECT is(pg_temp.part(40, 'b2.png', 4, 0, '\x8950'), 2::bigint, 'once more');
SELECT is(pg_temp.part(40, 'b2.png', 4, 2, '\x4e00'), 4::bigint, 'whole');
SELECT is(pg_temp.part(41, 'b2.png', 1, 0, '\x00'), 1::bigint,
          'a message''s own of that name');

RESET ROLE;

SELECT is((SELECT string_agg(content, '' ORDER BY at)
           FROM soporte.attachment_part
           WHERE name = 'b2.png' AND owner = ticket), '\x89504e00'::bytea,
          'and are not replaced');

DELETE FROM soporte.attachment WHERE owner <> ticket;

-- messages

SET ROLE soporte_nginx;

SELECT is(pg_temp.filed(
              '{"kind": "message", "tenant": "acme", "node": "n1",
                "id": "0190a000-0000-7000-8000-0000000000f1",
                "ticket": "0190a000-0000-7000-8000-000000000040",
                "body": "¿Hay noticias?", "body_sha256": null,
                "filed_at": "2026-11-22T12:00:00-06:00"}',
              pg_temp.ticket(41),
              '{"kind": "message", "tenant": "acme", "node": "n1",
                "id": "0190a000-0000-7000-8000-0000000000f1",
                "ticket": "0190a000-0000-7000-8000-000000000040",
                "body": "¿Hay noticias?",
                "filed_at": "2026-11-22T12:00:00-06:00"}',
              '{"kind": "message", "tenant": "acme", "node": "n1",
                "id": "0190a000-0000-7000-8000-0000000000f2",
                "ticket": "0190a000-0000-7000-8000-000000000040",
                "body": "", "filed_at": "2026-11-22T12:00:00-06:00"}'),
          'new new dup bad:23514', 'messages go the same way');
SELECT is(pg_temp.filed(jsonb_build_object(
              'kind', 'message', 'tenant', 'acme', 'node', 'n1',
              'id', '0190a000-0000-7000-8000-0000000000f1',
              'ticket', '0190a000-0000-7000-8000-000000000040',
              'body', 'otra', 'body_sha256', repeat('ab', 32),
              'filed_at', '2026-11-22T12:00:00-06:00')),
          'bad:conflict', 'with other words it is a conflict');

RESET ROLE;

INSERT INTO soporte.ticket_message (tenant, ticket, author, visible, body, at)
VALUES ('acme', '0190a000-0000-7000-8000-000000000040', 'agent', false,
        'entre nosotros', '2026-11-22 19:00+00'),
       ('acme', '0190a000-0000-7000-8000-000000000040', 'agent', true,
        'Ya quedó.', '2026-11-22 20:00+00');

-- the tracking page

SET ROLE soporte_nginx;

SELECT is((SELECT jsonb_set(v, '{messages}', jsonb_agg(m - 'id'))
           FROM soporte.ticket_view('acme',
                    '0190a000-0000-7000-8000-000000000040') AS v,
                jsonb_array_elements(v -> 'messages') AS m
           GROUP BY v),
          '{"folio": "SOP-7K3M9-QX2T4", "subject": "No abre",
            "description": "La factura 17 no abre.", "category": "ventas",
            "status": "waiting", "filed_at": "2026-11-22T16:00:00Z",
            "reply_due": "2026-11-23T15:00:00Z", "urgent": true,
            "messages": [
              {"at": "2026-11-22T18:00:00Z", "author": "customer",
               "body": "¿Hay noticias?"},
              {"at": "2026-11-22T20:00:00Z", "author": "agent",
               "body": "Ya quedó."}],
            "attachments": [
              {"filename": "", "type": "application/octet-stream", "size": 3},
              {"filename": "pantalla.png", "type": "image/png", "size": 4}]}'
          ::jsonb, 'what the customer may see');
SELECT is(soporte.ticket_view('otra', '0190a000-0000-7000-8000-000000000040'),
          NULL, 'never another tenant''s');
SELECT is(soporte.ticket_view('acme', '0190a000-0000-7000-8000-000000009999'),
          NULL, 'none');
SELECT is(pg_temp.filed(pg_temp.ticket(50, '{"reply_due": null}')), 'new',
          'where nothing is promised');
SELECT ok(soporte.ticket_view('acme', '0190a000-0000-7000-8000-000000000050')
          @> '{"reply_due": null, "messages": []}', 'nothing is said');

-- lists

SELECT is(pg_temp.filed(
              pg_temp.ticket(60, '{"tenant": "lista", "folio": "SOP-1",
                  "user_id": "eva", "verified": true}'),
              pg_temp.ticket(61, '{"tenant": "lista", "folio": "SOP-2",
                  "user_id": "eva", "verified": true,
                  "filed_at": "2026-11-23T10:00:00Z"}'),
              pg_temp.ticket(62, '{"tenant": "lista", "folio": "SOP-2",
                  "user_id": "eva", "verified": false}')),
          'new new new', 'three of a tenant');
SELECT is((SELECT string_agg(t ->> 'id', ' ' ORDER BY o)
           FROM jsonb_array_elements(soporte.tickets_of_user('lista', 'eva', 9))
                WITH ORDINALITY AS e (t, o)),
          '0190a000-0000-7000-8000-000000000061 '
          '0190a000-0000-7000-8000-000000000060',
          'a user''s own, newest first; what was not verified is not');
SELECT is(jsonb_array_length(soporte.tickets_of_user('lista', 'eva', 1)), 1,
          'so many');
SELECT is(soporte.tickets_of_user('acme', 'eva', 9), '[]', 'of this tenant');
SELECT is(jsonb_array_length(soporte.tickets_of_email('lista',
                                                      'ANA@example.MX', 9)),
          3, 'those that name an address');
SELECT is(soporte.ticket_by_folio('lista', 'SOP-1'),
          '0190a000-0000-7000-8000-000000000060', 'by its folio');
SELECT is(soporte.ticket_by_folio('lista', 'SOP-2'), NULL,
          'of two with one folio neither');

RESET ROLE;

-- privacy

SELECT is((SELECT count(*) FROM jsonb_array_elements(
               soporte.person_export('ana@EXAMPLE.mx', 'acme') -> 'tickets') e
           WHERE e ->> 'name' = 'Ana' AND e ? 'messages'
                 AND e ? 'attachments'),
          (SELECT count(*) FROM soporte.ticket WHERE tenant = 'acme'),
          'all that is stored of a person');
SELECT ok(soporte.person_export('ana@example.mx', 'acme')::text
          !~ 'entre nosotros', 'but not the notes of the desk');
UPDATE soporte.ticket SET status = 'waiting' WHERE tenant = 'acme';

SELECT cmp_ok((SELECT count(*) FROM soporte.ticket_pause
               WHERE tenant = 'acme'), '>', 5::bigint, 'with their pauses');
SELECT cmp_ok(soporte.person_erase('ana@example.mx', 'acme'), '>', 5,
              'erased');
SELECT is((SELECT count(*)
           FROM (SELECT tenant FROM soporte.ticket
                 UNION ALL SELECT tenant FROM soporte.ticket_message
                 UNION ALL SELECT tenant FROM soporte.attachment_part
                 UNION ALL SELECT tenant FROM soporte.ticket_pause
                 UNION ALL SELECT tenant FROM soporte.attachment) x
           WHERE tenant = 'acme'), 0::bigint, 'with all that belongs to it');

-- an address that ends another, in what could not be taken

SELECT is((SELECT count(*) FROM soporte.file_tickets(jsonb_build_array(
               pg_temp.ticket(81, '{"subject": "", "email": "Ana@x.mx"}'),
               pg_temp.ticket(82, '{"subject": "",
                                    "email": "mariana@x.mx"}'),
               pg_temp.ticket(83, '{"subject": "", "email": "ana@x.mx.mx",
                                    "description": "I am \"ana@x.mx\""}')))
           WHERE res = 'bad:23514'), 3::bigint, 'three that are refused');
SELECT is(soporte.person_export('aNa@x.mx') #>> '{rejected,0,id}',
          '0190a000-0000-7000-8000-000000000081', 'one is of the person');
SELECT is(jsonb_array_length(soporte.person_export('ana@x.mx')
                             -> 'rejected'), 1, 'the others are not');
SELECT is(soporte.person_erase('ANA@x.mx'), 0, 'erased, no ticket among them');
SELECT is((SELECT string_agg(right(id, 2), ' ' ORDER BY id)
           FROM soporte.ticket_reject WHERE raw LIKE '%ana@x.mx%'), '82 83',
          'and the others stay');

UPDATE soporte.ticket SET status = 'closed',
       changed_at = now() - interval '800 days'
WHERE tenant = 'lista' AND folio = 'SOP-1';

SELECT is(soporte.forget_older('730 days'), 1, 'what ended long ago is gone');
SELECT is((SELECT count(*) FROM soporte.ticket WHERE tenant = 'lista'),
          2::bigint, 'and no more');
SELECT throws_ok($$ SELECT soporte.forget_older('1 hour') $$, '22023', NULL,
                 'a slip of the pen does not empty the desk');

SELECT * FROM finish();
ROLLBACK;
