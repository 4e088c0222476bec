DROP INDEX shipments_shipped_on_idx;
