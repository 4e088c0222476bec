DELETE FROM runtime_privileges WHERE table_name IN ('inventory_counts', 'inventory_count_lines', 'inventory_count_entries');
DROP TABLE inventory_count_entries, inventory_count_lines, inventory_counts;
DROP FUNCTION inventory_count_entries_are_kept;
