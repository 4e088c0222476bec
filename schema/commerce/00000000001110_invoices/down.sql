CREATE OR REPLACE PROCEDURE comptoir_grant_runtime(runtime regrole) LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), runtime);
    FOR granted IN SELECT p.table_name, p.privileges FROM runtime_privileges AS p LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %I TO %s', granted.privileges, granted.table_name, runtime);
    END LOOP;
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_append, audit_append, find_login, find_user_token, find_refresh_token,
        find_api_key, search_customers, search_suppliers, search_products, search_orders, search_categories, search_warehouses,
        search_locations, search_stock, search_purchase_orders, outbox_feed_page TO %s', runtime);
END
$$;

DELETE FROM runtime_privileges
WHERE table_name IN ('invoices', 'invoice_drafts', 'invoice_claims', 'invoice_contents', 'invoice_lines', 'invoice_vat');
DROP FUNCTION search_invoices, invoice_draw, invoice_link, invoice_hash;
DROP TABLE invoice_chain, invoice_counters, invoice_series, invoice_vat, invoice_lines, invoice_contents, invoice_claims, invoice_drafts, invoices;
DROP FUNCTION invoice_words, invoices_are_frozen, invoices_keep_their_numbers;
ALTER TABLE tenants
    DROP COLUMN invoice_series,
    DROP COLUMN credit_note_series,
    DROP COLUMN issue_dates_in_order;
