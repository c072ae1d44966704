-- Roles: who owns the schema, who may come in.  Rights on single objects stand
-- in 0011, beside nothing else, so that they can be read at one glance.
--
-- soporte_owner   owns everything, never logs in
-- soporte_nginx   what nginx logs in as: executes functions, reads the views
--                 of the state, no table
-- soporte_notify  what soporte-notify logs in as: asks who is to be told
-- soporte_agent   what the help desk's logins are members of: under row-level
--                 security, by the table soporte.agent

DO $$
DECLARE
    r  text;
BEGIN
    FOREACH r IN ARRAY ARRAY['soporte_owner', 'soporte_nginx',
                             'soporte_agent', 'soporte_notify']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', r);
        END IF;
    END LOOP;

    -- a migration by the database's owner, who is no superuser, needs both
    -- rights to hand the schema over

    EXECUTE format('GRANT CREATE ON DATABASE %I TO soporte_owner',
                   current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO soporte_nginx, '
                   'soporte_agent, soporte_notify', current_database());

    IF NOT pg_has_role(current_user, 'soporte_owner', 'MEMBER') THEN
        EXECUTE format('GRANT soporte_owner TO %I', current_user);
    END IF;
END $$;

ALTER ROLE soporte_nginx LOGIN CONNECTION LIMIT 64;
ALTER ROLE soporte_nginx SET statement_timeout = '5s';
ALTER ROLE soporte_nginx SET lock_timeout = '2s';
ALTER ROLE soporte_nginx SET idle_in_transaction_session_timeout = '5s';
ALTER ROLE soporte_nginx SET synchronous_commit = 'on';
ALTER ROLE soporte_nginx SET search_path = 'pg_catalog';

ALTER ROLE soporte_notify LOGIN CONNECTION LIMIT 16;
ALTER ROLE soporte_notify SET statement_timeout = '5s';
ALTER ROLE soporte_notify SET lock_timeout = '2s';
ALTER ROLE soporte_notify SET search_path = 'pg_catalog';

ALTER SCHEMA soporte OWNER TO soporte_owner;
ALTER TABLE soporte.schema_version OWNER TO soporte_owner;

REVOKE ALL ON SCHEMA soporte FROM PUBLIC;
GRANT USAGE ON SCHEMA soporte TO soporte_nginx, soporte_agent, soporte_notify;

-- what later files make is nobody's until it is granted

ALTER DEFAULT PRIVILEGES FOR ROLE soporte_owner
    REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
