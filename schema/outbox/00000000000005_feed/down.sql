CREATE OR REPLACE PROCEDURE outbox_grant_relay(relay regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), relay);
    EXECUTE pg_catalog.format('GRANT SELECT, DELETE ON outbox_events TO %s', relay);
    EXECUTE pg_catalog.format('GRANT UPDATE (transaction_id, retry_count, next_attempt_at, last_error) ON outbox_events TO %s', relay);
    EXECUTE pg_catalog.format('GRANT INSERT (id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version,
        payload, headers, occurred_at) ON outbox_events TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT ON outbox_history TO %s', relay);
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
ALTER TABLE relay_upkeep DROP COLUMN retention_days;
DROP INDEX outbox_dead_letters_tenant_idx, outbox_dead_letters_transaction_id_idx, outbox_events_requeued_idx;
ALTER TABLE outbox_dead_letters DROP COLUMN transaction_id, DROP COLUMN origin;
ALTER TABLE outbox_history DROP COLUMN transaction_id, DROP COLUMN origin;
ALTER TABLE outbox_events DROP CONSTRAINT outbox_events_first_is_whole, DROP COLUMN first_transaction_id, DROP COLUMN first_seq,
    DROP COLUMN origin;
