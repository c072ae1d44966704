-- What went past a disk that took nothing has no link in any node's
-- spool/notify: it waits here until a pass of soporte-notify, at whichever
-- node asks first, has made the link.  Like those links it stays for a week.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

CREATE TABLE notice (
    tenant       tenant_key NOT NULL,
    id           uuid NOT NULL,
    document     jsonb NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_at   timestamptz,
    PRIMARY KEY (tenant, id)
);

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

GRANT EXECUTE ON FUNCTION tell_later(jsonb) TO soporte_nginx;
GRANT EXECUTE ON FUNCTION claim_notices(int), notice_taken(text, uuid)
    TO soporte_notify;

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
