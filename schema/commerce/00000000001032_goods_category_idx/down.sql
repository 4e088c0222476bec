DROP INDEX products_category_idx;
