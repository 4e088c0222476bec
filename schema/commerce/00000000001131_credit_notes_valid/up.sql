-- The constraints of 1130 hold for the rows that were there before them, too.
ALTER TABLE invoices
    VALIDATE CONSTRAINT invoices_corrects,
    VALIDATE CONSTRAINT invoices_corrects_fkey;
ALTER TABLE invoice_chain VALIDATE CONSTRAINT invoice_chain_kind_check;
