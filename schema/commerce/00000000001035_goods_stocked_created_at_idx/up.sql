CREATE INDEX CONCURRENTLY products_stocked_created_at_idx ON products (tenant_id, stocked, created_at, id);
