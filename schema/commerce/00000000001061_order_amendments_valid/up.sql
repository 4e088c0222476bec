ALTER TABLE orders VALIDATE CONSTRAINT orders_promised;
