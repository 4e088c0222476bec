ALTER TABLE invoice_chain
    DROP CONSTRAINT invoice_chain_kind_check,
    ADD CONSTRAINT invoice_chain_kind_check CHECK (kind IN ('validated', 'document', 'payment', 'reversal', 'credit')) NOT VALID;
