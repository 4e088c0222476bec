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
CREATE INDEX idempotency_records_created_at_idx ON idempotency_records USING brin (created_at);
CALL comptoir_protect('idempotency_records');

-- Goes over all tenants. Several processes may prune at once: each skips what another one holds.
CREATE FUNCTION prune_idempotency_records(hours integer, batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
    WITH pruned AS (
        DELETE FROM idempotency_records WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM idempotency_records
            WHERE created_at < now() - make_interval(hours => hours)
            LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM pruned;
    END;
REVOKE EXECUTE ON FUNCTION prune_idempotency_records FROM PUBLIC;
