-- Words of one second: what was said of an incident or a restore is told
-- apart by the version of the notice, not by its instant alone.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

ALTER TABLE incident_update
    ADD COLUMN version bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT incident_update_pkey,
    ADD PRIMARY KEY (tenant, incident, at, version);

ALTER TABLE restore_update
    ADD COLUMN version bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT restore_update_pkey,
    ADD PRIMARY KEY (tenant, restore, at, version);

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

CREATE OR REPLACE FUNCTION file_restore_update(p jsonb) RETURNS text
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

CREATE OR REPLACE FUNCTION file_history(in_kind text, p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    CASE in_kind

    WHEN 'restore' THEN
        RETURN file_restore(p);

    WHEN 'restore_update' THEN
        RETURN file_restore_update(p);

    WHEN 'incident_update' THEN
        RETURN file_incident_update(p);

    ELSE
        RETURN file_history_kept(in_kind, p);
    END CASE;
END $$;

REVOKE ALL ON FUNCTION file_incident_update(jsonb) FROM PUBLIC;

RESET ROLE;
