-- The outbox, the history and the dead letters as one log, in the order of commits, for whoever shows what happens (ADR 25).

-- The transaction that wrote an event, and the seq that it drew, stay with the event wherever it goes. The first of both, once an
-- operator gave the row others by requeueing it; NULL stands for the row's own.
ALTER TABLE outbox_events
    ADD COLUMN first_transaction_id bigint,
    ADD COLUMN first_seq            bigint,
    -- Who caused it, and with which client: {"actor": {"id", "name"}, "client_id"}. For the log; never published.
    ADD COLUMN origin               jsonb,
    ADD CONSTRAINT outbox_events_first_is_whole CHECK ((first_seq IS NULL) = (first_transaction_id IS NULL));

-- NULL for what was settled before, or by a relay of the version before: it is not in the log. `seq` is the first one.
ALTER TABLE outbox_history
    ADD COLUMN transaction_id bigint,
    ADD COLUMN origin         jsonb;
ALTER TABLE outbox_dead_letters
    ADD COLUMN transaction_id bigint,
    ADD COLUMN origin         jsonb;

-- Finds the requeued ones among the waiting events: while there are none it is empty, and costs no writer anything.
CREATE INDEX outbox_events_requeued_idx ON outbox_events (tenant_id, first_seq) WHERE first_seq IS NOT NULL;
CREATE INDEX outbox_dead_letters_transaction_id_idx ON outbox_dead_letters (transaction_id, seq);
CREATE INDEX outbox_dead_letters_tenant_idx ON outbox_dead_letters (tenant_id, seq);

-- For how long the relays keep what was published: 0 is not at all. NULL until one has said so.
ALTER TABLE relay_upkeep ADD COLUMN retention_days integer;

-- As before, with the new columns. Relays that were granted their privileges before get these now: they need no further step.
CREATE OR REPLACE PROCEDURE outbox_grant_relay(relay regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), relay);
    EXECUTE pg_catalog.format('GRANT SELECT, DELETE ON outbox_events TO %s', relay);
    -- Whose turn it is and what went wrong. What an event says is nobody's to change.
    EXECUTE pg_catalog.format('GRANT UPDATE (transaction_id, first_transaction_id, first_seq, retry_count, next_attempt_at, last_error)
        ON outbox_events TO %s', relay);
    -- Requeueing; the rest has its default.
    EXECUTE pg_catalog.format('GRANT INSERT (id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version,
        payload, headers, occurred_at, first_transaction_id, first_seq, origin) ON outbox_events TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT ON outbox_history TO %s', relay);
    -- Days that never had a partition of their own.
    EXECUTE pg_catalog.format('GRANT SELECT, DELETE ON outbox_history_default TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_dead_letters, relay_replicas TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT, UPDATE ON relay_shards, relay_upkeep TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE ON outbox_operations TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT ON outbox_operation_events TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT ON __diesel_schema_migrations TO %s', relay);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_history_make_day, outbox_history_exclude_day,
        outbox_history_prove_exclusion, outbox_history_end_exclusions, outbox_history_drop_day TO %s', relay);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), relay::text);
END
$$;

DO $$
DECLARE
    relay pg_catalog.oid;
BEGIN
    FOR relay IN
        SELECT DISTINCT acl.grantee FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS acl
        WHERE c.oid OPERATOR(pg_catalog.=) 'relay_shards'::pg_catalog.regclass AND acl.privilege_type OPERATOR(pg_catalog.=) 'UPDATE'::pg_catalog.text
            AND acl.grantee OPERATOR(pg_catalog.<>) c.relowner AND acl.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
    LOOP
        EXECUTE pg_catalog.format('CALL %I.outbox_grant_relay(%L::pg_catalog.regrole)', current_schema(), relay::pg_catalog.regrole::text);
    END LOOP;
END
$$;
