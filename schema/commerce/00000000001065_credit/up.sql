-- Credit: how much a customer's open orders may come to, what happens to an order that passes it, and whether an order waits for approval.

-- NULL is no limit.
ALTER TABLE customers ADD COLUMN credit_limit numeric(19, 2);
ALTER TABLE customers ADD CONSTRAINT customers_credit_limit_check CHECK (credit_limit >= 0::numeric) NOT VALID;

-- There are as many rows as companies: they are looked at at once.
ALTER TABLE tenants ADD COLUMN credit_limit_action text NOT NULL DEFAULT 'refuse'
    CONSTRAINT tenants_credit_limit_action_check CHECK (credit_limit_action IN ('refuse', 'hold'));

ALTER TABLE orders ADD COLUMN held_for_approval boolean NOT NULL DEFAULT false;
