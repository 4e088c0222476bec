-- What a customer's orders come to that are to be invoiced, and which of them wait for approval: one entry for each, with all that is summed and counted. Orders that
-- are invoiced are not in it.
CREATE INDEX CONCURRENTLY orders_to_invoice_idx ON orders (tenant_id, customer_id) INCLUDE (id, gross_total, to_invoice, held_for_approval)
    WHERE (to_invoice <> 'none'::text OR held_for_approval) AND status <> 'cancelled'::text;
