ALTER TABLE orders VALIDATE CONSTRAINT orders_to_invoice_check;
