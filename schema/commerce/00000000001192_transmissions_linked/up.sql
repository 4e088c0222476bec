-- Steps of sending have links in the chain of their invoice's series, as documents have (docs/invoices.md, "The chain").
ALTER TABLE invoice_chain
    DROP CONSTRAINT invoice_chain_kind_check,
    ADD CONSTRAINT invoice_chain_kind_check CHECK (kind IN ('validated', 'document', 'payment', 'reversal', 'credit', 'transmission')) NOT VALID;
