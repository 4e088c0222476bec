-- What left in a month, to be invoiced together.
CREATE INDEX CONCURRENTLY shipments_shipped_on_idx ON shipments (tenant_id, shipped_on, id);
