-- A product has a line for each location in which it is counted. 1078 makes it the primary key.
CREATE UNIQUE INDEX CONCURRENTLY inventory_count_lines_key ON inventory_count_lines (tenant_id, count_id, product_id, location_id);
