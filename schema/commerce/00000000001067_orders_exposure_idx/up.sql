-- What a customer's open orders come to: one entry for each order that has not arrived, with all that is summed and counted. No other
-- order is in it.
CREATE INDEX CONCURRENTLY orders_exposure_idx ON orders (tenant_id, customer_id) INCLUDE (gross_total, held_for_approval)
    WHERE status IN ('pending'::text, 'confirmed'::text, 'shipped'::text);
