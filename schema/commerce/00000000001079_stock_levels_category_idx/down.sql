DROP INDEX stock_levels_category_idx;
