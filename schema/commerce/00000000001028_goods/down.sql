CREATE OR REPLACE PROCEDURE comptoir_grant_runtime(runtime regrole) LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), runtime);
    FOR granted IN SELECT p.table_name, p.privileges FROM runtime_privileges AS p LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %I TO %s', granted.privileges, granted.table_name, runtime);
    END LOOP;
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_append, audit_append, find_login, find_user_token, find_refresh_token,
        find_api_key, search_customers, search_suppliers, search_products, search_orders, outbox_feed_page TO %s', runtime);
END
$$;
DELETE FROM runtime_privileges WHERE table_name IN ('product_barcodes', 'categories');
DROP TABLE product_barcodes;
-- Their constraints go with them.
ALTER TABLE products
    DROP COLUMN barcodes,
    DROP COLUMN category_id,
    DROP COLUMN stocked,
    DROP COLUMN quantity_decimals,
    DROP COLUMN unit;
DROP FUNCTION search_categories;
DROP TABLE categories;
DROP FUNCTION category_words;
