-- The record of commands that must not run twice: the answer to every POST that carried an Idempotency-Key, written in
-- the command's own transaction.
CREATE TABLE idempotency_records (
    tenant_id    uuid        NOT NULL,
    -- A key belongs to whoever sent it: two principals may choose the same.
    principal_id uuid        NOT NULL,
    key          text        NOT NULL,
    fingerprint  bytea       NOT NULL,
    status       smallint    NOT NULL,
    location     text,
    etag         text,
    body         text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, principal_id, key)
);
-- Not a block range index: once the space of pruned records is used again, new records stand among old ones, and every block
-- may hold one that is due.
CREATE INDEX idempotency_records_created_at_idx ON idempotency_records (created_at);
CALL comptoir_protect('idempotency_records'::regclass);

-- Written with every command and seldom read: lz4 costs a fraction of pglz's processor time. A server that was built without it
-- goes on with pglz.
DO $$
BEGIN
    ALTER TABLE idempotency_records ALTER COLUMN body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4: stored answers are compressed with pglz, which takes longer';
END
$$;

-- Goes over all tenants. Several processes may prune at once: each skips what another one holds.
--
-- One batch, from the oldest on and not before `reached`, which is what the batch before returned: the dead index entries of
-- those that were just deleted are not walked through again. A function's plan does not know how few are due; without the
-- last two settings it might read the whole table. Less than an hour is refused: whoever may call this may delete what is old,
-- and not what a client may still ask for. Its table is named with its schema (@schema@).
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION prune_idempotency_records(hours integer, batch bigint, INOUT reached timestamptz DEFAULT NULL, OUT pruned bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
    AS $$
BEGIN
    IF COALESCE(hours, 0) < 1 THEN
        RAISE EXCEPTION 'idempotency records are kept for an hour at least: % hours were asked for', hours;
    END IF;
    WITH gone AS (
        DELETE FROM @schema@.idempotency_records WHERE ctid = ANY (ARRAY(
            SELECT r.ctid FROM @schema@.idempotency_records AS r
            WHERE r.created_at >= COALESCE(reached, '-infinity')
                AND r.created_at < now() - make_interval(hours => prune_idempotency_records.hours)
            ORDER BY r.created_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING created_at)
    SELECT COALESCE(max(g.created_at), reached), count(*) INTO reached, pruned FROM gone AS g;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION prune_idempotency_records FROM PUBLIC;
