DROP INDEX orders_held_idx;
