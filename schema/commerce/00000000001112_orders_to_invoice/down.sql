ALTER TABLE orders DROP COLUMN to_invoice;
