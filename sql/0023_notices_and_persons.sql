-- Who is told: an agent's reply goes to the customer's e-mail, once, by
-- whichever node asks first.  And what is stored of a person, over all
-- tenants.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles
                   WHERE rolname = 'soporte_notify') THEN
        CREATE ROLE soporte_notify NOLOGIN;
    END IF;

    EXECUTE format('GRANT CONNECT ON DATABASE %I TO soporte_notify',
                   current_database());
END $$;

ALTER ROLE soporte_notify LOGIN CONNECTION LIMIT 16;
ALTER ROLE soporte_notify SET statement_timeout = '5s';
ALTER ROLE soporte_notify SET lock_timeout = '2s';
ALTER ROLE soporte_notify SET search_path = 'pg_catalog';

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

GRANT USAGE ON SCHEMA soporte TO soporte_notify;

-- what was said before there was anybody to tell stays untold

ALTER TABLE ticket_message
    ADD COLUMN claimed_at timestamptz,
    ADD COLUMN told_at timestamptz;

UPDATE ticket_message SET told_at = at WHERE author = 'agent' AND visible;

CREATE INDEX ticket_message_untold ON ticket_message (at)
    WHERE author = 'agent' AND visible AND told_at IS NULL;

-- The next replies to be mailed, oldest first.  They are the caller's for ten
-- minutes; what was not told by then is somebody else's.

CREATE FUNCTION claim_replies(in_limit int) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    answer  jsonb;
BEGIN
    WITH mine AS (
        SELECT m.tenant, m.id
        FROM ticket_message m
             JOIN ticket t ON t.tenant = m.tenant AND t.id = m.ticket
        WHERE m.author = 'agent' AND m.visible AND m.told_at IS NULL
              AND t.email IS NOT NULL
              AND (m.claimed_at IS NULL
                   OR m.claimed_at < now() - interval '10 minutes')
        ORDER BY m.at
        LIMIT least(greatest(in_limit, 0), 200)
        FOR UPDATE OF m SKIP LOCKED
    ), claimed AS (
        UPDATE ticket_message m SET claimed_at = now()
        FROM mine WHERE m.tenant = mine.tenant AND m.id = mine.id
        RETURNING m.tenant, m.id, m.ticket, m.at, m.body
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'tenant', c.tenant, 'id', c.id, 'ticket', c.ticket,
                        'folio', t.folio, 'email', t.email, 'lang', t.lang,
                        'status', t.status, 'body', c.body)
                              ORDER BY c.at), '[]')
    INTO answer
    FROM claimed c JOIN ticket t ON t.tenant = c.tenant AND t.id = c.ticket;

    RETURN answer;
END $$;

CREATE FUNCTION reply_told(in_tenant text, in_id uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
    UPDATE ticket_message SET told_at = clock_timestamp()
    WHERE tenant = in_tenant AND id = in_id AND author = 'agent'
$$;

GRANT EXECUTE ON FUNCTION claim_replies(int), reply_told(text, uuid),
    tickets_of_email(text, text, int) TO soporte_notify;

-- An address in all tenants, or in one: what its owner filed, by the address
-- or as a verified user of that name, and what could not be taken.

CREATE FUNCTION tickets_of_person(in_email text, in_tenant text)
RETURNS TABLE (tenant text, ids uuid[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT t.tenant, array_agg(t.id)
    FROM ticket t
    WHERE (in_tenant IS NULL OR t.tenant = in_tenant)
          AND (lower(t.email) = lower(in_email)
               OR lower(t.user_id) = lower(in_email))
    GROUP BY t.tenant
$$;

CREATE FUNCTION person_export(in_email text, in_tenant text DEFAULT NULL)
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
                  AND position(lower(in_email) IN lower(r.raw)) > 0))
$$;

CREATE FUNCTION person_erase(in_email text, in_tenant text DEFAULT NULL)
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
          AND position(lower(in_email) IN lower(t.raw)) > 0;

    RETURN n;
END $$;

RESET ROLE;
