-- History: {kind: "incident" | "incident_update" | "maintenance" | "restore" |
-- "restore_update" | "backup" | "calendar", …} with the columns of the table.
-- A later version goes before an earlier one, in whichever order they come.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

-- An incident may be known to several nodes; the latest word is kept whole.

CREATE FUNCTION file_incident(p jsonb) RETURNS text
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

CREATE FUNCTION file_incident_update(p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    INSERT INTO incident_update (tenant, incident, at, version, status,
                                 message)
    SELECT x.tenant, x.incident, x.at, coalesce(x.version, 0), x.status,
           coalesce(x.message, '')
    FROM jsonb_to_record(p) AS x (tenant text, incident uuid, at timestamptz,
         version bigint, status text, message text)
    ON CONFLICT DO NOTHING;

    RETURN CASE WHEN FOUND THEN 'new' ELSE 'dup' END;
END $$;

CREATE FUNCTION file_maintenance(p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    INSERT INTO maintenance AS m (tenant, id, version, title, message,
                                  announced_at, starts_at, ends_at, removed,
                                  node)
    SELECT x.tenant, x.id, coalesce(x.version, 1), coalesce(x.title, ''),
           coalesce(x.message, ''), x.announced_at, x.starts_at, x.ends_at,
           coalesce(x.removed, false), x.node
    FROM jsonb_to_record(p) AS x (tenant text, id uuid, version bigint,
         title text, message text, announced_at timestamptz,
         starts_at timestamptz, ends_at timestamptz, removed boolean,
         node text)
    ON CONFLICT (tenant, id) DO UPDATE
    SET version = excluded.version, title = excluded.title,
        message = excluded.message, starts_at = excluded.starts_at,
        ends_at = excluded.ends_at, removed = excluded.removed,
        node = excluded.node
    WHERE excluded.version > m.version;

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
    INSERT INTO restore_update (tenant, restore, at, version, phase, progress,
                                message)
    SELECT x.tenant, x.restore, x.at, coalesce(x.version, 0), x.phase,
           x.progress, coalesce(x.message, '')
    FROM jsonb_to_record(p) AS x (tenant text, restore uuid, at timestamptz,
         version bigint, phase text, progress int, message text)
    ON CONFLICT DO NOTHING;

    RETURN CASE WHEN FOUND THEN 'new' ELSE 'dup' END;
END $$;

CREATE FUNCTION file_backup(p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    INSERT INTO backup_report (tenant, part, finished_at, bytes, ok, node)
    SELECT x.tenant, x.part, x.finished_at, x.bytes, x.ok, x.node
    FROM jsonb_to_record(p) AS x (tenant text, part text,
         finished_at timestamptz, bytes bigint, ok boolean, node text)
    ON CONFLICT DO NOTHING;

    RETURN CASE WHEN FOUND THEN 'new' ELSE 'dup' END;
END $$;

-- Whichever of these kinds it is; a calendar is in 0003.

CREATE FUNCTION file_history(in_kind text, p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    CASE in_kind

    WHEN 'incident' THEN
        RETURN file_incident(p);

    WHEN 'incident_update' THEN
        RETURN file_incident_update(p);

    WHEN 'maintenance' THEN
        RETURN file_maintenance(p);

    WHEN 'restore' THEN
        RETURN file_restore(p);

    WHEN 'restore_update' THEN
        RETURN file_restore_update(p);

    WHEN 'backup' THEN
        RETURN file_backup(p);

    WHEN 'calendar' THEN
        RETURN file_calendar(p);

    ELSE
        RAISE EXCEPTION 'unknown kind'
            USING ERRCODE = 'invalid_parameter_value';
    END CASE;
END $$;

RESET ROLE;
