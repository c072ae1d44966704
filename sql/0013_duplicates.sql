-- Two nodes may tell of one outage before one heard of the other: the younger
-- incident is closed as it was opened, and is none.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

CREATE OR REPLACE VIEW state_incidents AS
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

RESET ROLE;
