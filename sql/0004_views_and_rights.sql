-- Views and rights.  A view for agents runs as who asks, so that row-level
-- security holds in it; the views of the state show all, and only that.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

-- what agents have to answer: urgent ones, then by the promised time, which
-- nginx worked out in business hours; then those without a promise

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
       m.author AS last_author
FROM ticket t
     LEFT JOIN LATERAL (
         SELECT l.at, l.author FROM ticket_message l
         WHERE l.tenant = t.tenant AND l.ticket = t.id AND l.visible
         ORDER BY l.at DESC, l.id DESC LIMIT 1) m ON true
WHERE t.status IN ('received', 'open', 'waiting')
ORDER BY t.status = 'waiting', t.urgent DESC, t.reply_due NULLS LAST,
         t.filed_at;

CREATE VIEW state_incidents AS
SELECT i.tenant, i.id, i.source, i.title, i.impact, i.status, i.blocking,
       i.opened_at, i.closed_at,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                            'at', rfc3339(u.at), 'status', u.status,
                            'message', u.message) ORDER BY u.at DESC), '[]')
        FROM incident_update u
        WHERE u.tenant = i.tenant AND u.incident = i.id) AS updates
FROM incident i
WHERE i.closed_at IS NULL OR i.closed_at > now() - interval '90 days';

CREATE VIEW state_maintenances AS
SELECT m.tenant, m.id, m.title, m.message, m.announced_at, m.starts_at,
       m.ends_at
FROM maintenance m
WHERE NOT m.removed
      AND (m.ends_at IS NULL OR m.ends_at > now() - interval '90 days');

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

-- The month of a tenant, from the minutes that were not "up".  M minutes
-- since it began in it, D down, X maintenance, R restore, U unknown:
--
--     availability      (E - D - X - R) / E, E = M - U; what the contract says
--     availability_min  the same, unknown minutes counted as down
--     without_maintenance  (E - X - D - R) / (E - X)
--
-- in percent, cut and never rounded to four places.  Where nodes disagree
-- about a minute the worst word holds.

CREATE VIEW sla_month WITH (security_invoker = true) AS
WITH span AS (
    SELECT s.tenant, g.minute,
           max(array_position(ARRAY['degraded', 'unknown', 'maintenance',
                                    'restore', 'down'], s.state)) AS worst
    FROM state_span s,
         generate_series(date_trunc('minute', s.began_at),
                         s.ended_at - interval '1 microsecond',
                         interval '1 minute') AS g (minute)
    GROUP BY s.tenant, g.minute
), sums AS (
    SELECT tenant, date_trunc('month', minute, 'UTC') AS month,
           count(*) FILTER (WHERE worst = 1) AS degraded,
           count(*) FILTER (WHERE worst = 2) AS unknown,
           count(*) FILTER (WHERE worst = 3) AS maintenance,
           count(*) FILTER (WHERE worst = 4) AS restore,
           count(*) FILTER (WHERE worst = 5) AS down
    FROM span
    GROUP BY 1, 2
), months AS (
    SELECT t.tenant, g.month,
           floor(extract(epoch FROM
                     least(now(), g.month + interval '1 month')
                     - greatest(t.began_at, g.month)) / 60)::bigint AS minutes
    FROM tenant t,
         generate_series(date_trunc('month', t.began_at, 'UTC'), now(),
                         interval '1 month') AS g (month)
), sheet AS (
    SELECT m.tenant, m.month, m.minutes,
           coalesce(s.degraded, 0) AS degraded,
           coalesce(s.unknown, 0) AS unknown,
           coalesce(s.maintenance, 0) AS maintenance,
           coalesce(s.restore, 0) AS restore,
           coalesce(s.down, 0) AS down
    FROM months m LEFT JOIN sums s USING (tenant, month)
    WHERE m.minutes > 0
)
SELECT x.tenant, x.month, x.minutes, x.down, x.degraded, x.maintenance,
       x.restore, x.unknown,
       trunc(100.0 * (x.minutes - x.unknown - x.down - x.maintenance
                      - x.restore)
             / nullif(x.minutes - x.unknown, 0), 4) AS availability,
       trunc(100.0 * (x.minutes - x.unknown - x.down - x.maintenance
                      - x.restore)
             / x.minutes, 4) AS availability_min,
       trunc(100.0 * (x.minutes - x.unknown - x.maintenance - x.down
                      - x.restore)
             / nullif(x.minutes - x.unknown - x.maintenance, 0), 4)
           AS without_maintenance
FROM sheet x;

-- rows

ALTER TABLE ticket ENABLE ROW LEVEL SECURITY;
ALTER TABLE ticket_message ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachment ENABLE ROW LEVEL SECURITY;
ALTER TABLE ticket_reject ENABLE ROW LEVEL SECURITY;
ALTER TABLE state_span ENABLE ROW LEVEL SECURITY;
ALTER TABLE minute_sum ENABLE ROW LEVEL SECURITY;
ALTER TABLE backup_report ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent ENABLE ROW LEVEL SECURITY;

CREATE POLICY own ON agent FOR SELECT TO soporte_agent
    USING (login = current_user);

DO $$
DECLARE
    t  text;
BEGIN
    FOREACH t IN ARRAY ARRAY['ticket', 'ticket_message', 'attachment',
                             'ticket_reject', 'state_span', 'minute_sum',
                             'backup_report', 'tenant']
    LOOP
        EXECUTE format(
            'CREATE POLICY agent ON soporte.%I TO soporte_agent USING ('
            'EXISTS (SELECT FROM soporte.agent a '
            'WHERE a.login = current_user AND a.tenant = ''*'') '
            'OR tenant IN (SELECT a.tenant FROM soporte.agent a '
            'WHERE a.login = current_user))', t);
    END LOOP;
END $$;

-- an agent speaks as an agent

CREATE POLICY author ON ticket_message AS RESTRICTIVE FOR INSERT
    TO soporte_agent WITH CHECK (author = 'agent');

-- rights

REVOKE ALL ON ALL TABLES IN SCHEMA soporte FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA soporte FROM PUBLIC;

GRANT EXECUTE ON FUNCTION file_tickets(jsonb), flush_minutes(jsonb),
    store_attachment(text, uuid, text, bytea), ticket_view(text, uuid),
    ticket_by_folio(text, text), tickets_of_user(text, text, int),
    tickets_of_email(text, text, int), make_partition(timestamptz)
    TO soporte_nginx;

GRANT EXECUTE ON FUNCTION rfc3339(timestamptz), backup_state(timestamptz)
    TO soporte_nginx, soporte_agent;

GRANT SELECT ON state_incidents, state_maintenances, state_backups
    TO soporte_nginx;

GRANT SELECT ON agent, tenant, ticket, ticket_message, attachment,
    ticket_reject, incident, incident_update, maintenance, backup_report,
    state_span, minute_sum, agent_queue, backups_overdue, sla_month
    TO soporte_agent;
GRANT UPDATE (status, assignee, queue, changed_at) ON ticket TO soporte_agent;
GRANT INSERT (tenant, ticket, author, visible, body, login) ON ticket_message
    TO soporte_agent;

RESET ROLE;
