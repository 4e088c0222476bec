-- Who may do what with the outbox: docs/roles.md. The owner calls these for roles that are there already; calling again
-- does no harm, and is what an upgrade wants that brings a new table.

-- Takes from everybody but the owner the right to create something in the schema, where this role may: what is created
-- there can stand between a statement and the table or operator that it means.
DO $$
DECLARE
    schema pg_namespace;
BEGIN
    SELECT * INTO schema FROM pg_namespace WHERE nspname = current_schema();
    IF NOT EXISTS (
        SELECT FROM aclexplode(COALESCE(schema.nspacl, acldefault('n', schema.nspowner)))
        WHERE grantee = 0 AND privilege_type = 'CREATE')
    THEN
        RETURN;
    ELSIF pg_has_role(schema.nspowner, 'USAGE') THEN
        EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema());
    ELSE
        RAISE WARNING 'everybody may create objects in the schema %', current_schema()
            USING HINT = format('As its owner: REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema());
    END IF;
END
$$;

-- A relay: drains, keeps the history, and does what an operator decides (dead-letters, replay, check, status).
CREATE PROCEDURE outbox_grant_relay(relay regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), relay);
    EXECUTE format('GRANT SELECT, UPDATE, DELETE ON outbox_events TO %s', relay);
    -- Requeueing; the rest has its default.
    EXECUTE format('GRANT INSERT (id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version,
        payload, headers, occurred_at) ON outbox_events TO %s', relay);
    EXECUTE format('GRANT SELECT, INSERT ON outbox_history TO %s', relay);
    -- Days that never had a partition of their own.
    EXECUTE format('GRANT SELECT, DELETE ON outbox_history_default TO %s', relay);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_dead_letters, relay_replicas TO %s', relay);
    EXECUTE format('GRANT SELECT, UPDATE ON relay_shards, relay_upkeep TO %s', relay);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON outbox_operations TO %s', relay);
    EXECUTE format('GRANT SELECT, INSERT ON outbox_operation_events TO %s', relay);
    EXECUTE format('GRANT SELECT ON __diesel_schema_migrations TO %s', relay);
    EXECUTE format('GRANT EXECUTE ON FUNCTION outbox_history_make_day, outbox_history_exclude_day,
        outbox_history_prove_exclusion, outbox_history_end_exclusions, outbox_history_drop_day TO %s', relay);
END
$$;

-- Any program that writes events: the columns of the contract, and never `transaction_id`, by which the relay finds
-- what was committed late.
CREATE PROCEDURE outbox_grant_writer(writer regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), writer);
    EXECUTE format('GRANT INSERT (id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version,
        payload, headers, occurred_at) ON outbox_events TO %s', writer);
END
$$;

REVOKE EXECUTE ON PROCEDURE outbox_grant_relay, outbox_grant_writer FROM PUBLIC;
