ALTER TABLE orders DROP COLUMN held_for_approval;
ALTER TABLE tenants DROP COLUMN credit_limit_action;
ALTER TABLE customers DROP COLUMN credit_limit;
