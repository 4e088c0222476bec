-- The lines of a count in one state.
CREATE INDEX CONCURRENTLY inventory_count_lines_by_state_idx ON inventory_count_lines (tenant_id, count_id, state, sku, id);
