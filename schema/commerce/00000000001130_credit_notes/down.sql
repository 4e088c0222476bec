DELETE FROM runtime_privileges WHERE table_name IN ('invoice_credits', 'credit_allocations', 'order_deposits');
ALTER TABLE invoice_chain
    DROP CONSTRAINT invoice_chain_kind_check,
    ADD CONSTRAINT invoice_chain_kind_check CHECK (kind IN ('validated', 'document', 'payment', 'reversal')) NOT VALID;
DROP TABLE order_deposits, credit_allocations, invoice_credits;
DROP INDEX invoice_lines_product_idx;
ALTER TABLE invoice_lines DROP COLUMN deposit;
CREATE OR REPLACE FUNCTION invoices_keep_their_numbers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.number IS NULL AND TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF OLD.number IS NULL OR TG_OP = 'UPDATE' AND
        (OLD.tenant_id, OLD.id, OLD.kind, OLD.customer_id, OLD.number, OLD.series, OLD.issue_date, OLD.due_on, OLD.gross_total)
        IS NOT DISTINCT FROM
        (NEW.tenant_id, NEW.id, NEW.kind, NEW.customer_id, NEW.number, NEW.series, NEW.issue_date, NEW.due_on, NEW.gross_total)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an invoice that has a number is never changed or removed: make a credit note' USING ERRCODE = 'restrict_violation';
END
$$;
ALTER TABLE invoices DROP COLUMN corrects;
