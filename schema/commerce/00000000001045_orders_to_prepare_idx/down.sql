DROP INDEX orders_to_prepare_idx;
