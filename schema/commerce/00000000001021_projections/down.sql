CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports TO %s', services);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), services::text);
END
$$;
DROP PROCEDURE comptoir_grant_projections;
DROP FUNCTION projection_fill_orders, projection_fill_customers, projection_fill_products, projection_fill_gone, projection_size, projection_is_built;
DELETE FROM runtime_privileges WHERE table_name IN ('projection_inbox', 'projection_state', 'order_timeline', 'sales_by_day',
    'sales_by_product', 'customer_activity');
DROP TABLE customer_activity, sales_by_product, sales_by_day, order_timeline, projection_order_products, projection_orders,
    projection_positions, projection_rebuilds, projection_state, projection_inbox;
