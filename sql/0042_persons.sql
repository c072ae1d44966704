-- Persons by their whole address, and nothing of a forgotten ticket stays.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

-- pauses (0040) belong to their tickets; what earlier ones left goes now

CREATE OR REPLACE FUNCTION forget_tickets(in_tenant text, in_ids uuid[])
RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    n  int;
BEGIN
    DELETE FROM attachment_part a WHERE a.tenant = in_tenant
                                        AND a.ticket = ANY (in_ids);
    DELETE FROM attachment a WHERE a.tenant = in_tenant
                                   AND a.ticket = ANY (in_ids);
    DELETE FROM ticket_message m WHERE m.tenant = in_tenant
                                       AND m.ticket = ANY (in_ids);
    DELETE FROM ticket_pause p WHERE p.tenant = in_tenant
                                     AND p.ticket = ANY (in_ids);
    DELETE FROM ticket_reject r WHERE r.tenant = in_tenant
                                      AND r.id = ANY (in_ids::text[]);
    DELETE FROM ticket t WHERE t.tenant = in_tenant AND t.id = ANY (in_ids);

    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN n;
END $$;

DELETE FROM ticket_pause p
WHERE NOT EXISTS (SELECT FROM ticket t
                  WHERE t.tenant = p.tenant AND t.id = p.ticket);

-- Whether a document names an address: as a whole string, so that one which
-- ends another is not it.  The text may be cut, and then it is no JSON.

CREATE FUNCTION names_person(in_raw text, in_email text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT position(lower(to_json(in_email)::text) IN lower(in_raw)) > 0
$$;

REVOKE ALL ON FUNCTION names_person(text, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION person_export(in_email text,
                                         in_tenant text DEFAULT NULL)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT jsonb_build_object(
        'email', in_email,
        'tickets', (
            SELECT coalesce(jsonb_agg(
                to_jsonb(t) - 'body_sha256'
                || jsonb_build_object(
                    'messages', (
                        SELECT coalesce(jsonb_agg(
                                   to_jsonb(m) - 'body_sha256' - 'claimed_at'
                                   ORDER BY m.at, m.id), '[]')
                        FROM ticket_message m
                        WHERE m.tenant = t.tenant AND m.ticket = t.id
                              AND m.visible),
                    'attachments', (
                        SELECT coalesce(jsonb_agg(
                                   to_jsonb(a) - 'sha256'
                                   || jsonb_build_object('content', (
                                       SELECT encode(string_agg(
                                           p.content, '' ORDER BY p.at),
                                           'base64')
                                       FROM attachment_part p
                                       WHERE p.tenant = a.tenant
                                             AND p.ticket = a.ticket
                                             AND p.owner = a.owner
                                             AND p.name = a.name))
                                   ORDER BY a.owner, a.name), '[]')
                        FROM attachment a
                        WHERE a.tenant = t.tenant AND a.ticket = t.id))
                ORDER BY t.filed_at, t.id), '[]')
            FROM tickets_of_person(in_email, in_tenant) p
                 JOIN ticket t ON t.tenant = p.tenant AND t.id = ANY (p.ids)),
        'rejected', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                                'tenant', r.tenant, 'id', r.id, 'at', r.at,
                                'reason', r.reason, 'raw', r.raw)
                                      ORDER BY r.at), '[]')
            FROM ticket_reject r
            WHERE (in_tenant IS NULL OR r.tenant = in_tenant)
                  AND names_person(r.raw, in_email)))
$$;

CREATE OR REPLACE FUNCTION person_erase(in_email text,
                                        in_tenant text DEFAULT NULL)
RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    r  record;
    n  int := 0;
BEGIN
    IF in_email !~ '^[^@]+@[^@]+$' THEN
        RAISE EXCEPTION 'not an address'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    FOR r IN SELECT * FROM tickets_of_person(in_email, in_tenant) LOOP
        n := n + forget_tickets(r.tenant, r.ids);
    END LOOP;

    DELETE FROM ticket_reject t
    WHERE (in_tenant IS NULL OR t.tenant = in_tenant)
          AND names_person(t.raw, in_email);

    RETURN n;
END $$;

RESET ROLE;
