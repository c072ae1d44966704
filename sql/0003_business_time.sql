-- Business time.  nginx writes the intervals of its calendars, so that what is
-- asked here has the answers that the portal gave: the earliest instant at
-- which a promised time is used up, and how much of it is.
--
-- A calendar is known in [from_at, until_at); what lies outside is NULL.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

-- {kind: "calendar", name, timezone, from, until, intervals: [[from, until]],
-- default, tenants, at, node}; instants in unix seconds.  The past that a later
-- table no longer covers stays.

CREATE FUNCTION file_calendar(p jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    x  record;
BEGIN
    SELECT y.name, y.timezone, to_timestamp(y."from") AS lo,
           to_timestamp(y.until) AS hi, coalesce(y."default", false) AS dflt,
           to_timestamp(y.at) AS at, y.node, y.intervals, y.tenants
    INTO x
    FROM jsonb_to_record(p) AS y (name text, timezone text, "from" bigint,
         until bigint, "default" boolean, at bigint, node text,
         intervals jsonb, tenants jsonb);

    INSERT INTO calendar AS c (name, timezone, from_at, until_at, by_default,
                               written_at, node)
    VALUES (x.name, x.timezone, x.lo, x.hi, x.dflt, x.at, x.node)
    ON CONFLICT (name) DO UPDATE
    SET timezone = excluded.timezone,
        from_at = least(c.from_at, excluded.from_at),
        until_at = excluded.until_at, by_default = excluded.by_default,
        written_at = excluded.written_at, node = excluded.node
    WHERE excluded.written_at >= c.written_at;

    IF NOT FOUND THEN
        RETURN 'dup';
    END IF;

    UPDATE calendar c SET by_default = false
    WHERE x.dflt AND c.name <> x.name AND c.by_default;

    DELETE FROM calendar_interval i
    WHERE i.calendar = x.name AND i.opens_at >= x.lo;

    UPDATE calendar_interval i SET closes_at = x.lo
    WHERE i.calendar = x.name AND i.closes_at > x.lo;

    INSERT INTO calendar_interval (calendar, opens_at, closes_at)
    SELECT x.name, to_timestamp((e.v ->> 0)::bigint),
           to_timestamp((e.v ->> 1)::bigint)
    FROM jsonb_array_elements(x.intervals) AS e (v);

    INSERT INTO tenant AS t (tenant, calendar)
    SELECT e.v, x.name
    FROM jsonb_array_elements_text(coalesce(x.tenants, '[]')) AS e (v)
    ON CONFLICT (tenant) DO UPDATE SET calendar = excluded.calendar
    WHERE t.calendar IS DISTINCT FROM excluded.calendar;

    RETURN 'new';
END $$;

-- The open time of a calendar in [t, until) outside of pauses, in order.

CREATE FUNCTION business_ranges(in_calendar text, t timestamptz,
    until timestamptz, pauses tstzmultirange) RETURNS tstzmultirange
LANGUAGE sql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT coalesce(range_agg(tstzrange(greatest(i.opens_at, t),
                                        least(i.closes_at, until))),
                    '{}') - pauses
    FROM calendar_interval i
    WHERE i.calendar = in_calendar AND i.opens_at < until AND i.closes_at > t
$$;

-- Business seconds in [t, until), 0 if until <= t.

CREATE FUNCTION business_elapsed(in_calendar text, t timestamptz,
    until timestamptz, pauses tstzmultirange DEFAULT '{}') RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT CASE WHEN until <= t THEN 0
                WHEN t < c.from_at OR until > c.until_at THEN NULL
                ELSE coalesce((
                    SELECT sum(extract(epoch FROM upper(r) - lower(r)))
                    FROM unnest(business_ranges(in_calendar, t, until,
                                                pauses)) AS r), 0)::bigint
           END
    FROM calendar c WHERE c.name = in_calendar
$$;

-- The earliest instant at which so many business seconds have passed since t:
-- an exact fit is due when it closes; 0 seconds are due at t.

CREATE FUNCTION business_due(in_calendar text, t timestamptz, seconds bigint,
    pauses tstzmultirange DEFAULT '{}') RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    c     calendar;
    r     tstzrange;
    left_ numeric := seconds;
    n     numeric;
BEGIN
    SELECT * INTO c FROM calendar k WHERE k.name = in_calendar;

    IF c IS NULL OR t < c.from_at OR t >= c.until_at THEN
        RETURN NULL;
    END IF;

    IF seconds <= 0 THEN
        RETURN t;
    END IF;

    FOR r IN
        SELECT u FROM unnest(business_ranges(in_calendar, t, c.until_at,
                                             pauses)) AS u ORDER BY lower(u)
    LOOP
        n := extract(epoch FROM upper(r) - lower(r));

        IF n >= left_ THEN
            RETURN lower(r) + left_ * interval '1 second';
        END IF;

        left_ := left_ - n;
    END LOOP;

    RETURN NULL;
END $$;

CREATE FUNCTION calendar_of(in_tenant text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT coalesce((SELECT t.calendar FROM tenant t
                     WHERE t.tenant = in_tenant),
                    (SELECT c.name FROM calendar c
                     WHERE c.by_default ORDER BY c.name LIMIT 1))
$$;

-- A pause of a ticket lasts as long as its status "waiting".

CREATE FUNCTION follow_pause() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    IF OLD.status = 'waiting' THEN
        UPDATE ticket_pause p SET until_at = clock_timestamp()
        WHERE p.tenant = NEW.tenant AND p.ticket = NEW.id
              AND p.until_at IS NULL;
    END IF;

    IF NEW.status = 'waiting' THEN
        INSERT INTO ticket_pause (tenant, ticket, from_at)
        VALUES (NEW.tenant, NEW.id, clock_timestamp());
    END IF;

    RETURN NULL;
END $$;

CREATE TRIGGER pause AFTER UPDATE OF status ON ticket
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION follow_pause();

CREATE FUNCTION ticket_pauses(in_tenant text, in_ticket uuid)
RETURNS tstzmultirange
LANGUAGE sql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT coalesce(range_agg(tstzrange(p.from_at, p.until_at)), '{}')
    FROM ticket_pause p
    WHERE p.tenant = in_tenant AND p.ticket = in_ticket
$$;

RESET ROLE;
