-- The indexes of 1072 to 1077 are in place: the key, and what they replace. The constraint takes the index, which is renamed to it.
ALTER TABLE inventory_count_lines
    DROP CONSTRAINT inventory_count_lines_pkey,
    ADD CONSTRAINT inventory_count_lines_pkey PRIMARY KEY USING INDEX inventory_count_lines_key;
DROP INDEX inventory_count_lines_sku_idx, inventory_count_lines_state_idx, inventory_count_lines_differing_idx,
    inventory_count_lines_differing_state_idx;
