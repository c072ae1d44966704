-- Outages of upstreams that several tenants share: incidents of no tenant,
-- '@', whose title is the address; those of its tenants have them as parent.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

ALTER DOMAIN scope_key DROP CONSTRAINT scope_key_check;
ALTER DOMAIN scope_key ADD CONSTRAINT scope_key_check
    CHECK (VALUE IN ('*', '@') OR VALUE ~ '^[a-z0-9._-]{1,64}$');

CREATE INDEX incident_parent ON incident (parent) WHERE parent IS NOT NULL;

-- tenants: those whose own incident is kept, the word may tell of more

CREATE VIEW state_upstreams AS
SELECT i.id, i.title AS upstream, i.cause, i.status, i.opened_at, i.closed_at,
       i.node,
       (SELECT u.message FROM incident_update u
        WHERE u.tenant = i.tenant AND u.incident = i.id
        ORDER BY u.version DESC LIMIT 1) AS message,
       (SELECT count(DISTINCT c.tenant) FROM incident c
        WHERE c.parent = i.id) AS tenants
FROM incident i
WHERE i.tenant = '@'
      AND (i.closed_at IS NULL OR i.closed_at > now() - interval '90 days');

REVOKE ALL ON state_upstreams FROM PUBLIC;
GRANT SELECT ON state_upstreams TO soporte_agent;

RESET ROLE;
