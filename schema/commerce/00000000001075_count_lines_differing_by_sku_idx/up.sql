-- What differs is little, and what is looked at.
CREATE INDEX CONCURRENTLY inventory_count_lines_differing_by_sku_idx ON inventory_count_lines (tenant_id, count_id, sku, id) WHERE counted <> expected;
