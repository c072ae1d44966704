-- A lost link travels with the tickets and is not stored: it is for whoever
-- sends mail at the node that took it.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

CREATE OR REPLACE FUNCTION file_one(p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    kind    text := coalesce(p ->> 'kind', 'ticket');
    answer  text;
BEGIN
    IF jsonb_typeof(p) <> 'object' THEN
        RETURN 'bad:22023';
    END IF;

    CASE kind

    WHEN 'ticket' THEN
        SELECT f.res INTO answer FROM file_batch(jsonb_build_array(p)) f;

    WHEN 'message' THEN
        answer := file_message(p);

    WHEN 'lost_link' THEN
        answer := 'new';

    ELSE
        answer := file_history(kind, p);
    END CASE;

    RETURN answer;

EXCEPTION WHEN data_exception OR integrity_constraint_violation
               OR program_limit_exceeded
THEN
    RETURN 'bad:' || SQLSTATE;
END $$;

RESET ROLE;
