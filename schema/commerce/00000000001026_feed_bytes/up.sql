-- The size of an event is that of its text: stored, it is compressed, and 200 of them filled the memory of the API.
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($functions$
-- A page of the log of the tenant that the transaction is bound to, in the order of `seq`: the events that `upto` sees (by default
-- this statement) and that were not delivered at the base (its snapshot: `base_xmax` and `base_running`; its highest seq; its time).
-- `after_seq` is where the page before it ended. Looks at `most_looked_at` events at most, and returns at most `most` of those that
-- match both regular expressions; fewer once their payloads have 16 * `most_payload` bytes. A payload of more than `most_payload`
-- bytes is left out. The first row, of kind 0, says how far it came:
-- the last seq that was looked at, how many events were, and what is true now: the snapshot, the highest seq, the time, for how
-- many days the history is kept, and the server's identifier.
CREATE OR REPLACE FUNCTION outbox_feed_page(
    base_xmax bigint, base_running bigint[], base_highest bigint, base_at timestamptz, upto text, after_seq bigint, types text, sight text, most_looked_at integer, most integer, most_payload integer
) RETURNS TABLE (
    kind smallint, seq bigint, number bigint, snapshot text, highest bigint, at timestamptz, retention integer, cluster bigint,
    id uuid, event_type text, schema_version smallint, aggregate_type text, aggregate_id text, aggregate_version bigint,
    occurred_at timestamptz, origin jsonb, correlation_id text, payload json
)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
    SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    own_tenant uuid := @schema@.comptoir_tenant();
    seen       pg_snapshot := COALESCE(upto::pg_snapshot, pg_current_snapshot());
    -- Ids of transactions that were rolled back may be given out again after a crash: a few more are looked at.
    low        bigint := LEAST(base_xmax, (SELECT min(r.id) FROM unnest(base_running) AS r (id))) - 1000;
    -- A clock may be set back a little.
    since      timestamptz := base_at - interval '10 minutes';
    start      bigint := after_seq;
BEGIN
    IF own_tenant IS NULL THEN
        RAISE EXCEPTION 'this transaction is bound to no tenant: SET LOCAL comptoir.tenant_id first';
    END IF;
    IF start IS NULL THEN
        -- Below the highest seq of the base are those that were committed late.
        SELECT LEAST(base_highest, min(late.seq) - 1) INTO start FROM (
            SELECT min(COALESCE(e.first_seq, e.seq)) AS seq FROM @schema@.outbox_events AS e
            WHERE e.transaction_id >= low AND e.tenant_id = own_tenant
                AND (COALESCE(e.first_transaction_id, e.transaction_id) >= base_xmax
                    OR COALESCE(e.first_transaction_id, e.transaction_id) = ANY (base_running))
            UNION ALL
            SELECT min(h.seq) FROM @schema@.outbox_history AS h
            WHERE h.transaction_id >= low AND h.seq <= base_highest AND h.published_at >= since AND h.tenant_id = own_tenant
                AND (h.transaction_id >= base_xmax OR h.transaction_id = ANY (base_running))
            UNION ALL
            SELECT min(d.seq) FROM @schema@.outbox_dead_letters AS d
            WHERE d.transaction_id >= low AND d.seq <= base_highest AND d.tenant_id = own_tenant
                AND (d.transaction_id >= base_xmax OR d.transaction_id = ANY (base_running))
        ) AS late;
    END IF;
    RETURN QUERY
    WITH looked_at AS MATERIALIZED (
        SELECT e.* FROM (
            (SELECT w.* FROM generate_series(0, 63) AS every (shard) CROSS JOIN LATERAL (
                SELECT o.transaction_id, o.seq, o.id, o.event_type, o.schema_version, o.aggregate_type, o.aggregate_id,
                    o.aggregate_version, o.occurred_at, o.origin, o.headers, o.payload
                FROM @schema@.outbox_events AS o
                WHERE o.shard = every.shard::smallint AND o.seq > start AND o.tenant_id = own_tenant AND o.first_seq IS NULL
                    AND (o.transaction_id >= base_xmax OR o.transaction_id = ANY (base_running) OR o.seq > base_highest)
                    AND pg_visible_in_snapshot(o.transaction_id::text::xid8, seen)
                ORDER BY o.seq LIMIT most_looked_at
            ) AS w)
            UNION ALL
            (SELECT o.first_transaction_id, o.first_seq, o.id, o.event_type, o.schema_version, o.aggregate_type, o.aggregate_id,
                o.aggregate_version, o.occurred_at, o.origin, o.headers, o.payload
            FROM @schema@.outbox_events AS o
            WHERE o.first_seq > start AND o.first_seq IS NOT NULL AND o.tenant_id = own_tenant
                AND (o.first_transaction_id >= base_xmax OR o.first_transaction_id = ANY (base_running)
                    OR o.first_seq > base_highest)
                AND pg_visible_in_snapshot(o.first_transaction_id::text::xid8, seen)
            ORDER BY o.first_seq LIMIT most_looked_at)
            UNION ALL
            (SELECT h.transaction_id, h.seq, h.id, h.event_type, h.schema_version, h.aggregate_type, h.aggregate_id,
                h.aggregate_version, h.occurred_at, h.origin, h.headers, h.payload
            FROM @schema@.outbox_history AS h
            WHERE h.tenant_id = own_tenant AND h.seq > start AND h.transaction_id IS NOT NULL AND h.published_at >= since
                AND (h.transaction_id >= base_xmax OR h.transaction_id = ANY (base_running) OR h.seq > base_highest)
                AND pg_visible_in_snapshot(h.transaction_id::text::xid8, seen)
            ORDER BY h.seq LIMIT most_looked_at)
            UNION ALL
            -- Those that are held are still in the outbox.
            (SELECT d.transaction_id, d.seq, d.id, d.event_type, d.schema_version, d.aggregate_type, d.aggregate_id,
                d.aggregate_version, d.occurred_at, d.origin, d.headers, d.payload
            FROM @schema@.outbox_dead_letters AS d
            WHERE d.tenant_id = own_tenant AND d.seq > start AND d.transaction_id IS NOT NULL
                AND d.next_attempt_at IS DISTINCT FROM 'infinity'::timestamptz
                AND (d.transaction_id >= base_xmax OR d.transaction_id = ANY (base_running) OR d.seq > base_highest)
                AND pg_visible_in_snapshot(d.transaction_id::text::xid8, seen)
            ORDER BY d.seq LIMIT most_looked_at)
        ) AS e
        ORDER BY e.seq LIMIT most_looked_at
    )
    SELECT 0::smallint, (SELECT max(l.seq) FROM looked_at AS l), (SELECT pg_catalog.count(*) FROM looked_at), pg_current_snapshot()::text,
        s.last_value, now(), u.retention_days, c.system_identifier, NULL::uuid, NULL::text,
        NULL::smallint, NULL::text, NULL::text, NULL::bigint, NULL::timestamptz, NULL::jsonb, NULL::text, NULL::json
    FROM @schema@.outbox_events_seq_seq AS s, @schema@.relay_upkeep AS u, pg_control_system() AS c
    WHERE u.task = 'history'::text
    UNION ALL
    (SELECT 1::smallint, l.seq, NULL::bigint, NULL::text, NULL::bigint, NULL::timestamptz, NULL::integer, NULL::bigint, l.id,
        l.event_type, l.schema_version, l.aggregate_type, l.aggregate_id, l.aggregate_version, l.occurred_at, l.origin,
        l.headers ->> 'correlation-id'::text, CASE WHEN l.bytes <= most_payload THEN l.payload END
    FROM (
        SELECT m.*, pg_catalog.sum(CASE WHEN m.bytes <= most_payload THEN m.bytes ELSE 0 END) OVER (ORDER BY m.seq) AS bytes_so_far
        FROM (
            -- What is stored is compressed. A row that is too large even so is not made larger to see that.
            SELECT e.*, CASE WHEN pg_column_size(e.payload) > most_payload THEN most_payload + 1
                ELSE octet_length(e.payload::text) END AS bytes
            FROM looked_at AS e
            WHERE ('.'::text || e.event_type) ~ types AND ('.'::text || e.event_type) ~ sight
            ORDER BY e.seq LIMIT most
        ) AS m
    ) AS l
    WHERE l.bytes_so_far - CASE WHEN l.bytes <= most_payload THEN l.bytes ELSE 0 END < 16 * most_payload
    ORDER BY l.seq);
END
$$;
    $functions$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
