-- Restores, and what an incident is a part of.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

ALTER TABLE incident
    ADD COLUMN parent uuid,
    ADD COLUMN cause  text NOT NULL DEFAULT ''
        CHECK (char_length(cause) <= 400);

-- backup_at: the instant that is restored to; due_at: promised end

CREATE TABLE restore (
    tenant       scope_key NOT NULL,
    id           uuid NOT NULL,
    version      bigint NOT NULL DEFAULT 1,
    phase        text NOT NULL
                 CHECK (phase IN ('detected', 'diagnosis', 'locating_backup',
                                  'verifying_backup', 'database',
                                  'public_files', 'private_files',
                                  'migration', 'checks', 'restored')),
    progress     int CHECK (progress BETWEEN 0 AND 100),
    message      text NOT NULL DEFAULT '' CHECK (char_length(message) <= 4000),
    backup_at    timestamptz,
    began_at     timestamptz NOT NULL,
    due_at       timestamptz,
    ended_at     timestamptz,
    node         text NOT NULL,
    CHECK (ended_at >= began_at),
    PRIMARY KEY (tenant, id)
);

CREATE INDEX restore_open ON restore (tenant) WHERE ended_at IS NULL;

-- each word that was given, so that a month's report shows its phases

CREATE TABLE restore_update (
    tenant       scope_key NOT NULL,
    restore      uuid NOT NULL,
    at           timestamptz NOT NULL,
    phase        text NOT NULL,
    progress     int,
    message      text NOT NULL DEFAULT '' CHECK (char_length(message) <= 4000),
    PRIMARY KEY (tenant, restore, at)
);

-- An incident may be known to several nodes; the latest word is kept whole.

CREATE OR REPLACE FUNCTION file_incident(p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    INSERT INTO incident AS i (tenant, id, version, source, title, impact,
                               status, blocking, opened_at, closed_at, parent,
                               cause, node)
    SELECT x.tenant, x.id, coalesce(x.version, 1), x.source,
           coalesce(x.title, ''), coalesce(x.impact, 'none'),
           coalesce(x.status, 'investigating'), coalesce(x.blocking, false),
           x.opened_at, x.closed_at, x.parent, coalesce(x.cause, ''), x.node
    FROM jsonb_to_record(p) AS x (tenant text, id uuid, version bigint,
         source text, title text, impact text, status text, blocking boolean,
         opened_at timestamptz, closed_at timestamptz, parent uuid, cause text,
         node text)
    ON CONFLICT (tenant, id) DO UPDATE
    SET version = excluded.version, source = excluded.source,
        title = excluded.title, impact = excluded.impact,
        status = excluded.status, blocking = excluded.blocking,
        opened_at = excluded.opened_at, closed_at = excluded.closed_at,
        parent = excluded.parent, cause = excluded.cause, node = excluded.node
    WHERE excluded.version > i.version;

    RETURN CASE WHEN FOUND THEN 'new' ELSE 'dup' END;
END $$;

CREATE FUNCTION file_restore(p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    INSERT INTO restore AS r (tenant, id, version, phase, progress, message,
                              backup_at, began_at, due_at, ended_at, node)
    SELECT x.tenant, x.id, coalesce(x.version, 1),
           coalesce(x.phase, 'detected'), x.progress,
           coalesce(x.message, ''), x.backup_at, x.began_at, x.due_at,
           x.ended_at, x.node
    FROM jsonb_to_record(p) AS x (tenant text, id uuid, version bigint,
         phase text, progress int, message text, backup_at timestamptz,
         began_at timestamptz, due_at timestamptz, ended_at timestamptz,
         node text)
    ON CONFLICT (tenant, id) DO UPDATE
    SET version = excluded.version, phase = excluded.phase,
        progress = excluded.progress, message = excluded.message,
        backup_at = excluded.backup_at, began_at = excluded.began_at,
        due_at = excluded.due_at, ended_at = excluded.ended_at,
        node = excluded.node
    WHERE excluded.version > r.version;

    RETURN CASE WHEN FOUND THEN 'new' ELSE 'dup' END;
END $$;

CREATE FUNCTION file_restore_update(p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    INSERT INTO restore_update (tenant, restore, at, phase, progress, message)
    SELECT x.tenant, x.restore, x.at, x.phase, x.progress,
           coalesce(x.message, '')
    FROM jsonb_to_record(p) AS x (tenant text, restore uuid, at timestamptz,
         phase text, progress int, message text)
    ON CONFLICT DO NOTHING;

    RETURN CASE WHEN FOUND THEN 'new' ELSE 'dup' END;
END $$;

-- The kinds of restores, in front of whatever file_history() knows by now.

ALTER FUNCTION file_history(text, jsonb) RENAME TO file_history_kept;

CREATE FUNCTION file_history(in_kind text, p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    CASE in_kind

    WHEN 'restore' THEN
        RETURN file_restore(p);

    WHEN 'restore_update' THEN
        RETURN file_restore_update(p);

    ELSE
        RETURN file_history_kept(in_kind, p);
    END CASE;
END $$;

REVOKE ALL ON FUNCTION file_restore(jsonb), file_restore_update(jsonb),
    file_history(text, jsonb) FROM PUBLIC;

CREATE VIEW state_restores AS
SELECT r.tenant, r.id, r.phase, r.progress, r.message, r.backup_at,
       r.began_at, r.due_at, r.ended_at,
       r.due_at < coalesce(r.ended_at, now()) AS late
FROM restore r
WHERE r.ended_at IS NULL OR r.ended_at > now() - interval '90 days';

REVOKE ALL ON restore, restore_update, state_restores FROM PUBLIC;
GRANT SELECT ON restore, restore_update, state_restores TO soporte_agent;

RESET ROLE;
