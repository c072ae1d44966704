-- Rights: which rows an agent sees, and what each role may do.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

-- rows

ALTER TABLE agent ENABLE ROW LEVEL SECURITY;

CREATE POLICY own ON agent FOR SELECT TO soporte_agent
    USING (login = current_user);

DO $$
DECLARE
    t  text;
BEGIN
    FOREACH t IN ARRAY ARRAY['tenant', 'ticket', 'ticket_message',
                             'attachment', 'attachment_part', 'ticket_reject',
                             'ticket_pause', 'state_span', 'minute_sum',
                             'outage', 'month_kept', 'backup_report']
    LOOP
        EXECUTE format('ALTER TABLE soporte.%I ENABLE ROW LEVEL SECURITY', t);
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

-- nobody has what is not named below

REVOKE ALL ON ALL TABLES IN SCHEMA soporte FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA soporte FROM PUBLIC;

-- nginx

GRANT EXECUTE ON FUNCTION file_tickets(jsonb),
    store_part(text, uuid, uuid, text, bigint, bigint, bytea),
    file_minutes(jsonb), make_partition(timestamptz), tell_later(jsonb),
    filed_before(text, uuid), ticket_view(text, uuid),
    ticket_by_folio(text, text), tickets_of_user(text, text, int),
    tickets_of_email(text, text, int), rfc3339(timestamptz),
    backup_state(timestamptz) TO soporte_nginx;

GRANT SELECT ON state_incidents, state_maintenances, state_backups
    TO soporte_nginx;

-- soporte-notify

GRANT EXECUTE ON FUNCTION claim_replies(int), reply_told(text, uuid),
    claim_notices(int), notice_taken(text, uuid),
    tickets_of_email(text, text, int) TO soporte_notify;

-- agents: rows of their tenants, and what reckons with them under the row-level
-- security of who asks

GRANT SELECT ON agent, tenant, ticket, ticket_message, attachment,
    attachment_part, ticket_reject, ticket_pause, calendar, calendar_interval,
    incident, incident_update, maintenance, restore, restore_update,
    backup_report, state_span, minute_sum, node_minute, outage, month_kept,
    agent_queue, state_restores, state_upstreams, backups_overdue
    TO soporte_agent;

GRANT UPDATE (status, assignee, queue, changed_at) ON ticket TO soporte_agent;
GRANT INSERT (tenant, ticket, author, visible, body, login) ON ticket_message
    TO soporte_agent;

GRANT EXECUTE ON FUNCTION rfc3339(timestamptz), backup_state(timestamptz),
    business_ranges(text, timestamptz, timestamptz, tstzmultirange),
    business_elapsed(text, timestamptz, timestamptz, tstzmultirange),
    business_due(text, timestamptz, bigint, tstzmultirange),
    calendar_of(text), ticket_pauses(text, uuid), percent(bigint, bigint),
    month_figures(bigint, bigint, bigint, bigint, int),
    slot_sums(text, timestamptz[]),
    judged_minutes(text, timestamptz, timestamptz, text),
    outage_seconds(text, timestamptz, timestamptz),
    reckon_month(text, date), month_report(text, date) TO soporte_agent;

RESET ROLE;
