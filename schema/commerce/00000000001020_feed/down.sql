CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports TO %s', services);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), services::text);
END
$$;
CREATE OR REPLACE PROCEDURE comptoir_grant_runtime(runtime regrole) LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), runtime);
    FOR granted IN SELECT p.table_name, p.privileges FROM runtime_privileges AS p LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %I TO %s', granted.privileges, granted.table_name, runtime);
    END LOOP;
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_append, audit_append, find_login, find_user_token, find_refresh_token,
        find_api_key, search_customers, search_suppliers, search_products, search_orders TO %s', runtime);
END
$$;
DROP FUNCTION outbox_feed_page;
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE OR REPLACE FUNCTION outbox_append(
    ids uuid[], aggregate_types text[], aggregate_ids text[], aggregate_versions bigint[], event_types text[],
    schema_versions smallint[], payloads text[], headers text[], occurred_at timestamptz[]
) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own_tenant uuid := @schema@.comptoir_tenant();
BEGIN
    IF own_tenant IS NULL THEN
        RAISE EXCEPTION 'this transaction is bound to no tenant: SET LOCAL comptoir.tenant_id first';
    END IF;
    INSERT INTO @schema@.outbox_events (id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type,
        schema_version, payload, headers, occurred_at)
    SELECT e.id, own_tenant, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_type,
        e.schema_version, e.payload::json, e.headers::jsonb, e.occurred_at
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
        WITH ORDINALITY AS e (id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version, payload, headers,
            occurred_at, position)
    ORDER BY e.position;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
