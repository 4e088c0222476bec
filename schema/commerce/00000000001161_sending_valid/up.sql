-- The constraint of 1160 holds for the customers that were there before it, too.
ALTER TABLE customers VALIDATE CONSTRAINT customers_invoice_channel_check;
