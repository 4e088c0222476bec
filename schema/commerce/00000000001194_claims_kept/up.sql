-- What an invoice that has a number claims of orders stays: without its claims the same goods would be invoiced again. Credit notes give back by rows of their own
-- (invoice_credits).
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION claims_are_kept() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM @schema@.invoices AS i WHERE i.tenant_id = OLD.tenant_id AND i.id = OLD.invoice_id AND i.number IS NOT NULL) THEN
        RAISE EXCEPTION 'what an invoice that has a number claims is never changed or removed: make a credit note' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
CREATE TRIGGER invoice_claims_are_kept BEFORE UPDATE OR DELETE ON invoice_claims
    FOR EACH ROW EXECUTE FUNCTION claims_are_kept();
