-- Tickets: what nginx delivers, and what it asks of them.  Functions that
-- nginx may call run as the owner, here and elsewhere, with a search path that
-- no temporary object can get in front of.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

-- An answer of the help desk, a word of the customer: the ticket follows.
-- A closed ticket stays closed, a solved one is opened again.

CREATE FUNCTION follow_message() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    IF NEW.author = 'customer' THEN
        UPDATE ticket t SET status = 'open', changed_at = clock_timestamp()
        WHERE t.tenant = NEW.tenant AND t.id = NEW.ticket
              AND t.status IN ('waiting', 'solved');

    ELSIF NEW.visible THEN
        UPDATE ticket t
        SET replied_at = coalesce(t.replied_at, NEW.at),
            status = CASE WHEN t.status IN ('received', 'open')
                     THEN 'waiting' ELSE t.status END,
            changed_at = clock_timestamp()
        WHERE t.tenant = NEW.tenant AND t.id = NEW.ticket;
    END IF;

    RETURN NULL;
END $$;

CREATE TRIGGER follow AFTER INSERT ON ticket_message
    FOR EACH ROW EXECUTE FUNCTION follow_message();

-- Attachments of a ticket or a message, as its JSON names them; their bytes
-- come by store_part().  A file without bytes is whole as soon as it is named.

CREATE FUNCTION file_attachments(in_tenant text, in_ticket uuid,
    in_owner uuid, p jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, soporte, pg_temp AS $$
    INSERT INTO attachment (tenant, ticket, owner, name, filename, type, size,
                            sha256)
    SELECT in_tenant, in_ticket, in_owner, x.name,
           left(coalesce(x.filename, ''), 255),
           left(coalesce(x.type, 'application/octet-stream'), 127), x.size,
           decode(x.sha256, 'hex')
    FROM jsonb_to_recordset(p) AS x (name text, filename text, type text,
                                     size bigint, sha256 text)
    ON CONFLICT DO NOTHING
$$;

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

    PERFORM file_attachments(x.tenant, x.id, x.id, x.attachments)
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
-- node, body_sha256, attachments}

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
            PERFORM file_attachments(x.tenant, x.ticket, x.id, x.attachments);
        END IF;

        RETURN 'new';
    END IF;

    SELECT m.body_sha256 INTO h
    FROM ticket_message m WHERE m.tenant = x.tenant AND m.id = x.id;

    RETURN CASE WHEN h IS DISTINCT FROM decode(x.body_sha256, 'hex')
                THEN 'bad:conflict' ELSE 'dup' END;
END $$;

-- One element, whatever it is; an error is its own.  A lost link travels with
-- the tickets and is not stored: it is for whoever sends mail at the node that
-- took it.

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

    CASE kind

    WHEN 'ticket' THEN
        SELECT f.res INTO answer FROM file_batch(jsonb_build_array(p)) f;

    WHEN 'message' THEN
        answer := file_message(p);

    WHEN 'lost_link' THEN
        answer := 'new';

    ELSE
        answer := file_history(kind, p);
    END CASE;

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

-- Stores what begins at "in_at" of a file of "in_size" bytes; how many bytes
-- from its start are stored now.  A part that is there, or that does not fit
-- to what is there, changes nothing.  The last part makes the whole be looked
-- at: where it is not what the customer sent nothing is left of it, and -1 says
-- so.

CREATE FUNCTION store_part(in_tenant text, in_ticket uuid, in_owner uuid,
    in_name text, in_size bigint, in_at bigint, in_content bytea)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    a    attachment;
    len  bigint := octet_length(in_content);
BEGIN
    INSERT INTO attachment (tenant, ticket, owner, name, size)
    VALUES (in_tenant, in_ticket, in_owner, in_name, in_size)
    ON CONFLICT DO NOTHING;

    SELECT * INTO a FROM attachment t
    WHERE t.tenant = in_tenant AND t.ticket = in_ticket
          AND t.owner = in_owner AND t.name = in_name
    FOR UPDATE;

    IF a.size <> in_size THEN
        RAISE EXCEPTION 'the size differs'
            USING ERRCODE = 'string_data_length_mismatch';
    END IF;

    IF in_at <> a.stored OR len = 0 THEN
        RETURN a.stored;
    END IF;

    INSERT INTO attachment_part (tenant, ticket, owner, name, at, content)
    VALUES (in_tenant, in_ticket, in_owner, in_name, in_at, in_content);

    a.stored := a.stored + len;

    IF a.stored = a.size AND a.sha256 <> (
        SELECT sha256(string_agg(p.content, '' ORDER BY p.at))
        FROM attachment_part p
        WHERE p.tenant = in_tenant AND p.ticket = in_ticket
              AND p.owner = in_owner AND p.name = in_name)
    THEN
        DELETE FROM attachment_part p
        WHERE p.tenant = in_tenant AND p.ticket = in_ticket
              AND p.owner = in_owner AND p.name = in_name;

        UPDATE attachment t SET stored = 0
        WHERE t.tenant = in_tenant AND t.ticket = in_ticket
              AND t.owner = in_owner AND t.name = in_name;

        RETURN -1;
    END IF;

    UPDATE attachment t SET stored = a.stored
    WHERE t.tenant = in_tenant AND t.ticket = in_ticket
          AND t.owner = in_owner AND t.name = in_name;

    RETURN a.stored;
END $$;

CREATE FUNCTION rfc3339(t timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

-- What filing asks: whether an id is there already, and with which body.

CREATE FUNCTION filed_before(in_tenant text, in_id uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT jsonb_build_object('body_sha256', encode(t.body_sha256, 'hex'),
                              'filed_at', rfc3339(t.filed_at),
                              'reply_due', rfc3339(t.reply_due))
    FROM ticket t
    WHERE t.tenant = in_tenant AND t.id = in_id
    UNION ALL
    SELECT jsonb_build_object('body_sha256', encode(m.body_sha256, 'hex'),
                              'filed_at', rfc3339(m.at),
                              'reply_due', NULL)
    FROM ticket_message m
    WHERE m.tenant = in_tenant AND m.id = in_id AND m.author = 'customer'
    LIMIT 1
$$;

-- What the tracking page shows of a ticket; null if there is none.  Messages
-- have their ids, so that one that still lies in a spool is shown once.

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
                                'id', m.id,
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

RESET ROLE;
