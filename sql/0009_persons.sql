-- Privacy: what is stored of a person, and its erasure; for the owner's
-- members only.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

-- Nothing of a forgotten ticket stays; how many they were.

CREATE FUNCTION forget_tickets(in_tenant text, in_ids uuid[]) RETURNS int
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

-- Whether a document names an address: as a whole string, so that one which
-- ends another is not it.  The text may be cut, and then it is no JSON.

CREATE FUNCTION names_person(in_raw text, in_email text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT position(lower(to_json(in_email)::text) IN lower(in_raw)) > 0
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
                  AND names_person(r.raw, in_email)))
$$;

-- Whoever is erased is told of nothing that waits in notice.

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
          AND names_person(t.raw, in_email);

    DELETE FROM notice t
    WHERE (in_tenant IS NULL OR t.tenant = in_tenant)
          AND lower(t.document ->> 'email') = lower(in_email);

    RETURN n;
END $$;

-- Forgets tickets that ended longer ago than "keep"; how many.

CREATE FUNCTION forget_older(keep interval) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    r  record;
    n  int := 0;
BEGIN
    IF keep < interval '1 day' THEN
        RAISE EXCEPTION 'less than a day is never forgotten'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    FOR r IN
        SELECT t.tenant, array_agg(t.id) AS ids
        FROM ticket t
        WHERE t.status IN ('solved', 'closed') AND t.changed_at < now() - keep
        GROUP BY t.tenant
    LOOP
        n := n + forget_tickets(r.tenant, r.ids);
    END LOOP;

    DELETE FROM ticket_reject WHERE at < now() - keep;

    RETURN n;
END $$;

RESET ROLE;
