CREATE OR REPLACE PROCEDURE comptoir_grant_runtime(runtime regrole) LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), runtime);
    FOR granted IN SELECT p.table_name, p.privileges FROM runtime_privileges AS p LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %I TO %s', granted.privileges, granted.table_name, runtime);
    END LOOP;
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_append, audit_append, find_login, find_user_token, find_refresh_token,
        find_api_key TO %s', runtime);
END
$$;
DROP FUNCTION search_customers, search_suppliers, search_products, search_orders;
DROP INDEX customers_words_idx, suppliers_words_idx, products_words_idx, orders_words_idx;
DROP FUNCTION customer_words, supplier_words, product_words, order_words, comptoir_search, comptoir_search_word, comptoir_words, comptoir_plain;
-- The extension unaccent stays: others may use it.
DROP TEXT SEARCH CONFIGURATION comptoir_simple;
DROP TEXT SEARCH CONFIGURATION comptoir_french;
DROP TEXT SEARCH CONFIGURATION comptoir_english;
DROP INDEX customers_updated_at_idx, suppliers_updated_at_idx, products_updated_at_idx, orders_updated_at_idx;
ALTER TABLE customers DROP COLUMN external_id;
ALTER TABLE suppliers DROP COLUMN external_id;
ALTER TABLE products DROP COLUMN external_id;
ALTER TABLE orders DROP COLUMN external_id;
