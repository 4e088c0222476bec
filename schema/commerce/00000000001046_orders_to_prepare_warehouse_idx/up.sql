CREATE INDEX CONCURRENTLY orders_to_prepare_warehouse_idx ON orders (tenant_id, warehouse_id, waits, placed_at, id) WHERE status = 'confirmed'::text;
