-- Who may do what with the outbox: docs/roles.md. The owner calls these for roles that are there already; calling again
-- does no harm, and is what an upgrade wants that brings a new table.

-- Everything in these is named so that nothing which a stranger put into the schema is called in its place: the owner runs them.

-- A relay: drains, keeps the history, and does what an operator decides (dead-letters, replay, check, status).
CREATE PROCEDURE outbox_grant_relay(relay regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), relay);
    EXECUTE pg_catalog.format('GRANT SELECT, DELETE ON outbox_events TO %s', relay);
    -- Whose turn it is and what went wrong. What an event says is nobody's to change.
    EXECUTE pg_catalog.format('GRANT UPDATE (transaction_id, retry_count, next_attempt_at, last_error) ON outbox_events TO %s', relay);
    -- Requeueing; the rest has its default.
    EXECUTE pg_catalog.format('GRANT INSERT (id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version,
        payload, headers, occurred_at) ON outbox_events TO %s', relay);
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
END
$$;

-- Any program that writes events: the columns of the contract, and never `transaction_id`, by which the relay finds
-- what was committed late.
CREATE PROCEDURE outbox_grant_writer(writer regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), writer);
    EXECUTE pg_catalog.format('GRANT INSERT (id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version,
        payload, headers, occurred_at) ON outbox_events TO %s', writer);
END
$$;

REVOKE EXECUTE ON PROCEDURE outbox_grant_relay, outbox_grant_writer FROM PUBLIC;
