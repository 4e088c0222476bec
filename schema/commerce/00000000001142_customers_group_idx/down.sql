DROP INDEX customers_group_idx;
