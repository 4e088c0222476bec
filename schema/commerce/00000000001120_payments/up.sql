-- What customers paid, and which invoices it pays. Both are append-only: a payment is reversed by another row, with the opposite amount and allocations.

CREATE TABLE payments (
    tenant_id   uuid           NOT NULL,
    id          uuid           NOT NULL,
    customer_id uuid           NOT NULL,
    method      text           NOT NULL CHECK (method IN ('transfer', 'card', 'cheque', 'cash', 'direct_debit', 'other')),
    received_on date           NOT NULL,
    -- Below zero if and only if it reverses another one.
    amount      numeric(19, 2) NOT NULL CHECK (amount <> 0::numeric),
    reference   text,
    reverses    uuid,
    -- Why it was reversed.
    reason      text,
    created_by  text           NOT NULL,
    created_at  timestamptz    NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT payments_reversed_once UNIQUE (tenant_id, reverses),
    CONSTRAINT payments_reversal CHECK ((reverses IS NULL) = (amount > 0::numeric) AND (reverses IS NULL) = (reason IS NULL)),
    CONSTRAINT payments_customer_fkey FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    CONSTRAINT payments_reverses_fkey FOREIGN KEY (tenant_id, reverses) REFERENCES payments (tenant_id, id)
);
CREATE INDEX payments_created_at_idx ON payments (tenant_id, created_at, id);
CREATE INDEX payments_customer_idx ON payments (tenant_id, customer_id, created_at, id);

CREATE TABLE payment_allocations (
    tenant_id    uuid           NOT NULL,
    payment_id   uuid           NOT NULL,
    -- Counts from 1.
    number       smallint       NOT NULL CHECK (number > 0),
    invoice_id   uuid           NOT NULL,
    -- Below zero in a reversal.
    amount       numeric(19, 2) NOT NULL CHECK (amount <> 0::numeric),
    allocated_at timestamptz    NOT NULL,
    PRIMARY KEY (tenant_id, payment_id, number),
    CONSTRAINT payment_allocations_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES payments (tenant_id, id),
    CONSTRAINT payment_allocations_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);
CREATE INDEX payment_allocations_invoice_idx ON payment_allocations (tenant_id, invoice_id);

-- What payments have that pays nothing yet; a payment without such a rest has no row. Written under the lock of the customer.
CREATE TABLE customer_credits (
    tenant_id   uuid           NOT NULL,
    payment_id  uuid           NOT NULL,
    customer_id uuid           NOT NULL,
    received_on date           NOT NULL,
    amount      numeric(19, 2) NOT NULL CHECK (amount > 0::numeric),
    PRIMARY KEY (tenant_id, payment_id),
    CONSTRAINT customer_credits_payment_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES payments (tenant_id, id)
);
CREATE INDEX customer_credits_customer_idx ON customer_credits (tenant_id, customer_id, received_on, payment_id);

CREATE FUNCTION payments_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a payment is never changed or removed: reverse it' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER payments_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON payments
    FOR EACH STATEMENT EXECUTE FUNCTION payments_are_kept();
CREATE TRIGGER payment_allocations_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_allocations
    FOR EACH STATEMENT EXECUTE FUNCTION payments_are_kept();

CALL comptoir_protect('payments'::regclass);
CALL comptoir_protect('payment_allocations'::regclass);
CALL comptoir_protect('customer_credits'::regclass);
INSERT INTO runtime_privileges VALUES
    ('payments', 'SELECT, INSERT'),
    ('payment_allocations', 'SELECT, INSERT'),
    ('customer_credits', 'SELECT, INSERT, UPDATE, DELETE');
