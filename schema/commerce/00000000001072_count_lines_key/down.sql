DROP INDEX inventory_count_lines_key;
