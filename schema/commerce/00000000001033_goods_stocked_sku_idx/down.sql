DROP INDEX products_stocked_sku_idx;
