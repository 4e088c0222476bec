-- What a product is, for a warehouse: the unit of its quantities, whether it is kept in stock, its category and its barcodes.

-- A tree, ten levels deep at most. Whoever changes it holds the lock of the company's tree
-- (core/src/commerce/categories/repository.rs): no two moves make a cycle between them.
CREATE TABLE categories (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    version     bigint      NOT NULL CHECK (version > 0),
    -- The category's identifier in the client's own system.
    external_id text,
    code        text        NOT NULL,
    name        text        NOT NULL,
    -- NULL at the top.
    parent_id   uuid        CHECK (parent_id <> id),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT categories_code_key UNIQUE (tenant_id, code),
    CONSTRAINT categories_parent_fkey FOREIGN KEY (tenant_id, parent_id) REFERENCES categories (tenant_id, id)
);
CREATE UNIQUE INDEX categories_external_id_key ON categories (tenant_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX categories_parent_idx ON categories (tenant_id, parent_id, code, id);
CREATE INDEX categories_name_idx ON categories (tenant_id, name, id);
CREATE INDEX categories_created_at_idx ON categories (tenant_id, created_at, id);
CREATE INDEX categories_updated_at_idx ON categories (tenant_id, updated_at, id);
CALL comptoir_protect('categories'::regclass);
INSERT INTO runtime_privileges VALUES ('categories', 'SELECT, INSERT, UPDATE, DELETE');

CREATE FUNCTION category_words(tenant uuid, code text, external_id text, name text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN comptoir_words(tenant, code || ' '::text || COALESCE(external_id, ''::text), name);
CREATE INDEX categories_words_idx ON categories USING gin (category_words(tenant_id, code, external_id, name));

-- Its table is named in a text: otherwise no column of it could change its type.
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION search_categories(texts text, most bigint) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT id FROM @schema@.categories WHERE @schema@.category_words(tenant_id, code, external_id, name) @@ @schema@.comptoir_search(texts)
        AND (tenant_id = @schema@.comptoir_tenant()) IS TRUE LIMIT most
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION search_categories FROM PUBLIC;

-- The defaults are for the products that are there, and for those that a replica of the version before adds: their quantities stay as
-- fine as they were, and nothing is kept in stock. Constraints without a look at the rows: those have the defaults.
--
-- There is no foreign key to categories: a command that puts a product into a category holds a key-share lock on it, and deleting a
-- category takes its row exclusively and refuses while a product is in it.
ALTER TABLE products
    -- A code of UN/ECE recommendation 20, or of recommendation 21 with an X in front.
    ADD COLUMN unit text NOT NULL DEFAULT 'C62',
    -- How many decimals the quantity of an order's line may have.
    ADD COLUMN quantity_decimals smallint NOT NULL DEFAULT 6::smallint,
    ADD COLUMN stocked boolean NOT NULL DEFAULT false,
    ADD COLUMN category_id uuid,
    -- GTINs as the client wrote them, in the client's order.
    ADD COLUMN barcodes text[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT products_unit_check CHECK (unit ~ '^[A-Z0-9]{2,3}$') NOT VALID,
    ADD CONSTRAINT products_quantity_decimals_check CHECK (quantity_decimals BETWEEN 0::smallint AND 6::smallint) NOT VALID,
    ADD CONSTRAINT products_barcodes_check CHECK (pg_catalog.cardinality(barcodes) <= 20) NOT VALID;

-- Whose barcode it is, each with 14 digits, so that all ways to write one are the same. A replica of the version before deletes
-- products, and knows nothing of this.
CREATE TABLE product_barcodes (
    tenant_id  uuid NOT NULL,
    gtin       text NOT NULL CHECK (gtin ~ '^[0-9]{14}$'),
    product_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, gtin),
    CONSTRAINT product_barcodes_product_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX product_barcodes_product_idx ON product_barcodes (tenant_id, product_id);
CALL comptoir_protect('product_barcodes'::regclass);
INSERT INTO runtime_privileges VALUES ('product_barcodes', 'SELECT, INSERT, DELETE');

CREATE OR REPLACE PROCEDURE comptoir_grant_runtime(runtime regrole) LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), runtime);
    FOR granted IN SELECT p.table_name, p.privileges FROM runtime_privileges AS p LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %I TO %s', granted.privileges, granted.table_name, runtime);
    END LOOP;
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_append, audit_append, find_login, find_user_token, find_refresh_token,
        find_api_key, search_customers, search_suppliers, search_products, search_orders, search_categories, outbox_feed_page TO %s', runtime);
END
$$;
