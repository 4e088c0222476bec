DROP INDEX products_stocked_name_idx;
