-- Whether a line of an order waits for goods: which orders can be shipped, and which wait, is found by an index of the orders.
ALTER TABLE orders ADD COLUMN waits boolean NOT NULL DEFAULT false;
UPDATE orders AS o SET waits = true
    WHERE EXISTS (SELECT FROM stock_reservations AS r WHERE r.tenant_id = o.tenant_id AND r.order_id = o.id AND r.waiting > 0::numeric);
