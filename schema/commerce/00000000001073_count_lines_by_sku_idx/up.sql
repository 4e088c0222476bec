-- The lines of a count by SKU; those of one product by their ids.
CREATE INDEX CONCURRENTLY inventory_count_lines_by_sku_idx ON inventory_count_lines (tenant_id, count_id, sku, id);
