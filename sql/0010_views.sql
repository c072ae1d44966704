-- Views.  A view for agents runs as who asks, so that row-level security holds
-- in it; the views of the state show all, and only that.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

-- What agents have to answer: urgent ones, then by the promised time, which
-- nginx worked out in business hours; then those without a promise.  And what
-- of it is business time: waited since it was filed until the first answer, or
-- now; left until it is due.  Pauses are those in which the customer was
-- waited for.

CREATE VIEW agent_queue WITH (security_invoker = true) AS
SELECT t.queue,
       t.tenant,
       t.folio,
       t.id,
       t.subject,
       t.category,
       t.status,
       t.urgent,
       t.out_of_scope,
       t.assignee,
       t.filed_at,
       t.reply_due,
       t.replied_at IS NULL AND t.reply_due < now() AS overdue,
       CASE WHEN t.replied_at IS NULL THEN t.reply_due - now() END AS due_in,
       coalesce(t.name, t.email, t.phone, t.user_id) AS customer,
       t.verified,
       m.at AS last_at,
       m.author AS last_author,
       b.calendar,
       make_interval(secs => business_elapsed(b.calendar, t.filed_at,
           coalesce(t.replied_at, now()), b.pauses)) AS waited,
       CASE WHEN t.replied_at IS NULL AND t.reply_due > now()
            THEN make_interval(secs => business_elapsed(b.calendar, now(),
                                                        t.reply_due))
       END AS left_of_it
FROM ticket t
     CROSS JOIN LATERAL (
         SELECT calendar_of(t.tenant) AS calendar,
                ticket_pauses(t.tenant, t.id) AS pauses) b
     LEFT JOIN LATERAL (
         SELECT l.at, l.author FROM ticket_message l
         WHERE l.tenant = t.tenant AND l.ticket = t.id AND l.visible
         ORDER BY l.at DESC, l.id DESC LIMIT 1) m ON true
WHERE t.status IN ('received', 'open', 'waiting')
ORDER BY t.status = 'waiting', t.urgent DESC, t.reply_due NULLS LAST,
         t.filed_at;

-- Two nodes may tell of one outage before one heard of the other: the younger
-- incident is closed as it was opened, and is none.

CREATE VIEW state_incidents AS
SELECT i.tenant, i.id, i.source, i.title, i.impact, i.status, i.blocking,
       i.opened_at, i.closed_at,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                            'at', rfc3339(u.at), 'status', u.status,
                            'message', u.message) ORDER BY u.at DESC), '[]')
        FROM incident_update u
        WHERE u.tenant = i.tenant AND u.incident = i.id) AS updates
FROM incident i
WHERE (i.closed_at IS NULL OR i.closed_at > now() - interval '90 days')
      AND NOT (i.source = 'detected' AND i.closed_at IS NOT DISTINCT FROM
                                         i.opened_at);

-- Outages of upstreams that several tenants share, whose title is the address;
-- those of its tenants have them as parent.  tenants: those whose own incident
-- is kept, the message may tell of more.

CREATE VIEW state_upstreams AS
SELECT i.id, i.title AS upstream, i.cause, i.status, i.opened_at, i.closed_at,
       i.node,
       (SELECT u.message FROM incident_update u
        WHERE u.tenant = i.tenant AND u.incident = i.id
        ORDER BY u.version DESC LIMIT 1) AS message,
       (SELECT count(DISTINCT c.tenant) FROM incident c
        WHERE c.parent = i.id AND c.tenant <> '@') AS tenants
FROM incident i
WHERE i.tenant = '@'
      AND (i.closed_at IS NULL OR i.closed_at > now() - interval '90 days')
      AND i.closed_at IS DISTINCT FROM i.opened_at;

CREATE VIEW state_maintenances AS
SELECT m.tenant, m.id, m.title, m.message, m.announced_at, m.starts_at,
       m.ends_at
FROM maintenance m
WHERE NOT m.removed
      AND (m.ends_at IS NULL OR m.ends_at > now() - interval '90 days');

CREATE VIEW state_restores AS
SELECT r.tenant, r.id, r.phase, r.progress, r.message, r.backup_at,
       r.began_at, r.due_at, r.ended_at,
       r.due_at < coalesce(r.ended_at, now()) AS late
FROM restore r
WHERE r.ended_at IS NULL OR r.ended_at > now() - interval '90 days';

-- hours since the last good one: 20 are well, 24 are promised

CREATE FUNCTION backup_state(finished_at timestamptz) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN finished_at IS NULL THEN 'none'
                WHEN finished_at > now() - interval '20 hours' THEN 'ok'
                WHEN finished_at > now() - interval '24 hours' THEN 'due'
                ELSE 'late'
           END
$$;

CREATE VIEW state_backups AS
SELECT t.tenant, p.part, max(r.finished_at) AS finished_at,
       backup_state(max(r.finished_at)) AS state
FROM tenant t
     CROSS JOIN (VALUES ('database'), ('files')) AS p (part)
     LEFT JOIN backup_report r
     ON r.tenant = t.tenant AND r.part = p.part AND r.ok
GROUP BY t.tenant, p.part;

CREATE VIEW backups_overdue WITH (security_invoker = true) AS
SELECT t.tenant, p.part, max(r.finished_at) AS finished_at,
       backup_state(max(r.finished_at)) AS state
FROM tenant t
     CROSS JOIN (VALUES ('database'), ('files')) AS p (part)
     LEFT JOIN backup_report r
     ON r.tenant = t.tenant AND r.part = p.part AND r.ok
GROUP BY t.tenant, p.part
HAVING backup_state(max(r.finished_at)) IN ('late', 'none')
ORDER BY max(r.finished_at) NULLS FIRST, t.tenant, p.part;

RESET ROLE;
