-- What filing asks: whether an id is there already, and with which body; and
-- what the tracking page shows, now with ids, so that a message that still
-- lies in a spool is shown once.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

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

CREATE OR REPLACE FUNCTION ticket_view(in_tenant text, in_id uuid)
RETURNS jsonb
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

GRANT EXECUTE ON FUNCTION filed_before(text, uuid) TO soporte_nginx;

RESET ROLE;
