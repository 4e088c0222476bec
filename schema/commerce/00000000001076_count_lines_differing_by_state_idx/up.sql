-- What differs, in one state.
CREATE INDEX CONCURRENTLY inventory_count_lines_differing_by_state_idx ON inventory_count_lines (tenant_id, count_id, state, sku, id)
    WHERE counted <> expected;
