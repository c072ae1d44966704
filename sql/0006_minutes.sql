-- Minutes as they were measured: each node's own slots of ten seconds, so that
-- a month is reckoned here over all nodes by the very rules of the core.
--
-- A node files, for each minute, one document:
--
--   {node, boot, minute, until?, served, zone, terms: [[target, excluded,
--    cap], ...], rows: [[tenant, began, terms, state, slots, outages], ...]}
--
-- minute, until, began: unix seconds; served: bit i is set when the node was
-- there in slot i; with "until" the node was there in all minutes before that,
-- and has no record of them.  terms of a row: which of the list, from 0.
-- slots: six numbers, the good ones of slots that have nothing else, or six
-- times [flags, good, hard, soft, slow], flags as in core/window.h; null: all
-- zero.  outages: [[began, ended or null], ...] or null.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

-- Partitions of minute_sum, a month each, in UTC.

CREATE FUNCTION make_partition(at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    a     timestamp := date_trunc('month', at AT TIME ZONE 'UTC');
    part  text := 'minute_sum_' || to_char(a, 'YYYYMM');
BEGIN
    IF to_regclass('soporte.' || part) IS NOT NULL THEN
        RETURN;
    END IF;

    -- a node whose clock is wrong must not fill the catalog

    IF abs(extract(epoch FROM at - now())) > 400 * 86400 THEN
        RAISE EXCEPTION 'minute % is out of range', at
            USING ERRCODE = 'datetime_field_overflow';
    END IF;

    PERFORM pg_advisory_xact_lock(hashtext('soporte.minute_sum'));

    EXECUTE format('CREATE TABLE IF NOT EXISTS soporte.%I PARTITION OF '
                   'soporte.minute_sum FOR VALUES FROM (%L) TO (%L)', part,
                   a AT TIME ZONE 'UTC',
                   (a + interval '1 month') AT TIME ZONE 'UTC');
END $$;

-- A span of minutes that were not up grows by the next of its kind.

CREATE FUNCTION file_span(in_tenant text, in_node text, in_state text,
                          in_minute timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    PERFORM FROM state_span s
    WHERE s.tenant = in_tenant AND s.node = in_node
          AND s.began_at <= in_minute AND s.ended_at > in_minute
          AND s.state = in_state;

    IF FOUND THEN
        RETURN;
    END IF;

    UPDATE state_span s SET ended_at = in_minute + interval '1 minute'
    WHERE s.tenant = in_tenant AND s.node = in_node AND s.state = in_state
          AND s.ended_at = in_minute;

    IF NOT FOUND THEN
        INSERT INTO state_span (tenant, began_at, node, ended_at, state)
        VALUES (in_tenant, in_minute, in_node,
                in_minute + interval '1 minute', in_state)
        ON CONFLICT (tenant, began_at, node) DO UPDATE
        SET state = excluded.state,
            ended_at = greatest(state_span.ended_at, excluded.ended_at);
    END IF;
END $$;

CREATE FUNCTION file_minute_rows(p jsonb, at timestamptz) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    n  int;
BEGIN
    -- the same minute again, of a leader that took over: the fuller row holds

    INSERT INTO minute_sum AS s (tenant, minute, node, boot, good, hard, soft,
                                 slow, slots, clean)
    SELECT x.tenant, at, p ->> 'node', (p ->> 'boot')::uuid,
           CASE WHEN x.plain THEN x.s[1] + x.s[2] + x.s[3] + x.s[4] + x.s[5]
                                  + x.s[6]
                ELSE x.s[2] + x.s[7] + x.s[12] + x.s[17] + x.s[22] + x.s[27]
           END,
           CASE WHEN x.plain THEN 0
                ELSE x.s[3] + x.s[8] + x.s[13] + x.s[18] + x.s[23] + x.s[28]
           END,
           CASE WHEN x.plain THEN 0
                ELSE x.s[4] + x.s[9] + x.s[14] + x.s[19] + x.s[24] + x.s[29]
           END,
           CASE WHEN x.plain THEN 0
                ELSE x.s[5] + x.s[10] + x.s[15] + x.s[20] + x.s[25] + x.s[30]
           END,
           x.s,
           x.plain AND (SELECT count(*) FROM unnest(x.s) AS u (n)
                        WHERE u.n > 0) >= 3
    FROM (SELECT DISTINCT ON (1) r.v ->> 0 AS tenant, a.s,
                 cardinality(a.s) = 6 AS plain
          FROM jsonb_array_elements(p -> 'rows') AS r (v),
               LATERAL (SELECT array_agg(e.n::bigint ORDER BY e.o) AS s
                        FROM jsonb_array_elements_text(r.v -> 4)
                             WITH ORDINALITY AS e (n, o)) a
          WHERE jsonb_typeof(r.v -> 4) = 'array'
          ORDER BY 1) x
    ON CONFLICT (tenant, minute, node, boot) DO UPDATE
    SET good = excluded.good, hard = excluded.hard, soft = excluded.soft,
        slow = excluded.slow, slots = excluded.slots, clean = excluded.clean
    WHERE excluded.good + excluded.hard + excluded.soft
          >= s.good + s.hard + s.soft;

    GET DIAGNOSTICS n = ROW_COUNT;

    INSERT INTO tenant AS t (tenant, began_at, zone, target, excluded, cap)
    SELECT DISTINCT ON (1)
           r.v ->> 0, to_timestamp((r.v ->> 1)::bigint), p ->> 'zone',
           (e.v ->> 0)::int, (e.v ->> 1)::int <> 0, (e.v ->> 2)::int
    FROM jsonb_array_elements(p -> 'rows') AS r (v),
         LATERAL (SELECT p -> 'terms' -> ((r.v ->> 2)::int)) AS e (v)
    ORDER BY 1
    ON CONFLICT (tenant) DO UPDATE
    SET began_at = least(t.began_at, excluded.began_at),
        zone = excluded.zone, target = excluded.target,
        excluded = excluded.excluded, cap = excluded.cap
    WHERE (t.zone, t.target, t.excluded) IS DISTINCT FROM
          (excluded.zone, excluded.target, excluded.excluded)
          OR t.cap IS DISTINCT FROM excluded.cap
          OR t.began_at > excluded.began_at;

    INSERT INTO outage AS o (tenant, began_at, node, ended_at)
    SELECT DISTINCT ON (1, 2)
           r.v ->> 0, to_timestamp((e.v ->> 0)::bigint), p ->> 'node',
           to_timestamp((e.v ->> 1)::bigint)
    FROM jsonb_array_elements(p -> 'rows') AS r (v),
         jsonb_array_elements(r.v -> 5) AS e (v)
    WHERE jsonb_typeof(r.v -> 5) = 'array'
    ORDER BY 1, 2, 4
    ON CONFLICT (tenant, began_at, node) DO UPDATE
    SET ended_at = excluded.ended_at
    WHERE excluded.ended_at IS NOT NULL
          AND o.ended_at IS DISTINCT FROM excluded.ended_at;

    PERFORM file_span(r.v ->> 0, p ->> 'node', r.v ->> 3, at)
    FROM jsonb_array_elements(p -> 'rows') AS r (v)
    WHERE r.v ->> 3 <> 'up';

    RETURN n;
END $$;

-- What nginx delivers; how many tenants have a record of the minute.

CREATE FUNCTION file_minutes(p jsonb) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    first  timestamptz := date_trunc('minute',
                              to_timestamp((p ->> 'minute')::bigint));
    until  timestamptz := to_timestamp((p ->> 'until')::bigint);
BEGIN
    -- this month and the next are always there, ahead of need

    PERFORM make_partition(first), make_partition(first + interval '1 month');

    IF until > first + interval '400 days' THEN
        RAISE EXCEPTION 'minutes until % are out of range', until
            USING ERRCODE = 'datetime_field_overflow';
    END IF;

    INSERT INTO node_minute AS n (minute, node, boot, served)
    SELECT g.minute, p ->> 'node', (p ->> 'boot')::uuid,
           (p ->> 'served')::smallint
    FROM generate_series(first,
                         coalesce(until, first + interval '1 minute')
                         - interval '1 minute',
                         interval '1 minute') AS g (minute)
    ON CONFLICT (minute, node, boot) DO UPDATE
    SET served = n.served | excluded.served
    WHERE n.served <> n.served | excluded.served;

    IF jsonb_typeof(p -> 'rows') IS DISTINCT FROM 'array' THEN
        RETURN 0;
    END IF;

    RETURN file_minute_rows(p, first);
END $$;

DO $$
BEGIN
    PERFORM make_partition(now()), make_partition(now() + interval '1 month');
END $$;

RESET ROLE;
