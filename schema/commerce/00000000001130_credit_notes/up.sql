-- Credit notes and deposits (docs/invoices.md, ADR 33).

-- The invoice that a credit note corrects; of its draft, too.
ALTER TABLE invoices
    ADD COLUMN corrects uuid,
    ADD CONSTRAINT invoices_corrects CHECK ((kind = 'credit_note') = (corrects IS NOT NULL)) NOT VALID,
    ADD CONSTRAINT invoices_corrects_fkey FOREIGN KEY (tenant_id, corrects) REFERENCES invoices (tenant_id, id) NOT VALID;

CREATE OR REPLACE FUNCTION invoices_keep_their_numbers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.number IS NULL AND TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF OLD.number IS NULL OR TG_OP = 'UPDATE' AND
        (OLD.tenant_id, OLD.id, OLD.kind, OLD.customer_id, OLD.number, OLD.series, OLD.issue_date, OLD.due_on, OLD.gross_total, OLD.corrects)
        IS NOT DISTINCT FROM
        (NEW.tenant_id, NEW.id, NEW.kind, NEW.customer_id, NEW.number, NEW.series, NEW.issue_date, NEW.due_on, NEW.gross_total, NEW.corrects)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an invoice that has a number is never changed or removed: make a credit note' USING ERRCODE = 'restrict_violation';
END
$$;

-- Whether it is a line of a deposit, or takes one off: such lines are no turnover.
ALTER TABLE invoice_lines ADD COLUMN deposit boolean NOT NULL DEFAULT false;
-- What was sold of a product.
CREATE INDEX invoice_lines_product_idx ON invoice_lines (tenant_id, product_id, invoice_id) INCLUDE (quantity, net) WHERE NOT deposit;

-- What of an invoice the lines of credit notes give back. Written when they are validated, under the lock of the invoice.
CREATE TABLE invoice_credits (
    tenant_id      uuid           NOT NULL,
    -- The credit note.
    invoice_id     uuid           NOT NULL,
    -- Of the credit note; counts from 1.
    line           smallint       NOT NULL CHECK (line > 0),
    original_id    uuid           NOT NULL,
    -- NULL if it is of a category and rate.
    original_line  smallint       CHECK (original_line > 0),
    -- NULL if it is an amount.
    quantity       numeric(19, 6) CHECK (quantity > 0::numeric),
    net            numeric(19, 2) NOT NULL,
    -- The order's line that the invoice's line invoices, if it is of an order.
    order_id       uuid,
    order_position smallint,
    -- What came back, if it is for that.
    return_id      uuid,
    PRIMARY KEY (tenant_id, invoice_id, line),
    CONSTRAINT invoice_credits_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoice_contents (tenant_id, invoice_id),
    CONSTRAINT invoice_credits_original_fkey FOREIGN KEY (tenant_id, original_id) REFERENCES invoice_contents (tenant_id, invoice_id)
);
CREATE INDEX invoice_credits_original_idx ON invoice_credits (tenant_id, original_id);
CREATE INDEX invoice_credits_order_idx ON invoice_credits (tenant_id, order_id, order_position) WHERE order_id IS NOT NULL;
CREATE INDEX invoice_credits_return_idx ON invoice_credits (tenant_id, return_id) WHERE return_id IS NOT NULL;

-- Which invoices a credit note pays, as payment_allocations says it of payments. What it pays nothing of is what is open of it.
CREATE TABLE credit_allocations (
    tenant_id      uuid           NOT NULL,
    credit_note_id uuid           NOT NULL,
    -- Counts from 1.
    number         smallint       NOT NULL CHECK (number > 0),
    invoice_id     uuid           NOT NULL,
    amount         numeric(19, 2) NOT NULL CHECK (amount > 0::numeric),
    allocated_at   timestamptz    NOT NULL,
    PRIMARY KEY (tenant_id, credit_note_id, number),
    CONSTRAINT credit_allocations_credit_note_fkey FOREIGN KEY (tenant_id, credit_note_id) REFERENCES invoices (tenant_id, id),
    CONSTRAINT credit_allocations_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);
CREATE INDEX credit_allocations_invoice_idx ON credit_allocations (tenant_id, invoice_id);

-- The deposits of orders, and the invoices that take them off; of drafts, too. Written under the lock of the order.
CREATE TABLE order_deposits (
    tenant_id  uuid           NOT NULL,
    -- The deposit.
    invoice_id uuid           NOT NULL,
    order_id   uuid           NOT NULL,
    net        numeric(19, 2) NOT NULL CHECK (net > 0::numeric),
    taken_by   uuid,
    PRIMARY KEY (tenant_id, invoice_id),
    CONSTRAINT order_deposits_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    CONSTRAINT order_deposits_order_fkey FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id),
    CONSTRAINT order_deposits_taken_by_fkey FOREIGN KEY (tenant_id, taken_by) REFERENCES invoices (tenant_id, id)
);
CREATE INDEX order_deposits_order_idx ON order_deposits (tenant_id, order_id);
CREATE INDEX order_deposits_taken_by_idx ON order_deposits (tenant_id, taken_by) WHERE taken_by IS NOT NULL;

CREATE TRIGGER invoice_credits_are_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_credits
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_are_frozen();
CREATE TRIGGER credit_allocations_are_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_allocations
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_are_frozen();

-- Links of what credit notes pay.
ALTER TABLE invoice_chain
    DROP CONSTRAINT invoice_chain_kind_check,
    ADD CONSTRAINT invoice_chain_kind_check CHECK (kind IN ('validated', 'document', 'payment', 'reversal', 'credit')) NOT VALID;

CALL comptoir_protect('invoice_credits'::regclass);
CALL comptoir_protect('credit_allocations'::regclass);
CALL comptoir_protect('order_deposits'::regclass);
INSERT INTO runtime_privileges VALUES
    ('invoice_credits', 'SELECT, INSERT'),
    ('credit_allocations', 'SELECT, INSERT'),
    ('order_deposits', 'SELECT, INSERT, UPDATE, DELETE');
