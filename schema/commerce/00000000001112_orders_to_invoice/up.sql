-- How much of an order may still be invoiced: all of it, some of its lines or parts of them, or none. What is invoiced by an invoice with a number, cancelled, or came
-- back is not. It is read for what a customer owes and will owe (docs/credit.md).

-- What has arrived by now was invoiced elsewhere: there were no invoices here. New orders are to be invoiced.
ALTER TABLE orders ADD COLUMN to_invoice text NOT NULL DEFAULT 'none'::text;
ALTER TABLE orders
    ALTER COLUMN to_invoice SET DEFAULT 'all'::text,
    ADD CONSTRAINT orders_to_invoice_check CHECK (to_invoice IN ('all', 'some', 'none')) NOT VALID;

-- What has not arrived counted until now, and still does.
UPDATE orders AS o
    SET to_invoice = CASE
        WHEN EXISTS (
            SELECT FROM order_lines AS l
            WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id AND (l.cancelled > 0::numeric OR l.returned > 0::numeric)
        ) THEN 'some'
        ELSE 'all'
    END
    WHERE o.status IN ('pending', 'confirmed', 'shipped');
