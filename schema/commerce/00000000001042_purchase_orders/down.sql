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
        search_locations, search_stock, outbox_feed_page TO %s', runtime);
END
$$;

DELETE FROM runtime_privileges WHERE table_name IN ('purchase_orders', 'purchase_order_lines');
DROP FUNCTION search_purchase_orders;
ALTER TABLE stock_documents DROP COLUMN purchase_order_id;
DROP TABLE purchase_order_lines, purchase_orders;
DROP FUNCTION purchase_order_words;
