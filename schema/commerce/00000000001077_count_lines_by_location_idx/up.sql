-- What is to be counted in one location.
CREATE INDEX CONCURRENTLY inventory_count_lines_by_location_idx ON inventory_count_lines (tenant_id, count_id, location_id, sku, id);
