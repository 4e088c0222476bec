-- What waits for goods of one warehouse.
CREATE INDEX CONCURRENTLY orders_waiting_warehouse_idx ON orders (tenant_id, warehouse_id, placed_at, id) WHERE waits;
