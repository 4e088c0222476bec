DROP TRIGGER invoice_claims_are_kept ON invoice_claims;
DROP FUNCTION claims_are_kept;
