-- What has not left, or not all of it.
CREATE INDEX CONCURRENTLY orders_open_idx ON orders (tenant_id, placed_at, id) WHERE status IN ('pending'::text, 'confirmed'::text);
