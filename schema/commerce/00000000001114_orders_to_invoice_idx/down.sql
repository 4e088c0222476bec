DROP INDEX orders_to_invoice_idx;
