-- What is delivered by the company's own van has no tracking number.
ALTER TABLE orders DROP CONSTRAINT orders_shipped_with_tracking;
