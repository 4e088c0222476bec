-- Price lists (docs/prices.md): of a customer, of a group of customers, or of everybody; with periods that do not overlap.

-- Uuids and ranges in one exclusion constraint need btree_gist. It may lie in any schema: the constraint finds its default operator class by the type.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS btree_gist;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the extension btree_gist is missing and % may not create it; as somebody who may, in this database: '
            'CREATE EXTENSION btree_gist; then api migrate again', current_user;
    WHEN undefined_file OR feature_not_supported THEN
        RAISE EXCEPTION 'this PostgreSQL has no extension btree_gist: install its additional modules (such as the package '
            'postgresql-contrib), then api migrate again';
END
$$;

CREATE TABLE customer_groups (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    version    bigint      NOT NULL CHECK (version > 0),
    code       text        NOT NULL,
    name       text        NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT customer_groups_code_key UNIQUE (tenant_id, code)
);
CREATE INDEX customer_groups_name_idx ON customer_groups (tenant_id, name, id);
CREATE INDEX customer_groups_created_at_idx ON customer_groups (tenant_id, created_at, id);
CREATE INDEX customer_groups_updated_at_idx ON customer_groups (tenant_id, updated_at, id);

-- Customers may be many: their constraint comes without a look at the rows, none of which has a group.
ALTER TABLE customers
    ADD COLUMN group_id uuid,
    ADD CONSTRAINT customers_group_fkey FOREIGN KEY (tenant_id, group_id) REFERENCES customer_groups (tenant_id, id) NOT VALID;

CREATE TABLE price_lists (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    version     bigint      NOT NULL CHECK (version > 0),
    code        text        NOT NULL,
    name        text        NOT NULL,
    -- Whose prices they are: a customer's, a group's, or everybody's if both are NULL. It never changes.
    customer_id uuid,
    group_id    uuid,
    -- NULL is without a beginning, or without an end.
    valid_from  date,
    -- The first day on which they are not valid any more.
    valid_to    date,
    -- How many products have a price in it.
    entries     integer     NOT NULL CHECK (entries BETWEEN 0 AND 10000),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT price_lists_code_key UNIQUE (tenant_id, code),
    CONSTRAINT price_lists_one_target CHECK (customer_id IS NULL OR group_id IS NULL),
    CONSTRAINT price_lists_period CHECK (valid_to > valid_from),
    CONSTRAINT price_lists_customer_fkey FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    CONSTRAINT price_lists_group_fkey FOREIGN KEY (tenant_id, group_id) REFERENCES customer_groups (tenant_id, id)
);
CREATE INDEX price_lists_name_idx ON price_lists (tenant_id, name, id);
CREATE INDEX price_lists_created_at_idx ON price_lists (tenant_id, created_at, id);
CREATE INDEX price_lists_updated_at_idx ON price_lists (tenant_id, updated_at, id);
CREATE INDEX price_lists_customer_idx ON price_lists (tenant_id, customer_id, code) WHERE customer_id IS NOT NULL;
CREATE INDEX price_lists_customer_name_idx ON price_lists (tenant_id, customer_id, name, id) WHERE customer_id IS NOT NULL;
CREATE INDEX price_lists_group_idx ON price_lists (tenant_id, group_id, code) WHERE group_id IS NOT NULL;
CREATE INDEX price_lists_group_name_idx ON price_lists (tenant_id, group_id, name, id) WHERE group_id IS NOT NULL;

-- The price of a product in a list. Target and period are the list's once more: the constraint that keeps two lists of one target from pricing a product on the
-- same day needs them here.
CREATE TABLE price_list_entries (
    tenant_id       uuid             NOT NULL,
    list_id         uuid             NOT NULL,
    product_id      uuid             NOT NULL,
    id              uuid             NOT NULL,
    -- The customer, the group, or the nil UUID for everybody.
    target          uuid             NOT NULL,
    valid_from      date,
    valid_to        date,
    -- Breaks: from so many units on, each costs so much. The smallest first.
    from_quantities numeric(19, 6)[] NOT NULL,
    unit_prices     numeric(19, 6)[] NOT NULL,
    created_at      timestamptz      NOT NULL,
    updated_at      timestamptz      NOT NULL,
    PRIMARY KEY (tenant_id, list_id, product_id),
    CONSTRAINT price_list_entries_breaks
        CHECK (pg_catalog.cardinality(from_quantities) BETWEEN 1 AND 20
            AND pg_catalog.cardinality(unit_prices) = pg_catalog.cardinality(from_quantities)),
    CONSTRAINT price_list_entries_list_fkey FOREIGN KEY (tenant_id, list_id) REFERENCES price_lists (tenant_id, id),
    CONSTRAINT price_list_entries_overlap EXCLUDE USING gist (
        tenant_id WITH OPERATOR(pg_catalog.=), target WITH OPERATOR(pg_catalog.=), product_id WITH OPERATOR(pg_catalog.=),
        (pg_catalog.daterange(valid_from, valid_to, '[)'::text)) WITH OPERATOR(pg_catalog.&&))
);
CREATE INDEX price_list_entries_created_at_idx ON price_list_entries (tenant_id, list_id, created_at, id);
-- What applies to a product: orders ask for it.
CREATE INDEX price_list_entries_product_idx ON price_list_entries (tenant_id, product_id, target);

-- Which price a line of an order has; NULL is not known, of lines that are older than these columns.
ALTER TABLE order_lines
    ADD COLUMN price_source  text,
    ADD COLUMN price_list_id uuid,
    ADD CONSTRAINT order_lines_price_source_check CHECK (price_source IN ('list', 'product', 'given')) NOT VALID,
    ADD CONSTRAINT order_lines_price_list_check CHECK (price_list_id IS NULL OR price_source = 'list'::text) NOT VALID;

-- The same of a line of an invoice; NULL of those of credit notes and deposits, too. An invoice never changes, so neither does this.
ALTER TABLE invoice_lines
    ADD COLUMN price_source  text,
    ADD COLUMN price_list_id uuid,
    ADD CONSTRAINT invoice_lines_price_source_check CHECK (price_source IN ('list', 'product', 'given')) NOT VALID;

ALTER TABLE imports
    DROP CONSTRAINT imports_kind_check,
    ADD CONSTRAINT imports_kind_check CHECK (kind IN ('customers', 'suppliers', 'products', 'stock', 'prices')) NOT VALID;

CALL comptoir_protect('customer_groups'::regclass);
CALL comptoir_protect('price_lists'::regclass);
CALL comptoir_protect('price_list_entries'::regclass);
INSERT INTO runtime_privileges VALUES
    ('customer_groups', 'SELECT, INSERT, UPDATE, DELETE'),
    ('price_lists', 'SELECT, INSERT, UPDATE, DELETE'),
    ('price_list_entries', 'SELECT, INSERT, UPDATE, DELETE');

CREATE FUNCTION customer_group_words(tenant uuid, code text, name text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN comptoir_words(tenant, code, name);
CREATE INDEX customer_groups_words_idx ON customer_groups USING gin (customer_group_words(tenant_id, code, name));

CREATE FUNCTION price_list_words(tenant uuid, code text, name text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN comptoir_words(tenant, code, name);
CREATE INDEX price_lists_words_idx ON price_lists USING gin (price_list_words(tenant_id, code, name));

DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION search_customer_groups(texts text, most bigint) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT id FROM @schema@.customer_groups WHERE @schema@.customer_group_words(tenant_id, code, name) @@ @schema@.comptoir_search(texts)
        AND (tenant_id = @schema@.comptoir_tenant()) IS TRUE LIMIT most
$$;
CREATE FUNCTION search_price_lists(texts text, most bigint) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT id FROM @schema@.price_lists WHERE @schema@.price_list_words(tenant_id, code, name) @@ @schema@.comptoir_search(texts)
        AND (tenant_id = @schema@.comptoir_tenant()) IS TRUE LIMIT most
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION search_customer_groups, search_price_lists FROM PUBLIC;

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
        search_locations, search_stock, search_purchase_orders, search_invoices, search_customer_groups, search_price_lists, invoice_draw,
        invoice_link, outbox_feed_page TO %s', runtime);
END
$$;
