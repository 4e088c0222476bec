-- The constraint of 1192 holds for the links that were there before it, too.
ALTER TABLE invoice_chain VALIDATE CONSTRAINT invoice_chain_kind_check;
