-- A month by the rules of the core, over all nodes: core/window.c judges a
-- minute, core/month.c reckons the month.  Shares are in parts per million,
-- divisions of integers cut, and a percentage is never rounded up.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

CREATE FUNCTION percent(part bigint, whole bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN whole <= 0 THEN 'n/a'
                ELSE (n / 10000)::text || '.' || lpad((n % 10000)::text, 4,
                                                      '0')
           END
    FROM (SELECT part * 1000000 / nullif(whole, 0) AS n) x
$$;

-- M, D, X, U of a month: what is said of it.  target: ppm.

CREATE FUNCTION month_figures(total bigint, down bigint, excluded bigint,
                              unknown bigint, target int)
RETURNS TABLE (availability text, availability_min text,
               availability_max text, verdict text, budget_seconds bigint,
               left_seconds bigint)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT percent(x.e - x.d, x.e), percent(x.e - x.d, x.em),
           percent(x.em - x.d, x.em),
           CASE WHEN x.em = 0 THEN 'n/a'
                WHEN 1000000 * (x.e - x.d) >= target * x.em THEN 'met'
                WHEN 1000000 * (x.em - x.d) < target * x.em THEN 'breached'
                ELSE 'undetermined'
           END,
           CASE WHEN x.em > 0 THEN x.em * 60 * (1000000 - target) / 1000000
           END,
           CASE WHEN x.em > 0 THEN x.em * 60 * (1000000 - target) / 1000000
                                   - 60 * x.d
           END
    FROM (SELECT m.em, u.e, greatest(least(down, u.e), 0) AS d
          FROM (SELECT total - greatest(least(excluded, total), 0) AS em) m,
               LATERAL (SELECT m.em - greatest(least(unknown, m.em), 0)
                               AS e) u) x
$$;

-- The slots of a tenant in some minutes, summed over nodes.  Lives of one node
-- are one: what it took over from the one before stands in both.

CREATE FUNCTION slot_sums(in_tenant text, in_minutes timestamptz[])
RETURNS TABLE (minute timestamptz, i int, serving boolean, flags bigint,
               good bigint, hard bigint, soft bigint, slow bigint,
               probes_ok bigint, probes_failed bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    WITH node AS (
        SELECT m.minute, m.node, g.i,
               bit_or(CASE WHEN f.plain THEN 3 ELSE m.slots[5 * g.i + 1] END)
                   AS flags,
               max(CASE WHEN f.plain THEN m.slots[g.i + 1]
                        ELSE m.slots[5 * g.i + 2] END) AS good,
               max(CASE WHEN f.plain THEN 0
                        ELSE m.slots[5 * g.i + 3] END) AS hard,
               max(CASE WHEN f.plain THEN 0
                        ELSE m.slots[5 * g.i + 4] END) AS soft,
               max(CASE WHEN f.plain THEN 0
                        ELSE m.slots[5 * g.i + 5] END) AS slow
        FROM minute_sum m,
             LATERAL (SELECT cardinality(m.slots) = 6 AS plain) f,
             generate_series(0, 5) AS g (i)
        WHERE m.tenant = in_tenant AND m.minute = ANY (in_minutes)
        GROUP BY m.minute, m.node, g.i
    ), served AS (
        SELECT n.minute, bit_or(n.served) AS bits
        FROM node_minute n
        WHERE n.minute = ANY (in_minutes)
        GROUP BY n.minute
    ), sums AS (
        SELECT n.minute, n.i, bit_or(n.flags) AS flags,
               sum(n.good) FILTER (WHERE n.flags & 2 <> 0) AS good,
               sum(n.hard) FILTER (WHERE n.flags & 2 <> 0) AS hard,
               sum(n.soft) FILTER (WHERE n.flags & 2 <> 0) AS soft,
               sum(n.slow) FILTER (WHERE n.flags & 2 <> 0) AS slow,
               count(*) FILTER (WHERE n.flags & 6 = 6) AS probes_ok,
               count(*) FILTER (WHERE n.flags & 10 = 10) AS probes_failed
        FROM node n
        GROUP BY n.minute, n.i
    )
    SELECT t.minute, g.i,
           coalesce(s.flags & 1 <> 0, false)
           OR coalesce((v.bits >> g.i) & 1 <> 0, false),
           coalesce(s.flags, 0), coalesce(s.good, 0)::bigint,
           coalesce(s.hard, 0)::bigint, coalesce(s.soft, 0)::bigint,
           coalesce(s.slow, 0)::bigint, coalesce(s.probes_ok, 0),
           coalesce(s.probes_failed, 0)
    FROM unnest(in_minutes) AS t (minute)
         CROSS JOIN generate_series(0, 5) AS g (i)
         LEFT JOIN sums s ON s.minute = t.minute AND s.i = g.i
         LEFT JOIN served v ON v.minute = t.minute
$$;

-- Each minute, judged with planned maintenance counted and left out.  gap:
-- what a slot is in which no node served, 'down' or 'unknown'.  Most minutes
-- need no look at their slots: those that are clean at each node, and those in
-- which a node was there and nobody asked.

CREATE FUNCTION judged_minutes(in_tenant text, in_from timestamptz,
                               in_until timestamptz, gap text DEFAULT 'down')
RETURNS TABLE (minute timestamptz, excluding boolean, state text,
               down boolean, left_out boolean, bad bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    WITH kind AS MATERIALIZED (
        SELECT g.minute,
               CASE WHEN r.clean THEN 'up'
                    WHEN r.minute IS NULL AND v.bits = 63 THEN 'unknown'
               END AS known
        FROM generate_series(in_from, in_until - interval '1 minute',
                             interval '1 minute') AS g (minute)
             LEFT JOIN (SELECT m.minute, bool_and(m.clean) AS clean
                        FROM minute_sum m
                        WHERE m.tenant = in_tenant AND m.minute >= in_from
                              AND m.minute < in_until
                        GROUP BY m.minute) r ON r.minute = g.minute
             LEFT JOIN (SELECT n.minute, bit_or(n.served) AS bits
                        FROM node_minute n
                        WHERE n.minute >= in_from AND n.minute < in_until
                        GROUP BY n.minute) v ON v.minute = g.minute
    ), slot AS (
        SELECT s.*, s.good + s.hard + s.soft AS total,
               s.flags & 224 <> 0 AS held, s.flags & 16 <> 0 AS planned,
               s.probes_failed > 0 AND s.probes_failed >= s.probes_ok
                   AS failed,
               s.probes_ok + s.probes_failed > 0 AS verdict
        FROM slot_sums(in_tenant, (SELECT array_agg(k.minute) FROM kind k
                                   WHERE k.known IS NULL)) s
    ), weighed AS (
        SELECT s.*,
               CASE WHEN s.held THEN 1000000
                    WHEN NOT s.serving
                    THEN CASE WHEN gap = 'down' THEN 1000000 END
                    WHEN s.total < 3 AND s.verdict
                    THEN (s.hard + s.soft + s.failed::int) * 1000000
                         / (s.total + 1)
                    WHEN s.total > 0
                    THEN (s.hard + s.soft) * 1000000 / s.total
               END AS b,
               s.hard > 0 OR s.failed OR s.held OR NOT s.serving AS proof
        FROM slot s
    ), tally AS (
        SELECT w.minute, r.excluding,
               count(*) AS outside, count(w.b) AS observed,
               coalesce(sum(w.b), 0)::bigint AS bad,
               coalesce(bool_or(w.proof) FILTER (WHERE w.b IS NOT NULL),
                        false) AS proof,
               coalesce(sum(w.good) FILTER (WHERE w.b IS NOT NULL), 0) AS good,
               coalesce(sum(w.slow) FILTER (WHERE w.b IS NOT NULL), 0) AS slow,
               coalesce(sum(w.total) FILTER (WHERE w.b IS NOT NULL), 0)
                   AS total,
               count(*) FILTER (WHERE w.b IS NOT NULL AND w.flags & 32 <> 0)
                   AS maintenance,
               count(*) FILTER (WHERE w.b IS NOT NULL AND w.flags & 64 <> 0)
                   AS restore
        FROM weighed w, (VALUES (false), (true)) AS r (excluding)
        WHERE NOT (r.excluding AND w.planned)
        GROUP BY w.minute, r.excluding
    ), complete AS (
        SELECT g.minute, r.excluding, coalesce(t.outside, 0) AS outside,
               t.observed, t.bad, t.proof, t.good, t.slow, t.total,
               t.maintenance, t.restore,
               t.bad / nullif(t.observed, 0) AS mean
        FROM kind g
             CROSS JOIN (VALUES (false), (true)) AS r (excluding)
             LEFT JOIN tally t
             ON t.minute = g.minute AND t.excluding = r.excluding
        WHERE g.known IS NULL
    )
    SELECT c.minute, c.excluding,
           CASE WHEN c.outside < 3 THEN 'maintenance'
                WHEN c.observed < 3 THEN 'unknown'
                WHEN c.mean >= 500000 AND c.proof THEN
                    CASE WHEN c.maintenance + c.restore = 0
                              OR (c.maintenance + c.restore) * 2000000 < c.bad
                         THEN 'down'
                         WHEN c.restore >= c.maintenance THEN 'restore'
                         ELSE 'maintenance'
                    END
                WHEN c.mean >= 50000 OR (c.total >= 20
                                         AND c.slow * 4 >= c.good)
                THEN 'degraded'
                ELSE 'up'
           END,
           c.outside >= 3 AND c.observed >= 3 AND c.mean >= 500000
           AND c.proof,
           c.outside < 3,
           CASE WHEN c.outside >= 3 AND c.observed >= 3 THEN c.mean END
    FROM complete c
    UNION ALL
    SELECT k.minute, r.excluding, k.known, false, false,
           CASE WHEN k.known = 'up' THEN 0 END
    FROM kind k CROSS JOIN (VALUES (false), (true)) AS r (excluding)
    WHERE k.known IS NOT NULL
$$;

-- The seconds of a period that were in an outage, as any node saw it.

CREATE FUNCTION outage_seconds(in_tenant text, in_from timestamptz,
                               in_until timestamptz) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
    SELECT coalesce(sum(extract(epoch FROM upper(u.r) - lower(u.r))),
                    0)::bigint
    FROM (SELECT unnest(range_agg(tstzrange(
                     greatest(o.began_at, in_from),
                     least(coalesce(o.ended_at, now()), in_until)))) AS r
          FROM outage o
          WHERE o.tenant = in_tenant AND o.began_at < in_until
                AND coalesce(o.ended_at, now()) > in_from) u
$$;

-- A month as its minutes say; of one that lasts, until the last minute that
-- any node filed.  No row for a month in which the tenant was not there.

CREATE FUNCTION reckon_month(in_tenant text, in_month date)
RETURNS SETOF month_kept
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    t          tenant;
    month_at   date := date_trunc('month', in_month)::date;
    began      timestamptz;
    ends       timestamptz;
    started    timestamptz;
    ended      timestamptz;
    r          month_kept;
    sums       record;
    counted    record;
    without    record;
BEGIN
    SELECT * INTO t FROM tenant x WHERE x.tenant = in_tenant;

    began := month_at::timestamp AT TIME ZONE t.zone;
    ends := (month_at + interval '1 month')::timestamp AT TIME ZONE t.zone;
    started := greatest(began, t.began_at);

    SELECT max(n.minute) + interval '1 minute' INTO ended
    FROM node_minute n
    WHERE n.minute >= started - interval '1 minute' AND n.minute < ends;

    -- the minute in which the tenant began is not a whole one

    began := date_trunc('minute', started + interval '59.999999 seconds');

    IF ended IS NULL OR ended <= began THEN
        RETURN;
    END IF;

    WITH judged AS MATERIALIZED (
        SELECT * FROM judged_minutes(in_tenant, began, ended)
    )
    SELECT count(*) AS total,
           count(*) FILTER (WHERE c.down) AS down,
           count(*) FILTER (WHERE c.state = 'unknown') AS unknown,
           count(*) FILTER (WHERE c.state = 'degraded') AS degraded,
           count(*) FILTER (WHERE x.taken) AS excluded,
           count(*) FILTER (WHERE NOT x.taken AND x.down
                                  OR x.rest AND c.down) AS down_without,
           count(*) FILTER (WHERE NOT x.taken AND x.state = 'unknown'
                                  OR x.rest AND c.state = 'unknown')
               AS unknown_without,
           count(*) FILTER (WHERE NOT x.taken AND x.state = 'degraded'
                                  OR x.rest AND c.state = 'degraded')
               AS degraded_without,
           count(*) FILTER (WHERE c.state = 'maintenance'
                                  OR x.state = 'maintenance') AS maintenance
    INTO sums
    FROM judged c
         JOIN (SELECT j.minute, j.state, j.down,
                      j.left_out AND j.nth <= coalesce(t.cap, 2147483647)
                          AS taken,
                      j.left_out AND j.nth > coalesce(t.cap, 2147483647)
                          AS rest
               FROM (SELECT k.*, count(*) FILTER (WHERE k.left_out)
                                 OVER (ORDER BY k.minute) AS nth
                     FROM judged k
                     WHERE k.excluding) j) x ON x.minute = c.minute
    WHERE NOT c.excluding;

    SELECT * INTO counted
    FROM month_figures(sums.total, sums.down, 0, sums.unknown, t.target);

    SELECT * INTO without
    FROM month_figures(sums.total, sums.down_without, sums.excluded,
                       sums.unknown_without, t.target);

    r.tenant := in_tenant;
    r.month := month_at;
    r.until := ended;
    r.target := trim(trailing '.' FROM trim(trailing '0' FROM
                    percent(t.target, 1000000)));
    r.minutes := sums.total;
    r.excluded := 0;
    r.maintenance := sums.maintenance;
    r.availability_with_maintenance := counted.availability;
    r.availability_without_maintenance := without.availability;
    r.outage_seconds := outage_seconds(in_tenant, started, ends);

    IF t.excluded THEN
        r.planned_maintenance := 'excluded';
        r.excluded := sums.excluded;
        r.down := sums.down_without;
        r.unknown := sums.unknown_without;
        r.degraded := sums.degraded_without;
        counted := without;

    ELSE
        r.planned_maintenance := 'counted';
        r.down := sums.down;
        r.unknown := sums.unknown;
        r.degraded := sums.degraded;
    END IF;

    r.availability := counted.availability;
    r.availability_min := counted.availability_min;
    r.availability_max := counted.availability_max;
    r.verdict := counted.verdict;
    r.budget_seconds := counted.budget_seconds;
    r.left_seconds := counted.left_seconds;
    r.down_seconds := r.down * 60;

    RETURN NEXT r;
END $$;

-- What is told of a month, any day of it.

CREATE FUNCTION month_report(in_tenant text, in_month date)
RETURNS SETOF month_kept
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM month_kept k
    WHERE k.tenant = in_tenant
          AND k.month = date_trunc('month', in_month)::date;

    IF NOT FOUND THEN
        RETURN QUERY SELECT * FROM reckon_month(in_tenant, in_month);
    END IF;
END $$;

-- Before minutes go, the reports that stand on them are kept: those of the
-- months that a partition has a part of.

CREATE FUNCTION keep_months(part_at date) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    n  int;
BEGIN
    INSERT INTO month_kept
    SELECT k.*
    FROM tenant t, (VALUES (part_at - 1), (part_at)) AS m (at),
         LATERAL reckon_month(t.tenant, m.at) k
    WHERE t.began_at < part_at + interval '1 month'
    ON CONFLICT DO NOTHING;

    GET DIAGNOSTICS n = ROW_COUNT;

    RETURN n;
END $$;

-- Drops the months that ended longer ago than "keep"; how many.

CREATE FUNCTION drop_partitions(keep interval) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
DECLARE
    r  record;
    n  int := 0;
BEGIN
    IF keep < interval '31 days' THEN
        RAISE EXCEPTION 'less than a month is never dropped'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    FOR r IN
        SELECT c.relname, to_date(right(c.relname, 6), 'YYYYMM') AS at
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'soporte.minute_sum'::regclass
              AND c.relname ~ '^minute_sum_[0-9]{6}$'
              AND to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month'
                  < (now() - keep) AT TIME ZONE 'UTC'
        ORDER BY 1
    LOOP
        PERFORM keep_months(r.at);

        EXECUTE format('DROP TABLE soporte.%I', r.relname);

        DELETE FROM node_minute
        WHERE minute < (r.at + interval '1 month')::timestamp
                       AT TIME ZONE 'UTC';
        n := n + 1;
    END LOOP;

    RETURN n;
END $$;

RESET ROLE;
