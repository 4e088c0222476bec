-- What waits for goods.
CREATE INDEX CONCURRENTLY orders_waiting_idx ON orders (tenant_id, waits, placed_at, id) WHERE waits;
