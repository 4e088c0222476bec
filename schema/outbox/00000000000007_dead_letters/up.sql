-- What a dead letter says is nobody's to change, as what an event says: a requeue would publish it.
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
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, DELETE ON outbox_dead_letters TO %s', relay);
    -- So that it may lock a dead letter while it is decided about.
    EXECUTE pg_catalog.format('GRANT UPDATE (last_error) ON outbox_dead_letters TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON relay_replicas TO %s', relay);
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
        EXECUTE pg_catalog.format('REVOKE UPDATE ON outbox_dead_letters FROM %s', relay::pg_catalog.regrole);
        EXECUTE pg_catalog.format('CALL %I.outbox_grant_relay(%L::pg_catalog.regrole)', current_schema(), relay::pg_catalog.regrole::text);
    END LOOP;
END
$$;
