-- The bytes of an attachment come in parts, each a statement of its own: a
-- file of 15 MiB needs neither one long statement nor that much memory, and
-- what was cut off goes on where it stopped.
--
-- A file belongs to the ticket or to one of its messages, its owner: both may
-- have a "file-00".

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

CREATE TABLE attachment_part (
    tenant       tenant_key NOT NULL,
    ticket       uuid NOT NULL,
    owner        uuid NOT NULL,
    name         text NOT NULL,
    at           bigint NOT NULL CHECK (at >= 0),
    content      bytea NOT NULL,
    PRIMARY KEY (tenant, ticket, owner, name, at)
);

-- pictures and archives are compressed already

ALTER TABLE attachment_part ALTER COLUMN content SET STORAGE EXTERNAL;

ALTER TABLE attachment
    ADD COLUMN owner uuid,
    ADD COLUMN stored bigint NOT NULL DEFAULT 0;

UPDATE attachment SET owner = ticket,
                      stored = CASE WHEN content IS NULL THEN 0 ELSE size END;

INSERT INTO attachment_part (tenant, ticket, owner, name, at, content)
SELECT tenant, ticket, owner, name, 0, content
FROM attachment
WHERE octet_length(content) > 0;

ALTER TABLE attachment
    DROP CONSTRAINT attachment_pkey,
    ALTER COLUMN owner SET NOT NULL,
    DROP COLUMN content,
    ADD PRIMARY KEY (tenant, ticket, owner, name),
    ADD CHECK (stored BETWEEN 0 AND size);

-- a file without bytes is whole as soon as it is named

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

-- those of a ticket, for file_batch()

CREATE OR REPLACE FUNCTION file_attachments(in_tenant text, in_ticket uuid,
    p jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT file_attachments(in_tenant, in_ticket, in_ticket, p)
$$;

CREATE OR REPLACE FUNCTION file_message(p jsonb) RETURNS text
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

DROP FUNCTION store_attachment(text, uuid, text, bytea);

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
    DELETE FROM ticket_reject r WHERE r.tenant = in_tenant
                                      AND r.id = ANY (in_ids::text[]);
    DELETE FROM ticket t WHERE t.tenant = in_tenant AND t.id = ANY (in_ids);

    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN n;
END $$;

-- rows and rights

ALTER TABLE attachment_part ENABLE ROW LEVEL SECURITY;

CREATE POLICY agent ON attachment_part TO soporte_agent USING (
    EXISTS (SELECT FROM agent a
            WHERE a.login = current_user AND a.tenant = '*')
    OR tenant IN (SELECT a.tenant FROM agent a
                  WHERE a.login = current_user));

GRANT SELECT ON attachment_part TO soporte_agent;
GRANT EXECUTE ON FUNCTION store_part(text, uuid, uuid, text, bigint, bigint,
    bytea) TO soporte_nginx;

RESET ROLE;
