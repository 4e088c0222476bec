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
CALL comptoir_protect('idempotency_records');

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
-- last two settings it might read the whole table.
CREATE FUNCTION prune_idempotency_records(hours integer, batch bigint, INOUT reached timestamptz DEFAULT NULL, OUT pruned bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
    BEGIN ATOMIC
    WITH pruned AS (
        DELETE FROM idempotency_records WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM idempotency_records
            WHERE created_at >= COALESCE(reached, '-infinity') AND created_at < now() - make_interval(hours => hours)
            ORDER BY created_at LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING created_at)
    SELECT COALESCE(max(created_at), reached), count(*) FROM pruned;
    END;
REVOKE EXECUTE ON FUNCTION prune_idempotency_records FROM PUBLIC;
