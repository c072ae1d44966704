-- Functions.  Those that nginx may call run as the owner, with a search path
-- that no temporary object can get in front of.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

CREATE FUNCTION rfc3339(t timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

-- Partitions of minute_sum, a month each, in UTC.

CREATE FUNCTION make_partition(at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    a     timestamp := date_trunc('month', at AT TIME ZONE 'UTC');
    part  text := 'minute_sum_' || to_char(a, 'YYYYMM');
BEGIN
    IF to_regclass('soporte.' || part) IS NOT NULL THEN
        RETURN;
    END IF;

    -- a node whose clock is wrong must not fill the catalog

    IF abs(extract(epoch FROM at - now())) > 400 * 86400 THEN
        RAISE EXCEPTION 'minute % is out of range', at
            USING ERRCODE = 'datetime_field_overflow';
    END IF;

    PERFORM pg_advisory_xact_lock(hashtext('soporte.minute_sum'));

    EXECUTE format('CREATE TABLE IF NOT EXISTS soporte.%I PARTITION OF '
                   'soporte.minute_sum FOR VALUES FROM (%L) TO (%L)', part,
                   a AT TIME ZONE 'UTC',
                   (a + interval '1 month') AT TIME ZONE 'UTC');
END $$;

-- Drops the months that ended longer ago than "keep"; how many.

CREATE FUNCTION drop_partitions(keep interval) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    r  record;
    n  int := 0;
BEGIN
    IF keep < interval '31 days' THEN
        RAISE EXCEPTION 'less than a month is never dropped'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    FOR r IN
        SELECT c.relname
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'soporte.minute_sum'::regclass
              AND c.relname ~ '^minute_sum_[0-9]{6}$'
              AND to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month'
                  < (now() - keep) AT TIME ZONE 'UTC'
    LOOP
        EXECUTE format('DROP TABLE soporte.%I', r.relname);
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

-- [{minute, tenant, node, boot, good, hard, soft, slow, excluded,
-- upstream_ms}]: absolute values that only grow; how many rows they are.

CREATE FUNCTION flush_minutes(p jsonb) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    n  int;
BEGIN
    PERFORM make_partition(m.at)
    FROM (SELECT DISTINCT date_trunc('month', x.minute, 'UTC') AS at
          FROM jsonb_to_recordset(p) AS x (minute timestamptz)
          WHERE x.minute IS NOT NULL) m;

    INSERT INTO minute_sum AS s (tenant, minute, node, boot, good, hard, soft,
                                 slow, excluded, upstream_ms)
    SELECT x.tenant, date_trunc('minute', x.minute), x.node, x.boot,
           max(coalesce(x.good, 0)), max(coalesce(x.hard, 0)),
           max(coalesce(x.soft, 0)), max(coalesce(x.slow, 0)),
           max(coalesce(x.excluded, 0)), max(coalesce(x.upstream_ms, 0))
    FROM jsonb_to_recordset(p) AS x (tenant text, minute timestamptz,
         node text, boot uuid, good bigint, hard bigint, soft bigint,
         slow bigint, excluded bigint, upstream_ms bigint)
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (tenant, minute, node, boot) DO UPDATE
    SET good = greatest(s.good, excluded.good),
        hard = greatest(s.hard, excluded.hard),
        soft = greatest(s.soft, excluded.soft),
        slow = greatest(s.slow, excluded.slow),
        excluded = greatest(s.excluded, excluded.excluded),
        upstream_ms = greatest(s.upstream_ms, excluded.upstream_ms);

    GET DIAGNOSTICS n = ROW_COUNT;

    INSERT INTO tenant AS t (tenant, began_at)
    SELECT x.tenant, min(x.minute)
    FROM jsonb_to_recordset(p) AS x (tenant text, minute timestamptz)
    WHERE NOT EXISTS (SELECT FROM tenant k
                      WHERE k.tenant = x.tenant AND k.began_at <= x.minute)
    GROUP BY 1
    ON CONFLICT (tenant) DO UPDATE SET began_at = excluded.began_at
    WHERE excluded.began_at < t.began_at;

    RETURN n;
END $$;

-- Attachments of a ticket, as its JSON names them; their bytes come by
-- store_attachment().

CREATE FUNCTION file_attachments(in_tenant text, in_ticket uuid, p jsonb)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, soporte, pg_temp AS $$
    INSERT INTO attachment (tenant, ticket, name, filename, type, size, sha256)
    SELECT in_tenant, in_ticket, x.name, left(coalesce(x.filename, ''), 255),
           left(coalesce(x.type, 'application/octet-stream'), 127), x.size,
           decode(x.sha256, 'hex')
    FROM jsonb_to_recordset(p) AS x (name text, filename text, type text,
                                     size bigint, sha256 text)
    ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION store_attachment(in_tenant text, in_ticket uuid, in_name text,
    in_content bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    INSERT INTO attachment AS a (tenant, ticket, name, size, content)
    VALUES (in_tenant, in_ticket, in_name, octet_length(in_content),
            in_content)
    ON CONFLICT (tenant, ticket, name) DO UPDATE
    SET content = excluded.content, size = excluded.size
    WHERE a.content IS NULL;

    RETURN CASE WHEN FOUND THEN 'new' ELSE 'dup' END;
END $$;

-- Tickets: the whole batch in one statement.  A row of result for each
-- element, by its position.

CREATE FUNCTION file_batch(p jsonb) RETURNS TABLE (ord int, res text)
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    made  text[];
BEGIN
    WITH x AS MATERIALIZED (
        SELECT e.o, y.*
        FROM jsonb_array_elements(p) WITH ORDINALITY AS e (v, o),
             jsonb_to_record(e.v) AS y (tenant text, id uuid, folio text,
                 body_sha256 text, subject text, description text,
                 category text, out_of_scope boolean, urgent boolean,
                 queue text, email text, name text, phone text,
                 verified boolean, user_id text, context jsonb, lang text,
                 node text, filed_at timestamptz, reply_due timestamptz)
    ), i AS (
        INSERT INTO ticket (tenant, id, folio, body_sha256, subject,
                            description, category, out_of_scope, urgent, queue,
                            email, name, phone, verified, user_id, context,
                            lang, node, filed_at, reply_due)
        SELECT x.tenant, x.id, x.folio, decode(x.body_sha256, 'hex'),
               x.subject, x.description, x.category,
               coalesce(x.out_of_scope, false), coalesce(x.urgent, false),
               coalesce(x.queue, ''), nullif(x.email, ''), nullif(x.name, ''),
               nullif(x.phone, ''), coalesce(x.verified, false),
               nullif(x.user_id, ''),
               CASE WHEN coalesce(jsonb_typeof(x.context), 'null') = 'null'
                    THEN '{}' ELSE x.context END,
               coalesce(nullif(x.lang, ''), 'es'), x.node, x.filed_at,
               x.reply_due
        FROM x
        ORDER BY x.o
        ON CONFLICT (tenant, id) DO NOTHING
        RETURNING ticket.tenant || ' ' || ticket.id AS key
    )
    SELECT array_agg(i.key) INTO made FROM i;

    PERFORM file_attachments(x.tenant, x.id, x.attachments)
    FROM jsonb_array_elements(p) AS e (v),
         jsonb_to_record(e.v) AS x (tenant text, id uuid, attachments jsonb)
    WHERE jsonb_typeof(x.attachments) = 'array'
          AND x.tenant || ' ' || x.id = ANY (made);

    INSERT INTO tenant (tenant)
    SELECT DISTINCT e.v ->> 'tenant'
    FROM jsonb_array_elements(p) AS e (v)
    WHERE NOT EXISTS (SELECT FROM tenant t WHERE t.tenant = e.v ->> 'tenant')
    ON CONFLICT DO NOTHING;

    -- A statement of its own: what another node committed meanwhile is seen
    -- by it.  The first of a batch that names a new id is the new one.

    RETURN QUERY
    SELECT x.o::int,
           CASE WHEN t.body_sha256 IS DISTINCT FROM decode(x.h, 'hex')
                THEN 'bad:conflict'
                WHEN x.nth = 1 AND x.tenant || ' ' || x.id = ANY (made)
                THEN 'new'
                ELSE 'dup'
           END
    FROM (SELECT e.o, y.tenant, y.id, y.body_sha256 AS h,
                 row_number() OVER (PARTITION BY y.tenant, y.id
                                    ORDER BY e.o) AS nth
          FROM jsonb_array_elements(p) WITH ORDINALITY AS e (v, o),
               jsonb_to_record(e.v) AS y (tenant text, id uuid,
                                          body_sha256 text)) x
         LEFT JOIN ticket t ON t.tenant = x.tenant AND t.id = x.id;
END $$;

-- A customer's message: {kind: "message", tenant, id, ticket, body, filed_at,
-- node, body_sha256}

CREATE FUNCTION file_message(p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    x  record;
    h  bytea;
BEGIN
    SELECT * INTO x
    FROM jsonb_to_record(p) AS y (tenant text, id uuid, ticket uuid, body text,
                                  filed_at timestamptz, node text,
                                  body_sha256 text, attachments jsonb);

    INSERT INTO ticket_message (tenant, id, ticket, at, author, body,
                                body_sha256, node)
    VALUES (x.tenant, x.id, x.ticket, x.filed_at, 'customer', x.body,
            decode(x.body_sha256, 'hex'), x.node)
    ON CONFLICT (tenant, id) DO NOTHING;

    IF FOUND THEN

        IF jsonb_typeof(x.attachments) = 'array' THEN
            PERFORM file_attachments(x.tenant, x.ticket, x.attachments);
        END IF;

        RETURN 'new';
    END IF;

    SELECT m.body_sha256 INTO h
    FROM ticket_message m WHERE m.tenant = x.tenant AND m.id = x.id;

    RETURN CASE WHEN h IS DISTINCT FROM decode(x.body_sha256, 'hex')
                THEN 'bad:conflict' ELSE 'dup' END;
END $$;

-- History: {kind: "incident" | "incident_update" | "maintenance" | "backup" |
-- "span", …} with the columns of the table.  A later version goes before an
-- earlier one, in whichever order they come.

CREATE FUNCTION file_incident(p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    INSERT INTO incident AS i (tenant, id, version, source, title, impact,
                               status, blocking, opened_at, closed_at, node)
    SELECT x.tenant, x.id, coalesce(x.version, 1), x.source, x.title,
           coalesce(x.impact, 'none'), coalesce(x.status, 'investigating'),
           coalesce(x.blocking, false), x.opened_at, x.closed_at, x.node
    FROM jsonb_to_record(p) AS x (tenant text, id uuid, version bigint,
         source text, title text, impact text, status text, blocking boolean,
         opened_at timestamptz, closed_at timestamptz, node text)
    ON CONFLICT (tenant, id) DO UPDATE
    SET version = excluded.version, source = excluded.source,
        title = excluded.title, impact = excluded.impact,
        status = excluded.status, blocking = excluded.blocking,
        opened_at = excluded.opened_at, closed_at = excluded.closed_at,
        node = excluded.node
    WHERE excluded.version > i.version;

    RETURN CASE WHEN FOUND THEN 'new' ELSE 'dup' END;
END $$;

CREATE FUNCTION file_maintenance(p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    INSERT INTO maintenance AS m (tenant, id, version, title, message,
                                  announced_at, starts_at, ends_at, removed,
                                  node)
    SELECT x.tenant, x.id, coalesce(x.version, 1), coalesce(x.title, ''),
           coalesce(x.message, ''), x.announced_at, x.starts_at, x.ends_at,
           coalesce(x.removed, false), x.node
    FROM jsonb_to_record(p) AS x (tenant text, id uuid, version bigint,
         title text, message text, announced_at timestamptz,
         starts_at timestamptz, ends_at timestamptz, removed boolean,
         node text)
    ON CONFLICT (tenant, id) DO UPDATE
    SET version = excluded.version, title = excluded.title,
        message = excluded.message, starts_at = excluded.starts_at,
        ends_at = excluded.ends_at, removed = excluded.removed,
        node = excluded.node
    WHERE excluded.version > m.version;

    RETURN CASE WHEN FOUND THEN 'new' ELSE 'dup' END;
END $$;

CREATE FUNCTION file_history(in_kind text, p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    CASE in_kind

    WHEN 'incident' THEN
        RETURN file_incident(p);

    WHEN 'maintenance' THEN
        RETURN file_maintenance(p);

    WHEN 'incident_update' THEN
        INSERT INTO incident_update (tenant, incident, at, status, message)
        SELECT x.tenant, x.incident, x.at, x.status, coalesce(x.message, '')
        FROM jsonb_to_record(p) AS x (tenant text, incident uuid,
             at timestamptz, status text, message text)
        ON CONFLICT DO NOTHING;

    WHEN 'backup' THEN
        INSERT INTO backup_report (tenant, part, finished_at, bytes, ok, node)
        SELECT x.tenant, x.part, x.finished_at, x.bytes, x.ok, x.node
        FROM jsonb_to_record(p) AS x (tenant text, part text,
             finished_at timestamptz, bytes bigint, ok boolean, node text)
        ON CONFLICT DO NOTHING;

    WHEN 'span' THEN
        INSERT INTO state_span AS s (tenant, began_at, node, ended_at, state)
        SELECT x.tenant, x.began_at, x.node, x.ended_at, x.state
        FROM jsonb_to_record(p) AS x (tenant text, began_at timestamptz,
             node text, ended_at timestamptz, state text)
        ON CONFLICT (tenant, began_at, node) DO UPDATE
        SET ended_at = excluded.ended_at, state = excluded.state
        WHERE (s.ended_at, s.state) IS DISTINCT FROM (excluded.ended_at,
                                                      excluded.state);

    ELSE
        RAISE EXCEPTION 'unknown kind'
            USING ERRCODE = 'invalid_parameter_value';
    END CASE;

    RETURN CASE WHEN FOUND THEN 'new' ELSE 'dup' END;
END $$;

-- One element, whatever it is; an error is its own.

CREATE FUNCTION file_one(p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    kind    text := coalesce(p ->> 'kind', 'ticket');
    answer  text;
BEGIN
    IF jsonb_typeof(p) <> 'object' THEN
        RETURN 'bad:22023';
    END IF;

    IF kind = 'ticket' THEN
        SELECT f.res INTO answer FROM file_batch(jsonb_build_array(p)) f;

    ELSIF kind = 'message' THEN
        answer := file_message(p);

    ELSE
        answer := file_history(kind, p);
    END IF;

    RETURN answer;

EXCEPTION WHEN data_exception OR integrity_constraint_violation
               OR program_limit_exceeded
THEN
    RETURN 'bad:' || SQLSTATE;
END $$;

-- What nginx delivers.  Everything at once first; if that fails, or if there
-- is more than tickets, one by one: a bad row never stands before others.

CREATE FUNCTION file_tickets(p jsonb) RETURNS TABLE (ord int, res text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    answers  text[];
BEGIN
    IF p IS NULL OR jsonb_typeof(p) <> 'array' THEN
        RAISE EXCEPTION 'not an array'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    IF NOT EXISTS (SELECT FROM jsonb_array_elements(p) AS e (v)
                   WHERE jsonb_typeof(e.v) <> 'object'
                         OR coalesce(e.v ->> 'kind', 'ticket') <> 'ticket')
    THEN
        BEGIN
            SELECT array_agg(f.res ORDER BY f.ord) INTO answers
            FROM file_batch(p) f;

        EXCEPTION WHEN data_exception OR integrity_constraint_violation
                       OR program_limit_exceeded
        THEN
            answers := NULL;
        END;
    END IF;

    IF answers IS NULL THEN
        SELECT array_agg(file_one(e.v) ORDER BY e.o) INTO answers
        FROM (SELECT j.v, j.o
              FROM jsonb_array_elements(p) WITH ORDINALITY AS j (v, o)
              ORDER BY j.o) e;
    END IF;

    INSERT INTO ticket_reject AS t (tenant, id, reason, node, raw)
    SELECT DISTINCT ON (1, 2)
           left(coalesce(e.v ->> 'tenant', ''), 64),
           left(coalesce(e.v ->> 'id', ''), 64),
           substr(answers[e.o], 5), left(e.v ->> 'node', 255),
           left(e.v::text, 65536)
    FROM jsonb_array_elements(p) WITH ORDINALITY AS e (v, o)
    WHERE answers[e.o] LIKE 'bad:%'
    ORDER BY 1, 2, e.o
    ON CONFLICT (tenant, id) DO UPDATE
    SET reason = excluded.reason, node = excluded.node, raw = excluded.raw,
        at = clock_timestamp(), times = t.times + 1;

    RETURN QUERY SELECT a.o::int, a.v
                 FROM unnest(answers) WITH ORDINALITY AS a (v, o);
END $$;

-- What the tracking page shows of a ticket; null if there is none.

CREATE FUNCTION ticket_view(in_tenant text, in_id uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT jsonb_build_object(
        'folio', t.folio,
        'subject', t.subject,
        'description', t.description,
        'category', t.category,
        'status', t.status,
        'filed_at', rfc3339(t.filed_at),
        'reply_due', rfc3339(t.reply_due),
        'urgent', t.urgent,
        'messages', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                                'at', rfc3339(m.at),
                                'author', m.author,
                                'body', m.body) ORDER BY m.at, m.id), '[]')
            FROM ticket_message m
            WHERE m.tenant = t.tenant AND m.ticket = t.id AND m.visible),
        'attachments', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                                'filename', a.filename,
                                'type', a.type,
                                'size', a.size) ORDER BY a.name), '[]')
            FROM attachment a
            WHERE a.tenant = t.tenant AND a.ticket = t.id))
    FROM ticket t
    WHERE t.tenant = in_tenant AND t.id = in_id
$$;

-- A list of tickets, newest first: those that a verified user filed, and (to
-- be sent to that address, never shown) those that name an address.

CREATE FUNCTION ticket_line(t ticket) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT jsonb_build_object(
        'id', t.id,
        'folio', t.folio,
        'subject', t.subject,
        'category', t.category,
        'status', t.status,
        'filed_at', rfc3339(t.filed_at),
        'reply_due', rfc3339(t.reply_due),
        'urgent', t.urgent)
$$;

CREATE FUNCTION tickets_of_user(in_tenant text, in_user text, in_limit int)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT coalesce(jsonb_agg(ticket_line(t) ORDER BY t.filed_at DESC, t.id),
                    '[]')
    FROM (SELECT * FROM ticket
          WHERE tenant = in_tenant AND user_id = in_user AND verified
          ORDER BY filed_at DESC, id
          LIMIT least(greatest(in_limit, 0), 200)) t
$$;

CREATE FUNCTION tickets_of_email(in_tenant text, in_email text, in_limit int)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT coalesce(jsonb_agg(ticket_line(t) ORDER BY t.filed_at DESC, t.id),
                    '[]')
    FROM (SELECT * FROM ticket
          WHERE tenant = in_tenant AND lower(email) = lower(in_email)
          ORDER BY filed_at DESC, id
          LIMIT least(greatest(in_limit, 0), 200)) t
$$;

-- The id behind a folio, for a tenant; null if there is none or more than one.

CREATE FUNCTION ticket_by_folio(in_tenant text, in_folio text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT (array_agg(id))[1] FROM ticket
    WHERE tenant = in_tenant AND folio = in_folio
    HAVING count(*) = 1
$$;

-- Privacy: what is stored of a person, and its erasure; for the owner's
-- members only.

CREATE FUNCTION export_person(in_tenant text, in_email text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT coalesce(jsonb_agg(
        to_jsonb(t) - 'body_sha256'
        || jsonb_build_object(
            'messages', (
                SELECT coalesce(jsonb_agg(to_jsonb(m) - 'body_sha256'
                                          ORDER BY m.at, m.id), '[]')
                FROM ticket_message m
                WHERE m.tenant = t.tenant AND m.ticket = t.id AND m.visible),
            'attachments', (
                SELECT coalesce(jsonb_agg(to_jsonb(a) - 'content' - 'sha256'
                                          ORDER BY a.name), '[]')
                FROM attachment a
                WHERE a.tenant = t.tenant AND a.ticket = t.id))
        ORDER BY t.filed_at, t.id), '[]')
    FROM ticket t
    WHERE t.tenant = in_tenant AND lower(t.email) = lower(in_email)
$$;

CREATE FUNCTION forget_tickets(in_tenant text, in_ids uuid[]) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    n  int;
BEGIN
    DELETE FROM attachment a WHERE a.tenant = in_tenant
                                   AND a.ticket = ANY (in_ids);
    DELETE FROM ticket_message m WHERE m.tenant = in_tenant
                                       AND m.ticket = ANY (in_ids);
    DELETE FROM ticket_reject r WHERE r.tenant = in_tenant
                                      AND r.id = ANY (in_ids::text[]);
    DELETE FROM ticket t WHERE t.tenant = in_tenant AND t.id = ANY (in_ids);

    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN n;
END $$;

CREATE FUNCTION erase_person(in_tenant text, in_email text) RETURNS int
LANGUAGE sql
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT forget_tickets(in_tenant,
                          (SELECT coalesce(array_agg(t.id), '{}')
                           FROM ticket t
                           WHERE t.tenant = in_tenant
                                 AND lower(t.email) = lower(in_email)))
$$;

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

DO $$
BEGIN
    PERFORM make_partition(now()), make_partition(now() + interval '1 month');
END $$;

RESET ROLE;
