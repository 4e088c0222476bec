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
        search_locations, search_stock, search_purchase_orders, search_invoices, invoice_draw, invoice_link, outbox_feed_page TO %s', runtime);
END
$$;

DELETE FROM imports WHERE kind = 'prices'::text;
ALTER TABLE imports
    DROP CONSTRAINT imports_kind_check,
    ADD CONSTRAINT imports_kind_check CHECK (kind IN ('customers', 'suppliers', 'products', 'stock'));
ALTER TABLE invoice_lines
    DROP COLUMN price_list_id,
    DROP COLUMN price_source;
ALTER TABLE order_lines
    DROP COLUMN price_list_id,
    DROP COLUMN price_source;
DELETE FROM runtime_privileges WHERE table_name IN ('customer_groups', 'price_lists', 'price_list_entries');
DROP FUNCTION search_customer_groups, search_price_lists;
DROP TABLE price_list_entries, price_lists;
ALTER TABLE customers DROP COLUMN group_id;
DROP TABLE customer_groups;
DROP FUNCTION customer_group_words, price_list_words;
-- The extension btree_gist stays: others may use it.
