DROP INDEX orders_exposure_idx;
