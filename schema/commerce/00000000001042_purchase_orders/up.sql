-- Purchase orders: what was ordered from a supplier, what is expected when, and what of it has come.

CREATE TABLE purchase_orders (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    version      bigint      NOT NULL CHECK (version > 0),
    reference    text,
    supplier_id  uuid        NOT NULL,
    -- Where the goods are to come.
    warehouse_id uuid        NOT NULL,
    state        text        NOT NULL CHECK (state IN ('ordered', 'partly_received', 'received', 'cancelled')),
    ordered_on   date        NOT NULL,
    expected_on  date,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT purchase_orders_reference_key UNIQUE (tenant_id, reference),
    CONSTRAINT purchase_orders_expected CHECK (expected_on >= ordered_on),
    CONSTRAINT purchase_orders_supplier_fkey FOREIGN KEY (tenant_id, supplier_id) REFERENCES suppliers (tenant_id, id)
);
CREATE INDEX purchase_orders_created_at_idx ON purchase_orders (tenant_id, created_at, id);
CREATE INDEX purchase_orders_updated_at_idx ON purchase_orders (tenant_id, updated_at, id);
CREATE INDEX purchase_orders_state_idx ON purchase_orders (tenant_id, state, created_at, id);
CREATE INDEX purchase_orders_supplier_idx ON purchase_orders (tenant_id, supplier_id, created_at, id);
CREATE INDEX purchase_orders_expected_on_idx ON purchase_orders (tenant_id, expected_on);

-- A product that a line names is never deleted: it is marked as ordered.
CREATE TABLE purchase_order_lines (
    tenant_id         uuid           NOT NULL,
    purchase_order_id uuid           NOT NULL,
    -- Counts from 1.
    position          smallint       NOT NULL CHECK (position > 0),
    product_id        uuid           NOT NULL,
    sku               text           NOT NULL,
    name              text           NOT NULL,
    quantity          numeric(19, 6) NOT NULL CHECK (quantity > 0::numeric),
    -- NULL if nothing was agreed.
    unit_cost         numeric(19, 6) CHECK (unit_cost >= 0::numeric),
    -- Where the line has another day than the order.
    expected_on       date,
    -- Perhaps more than was ordered.
    received          numeric(19, 6) NOT NULL CHECK (received >= 0::numeric),
    PRIMARY KEY (tenant_id, purchase_order_id, position),
    CONSTRAINT purchase_order_lines_order_fkey FOREIGN KEY (tenant_id, purchase_order_id) REFERENCES purchase_orders (tenant_id, id)
);

-- The purchase order of which a receipt's goods are. Receipts of before have none, so there is no row to look at.
ALTER TABLE stock_documents ADD COLUMN purchase_order_id uuid;
ALTER TABLE stock_documents ADD CONSTRAINT stock_documents_purchase_order_fkey
    FOREIGN KEY (tenant_id, purchase_order_id) REFERENCES purchase_orders (tenant_id, id) NOT VALID;

CREATE FUNCTION purchase_order_words(tenant uuid, reference text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN comptoir_words(tenant, COALESCE(reference, ''::text), ''::text);
CREATE INDEX purchase_orders_words_idx ON purchase_orders USING gin (purchase_order_words(tenant_id, reference))
    WHERE reference IS NOT NULL;

DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION search_purchase_orders(texts text, most bigint) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT id FROM @schema@.purchase_orders WHERE @schema@.purchase_order_words(tenant_id, reference) @@ @schema@.comptoir_search(texts)
        AND reference IS NOT NULL AND (tenant_id = @schema@.comptoir_tenant()) IS TRUE LIMIT most
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION search_purchase_orders FROM PUBLIC;

CALL comptoir_protect('purchase_orders'::regclass);
CALL comptoir_protect('purchase_order_lines'::regclass);
INSERT INTO runtime_privileges VALUES
    ('purchase_orders', 'SELECT, INSERT, UPDATE'),
    ('purchase_order_lines', 'SELECT, INSERT, DELETE');

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
