CREATE INDEX CONCURRENTLY products_stocked_name_idx ON products (tenant_id, stocked, name, id);
