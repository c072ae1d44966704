-- Whoever is erased is told of nothing that waits in notice (0025).

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

CREATE OR REPLACE FUNCTION person_erase(in_email text,
                                        in_tenant text DEFAULT NULL)
RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    r  record;
    n  int := 0;
BEGIN
    IF in_email !~ '^[^@]+@[^@]+$' THEN
        RAISE EXCEPTION 'not an address'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    FOR r IN SELECT * FROM tickets_of_person(in_email, in_tenant) LOOP
        n := n + forget_tickets(r.tenant, r.ids);
    END LOOP;

    DELETE FROM ticket_reject t
    WHERE (in_tenant IS NULL OR t.tenant = in_tenant)
          AND names_person(t.raw, in_email);

    DELETE FROM notice t
    WHERE (in_tenant IS NULL OR t.tenant = in_tenant)
          AND lower(t.document ->> 'email') = lower(in_email);

    RETURN n;
END $$;

RESET ROLE;
