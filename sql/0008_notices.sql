-- Who is told: an agent's reply goes to the customer's e-mail, once, by
-- whichever node asks first; so does what went past a disk that took nothing.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

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

CREATE FUNCTION tell_later(p jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    INSERT INTO notice (tenant, id, document)
    VALUES (p ->> 'tenant', (p ->> 'id')::uuid, p)
    ON CONFLICT DO NOTHING;

    DELETE FROM notice n WHERE n.at < now() - interval '7 days';
END $$;

-- The next ones, oldest first: the caller's for ten minutes, by when
-- notice_taken() says that they have their links.

CREATE FUNCTION claim_notices(in_limit int) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    answer  jsonb;
BEGIN
    WITH mine AS (
        SELECT n.tenant, n.id
        FROM notice n
        WHERE n.claimed_at IS NULL
              OR n.claimed_at < now() - interval '10 minutes'
        ORDER BY n.at
        LIMIT least(greatest(in_limit, 0), 200)
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE notice n SET claimed_at = now()
        FROM mine WHERE n.tenant = mine.tenant AND n.id = mine.id
        RETURNING n.at, n.document
    )
    SELECT coalesce(jsonb_agg(c.document ORDER BY c.at), '[]')
    INTO answer
    FROM claimed c;

    RETURN answer;
END $$;

CREATE FUNCTION notice_taken(in_tenant text, in_id uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
    DELETE FROM notice WHERE tenant = in_tenant AND id = in_id
$$;

-- nobody is told of what was erased

CREATE FUNCTION forget_notices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    DELETE FROM notice n
    WHERE n.tenant = old.tenant
          AND (n.id = old.id OR n.document ->> 'ticket' = old.id::text);

    RETURN NULL;
END $$;

CREATE TRIGGER notice AFTER DELETE ON ticket
    FOR EACH ROW EXECUTE FUNCTION forget_notices();

RESET ROLE;
