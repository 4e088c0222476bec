-- Lines of locations have no place in the key of before. 1072 drops the index that was the key.
DELETE FROM inventory_count_lines WHERE location_id <> '00000000-0000-0000-0000-000000000000'::uuid;
ALTER TABLE inventory_count_lines
    DROP CONSTRAINT inventory_count_lines_pkey,
    ADD CONSTRAINT inventory_count_lines_pkey PRIMARY KEY (tenant_id, count_id, product_id);
CREATE UNIQUE INDEX inventory_count_lines_key ON inventory_count_lines (tenant_id, count_id, product_id, location_id);
CREATE INDEX inventory_count_lines_sku_idx ON inventory_count_lines (tenant_id, count_id, sku, product_id);
CREATE INDEX inventory_count_lines_state_idx ON inventory_count_lines (tenant_id, count_id, state, sku, product_id);
CREATE INDEX inventory_count_lines_differing_idx ON inventory_count_lines (tenant_id, count_id, sku, product_id) WHERE counted <> expected;
CREATE INDEX inventory_count_lines_differing_state_idx ON inventory_count_lines (tenant_id, count_id, state, sku, product_id)
    WHERE counted <> expected;
