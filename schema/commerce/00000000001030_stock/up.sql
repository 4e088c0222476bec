-- Stock: what lies in each warehouse, what of it is promised to orders, and the ledger that explains both.

-- One row per product and warehouse. A change locks it first; its events are in the order of its versions.
CREATE TABLE stock_levels (
    tenant_id        uuid           NOT NULL,
    id               uuid           NOT NULL,
    version          bigint         NOT NULL CHECK (version > 0),
    warehouse_id     uuid           NOT NULL,
    product_id       uuid           NOT NULL,
    -- As the product is called now, so that the list is sorted and searched by itself.
    sku              text           NOT NULL,
    name             text           NOT NULL,
    on_hand          numeric(19, 6) NOT NULL,
    reserved         numeric(19, 6) NOT NULL,
    -- What orders wait for.
    waiting          numeric(19, 6) NOT NULL CHECK (waiting >= 0::numeric),
    -- The weighted average of what the units on hand cost, each (CUMP).
    average_cost     numeric(19, 6) NOT NULL CHECK (average_cost >= 0::numeric),
    reorder_point    numeric(19, 6) CHECK (reorder_point >= 0::numeric),
    reorder_quantity numeric(19, 6) CHECK (reorder_quantity > 0::numeric),
    -- Whether what is available is at the reorder point or below it.
    low              boolean        NOT NULL,
    -- When stock.level_changed was told last, and whether something changed since.
    told_at          timestamptz,
    untold           boolean        NOT NULL,
    -- The number of its movements.
    movements        bigint         NOT NULL CHECK (movements >= 0),
    created_at       timestamptz    NOT NULL,
    updated_at       timestamptz    NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT stock_levels_place_key UNIQUE (tenant_id, warehouse_id, product_id),
    CONSTRAINT stock_levels_covered CHECK (0::numeric <= reserved AND reserved <= on_hand),
    CONSTRAINT stock_levels_reorder CHECK ((reorder_point IS NULL) = (reorder_quantity IS NULL)),
    CONSTRAINT stock_levels_warehouse_fkey FOREIGN KEY (tenant_id, warehouse_id) REFERENCES warehouses (tenant_id, id),
    CONSTRAINT stock_levels_product_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id)
) WITH (fillfactor = 70);
-- No index has a column that every movement changes: such an update writes the row alone.
CREATE INDEX stock_levels_sku_idx ON stock_levels (tenant_id, sku, id);
CREATE INDEX stock_levels_name_idx ON stock_levels (tenant_id, name, id);
CREATE INDEX stock_levels_warehouse_sku_idx ON stock_levels (tenant_id, warehouse_id, sku, id);
CREATE INDEX stock_levels_warehouse_name_idx ON stock_levels (tenant_id, warehouse_id, name, id);
CREATE INDEX stock_levels_product_idx ON stock_levels (tenant_id, product_id);
CREATE INDEX stock_levels_low_idx ON stock_levels (tenant_id, sku, id) WHERE low;
CREATE INDEX stock_levels_untold_idx ON stock_levels (told_at, tenant_id, id) WHERE untold;

-- Everything that changed a level, in its order. Nobody changes a movement.
CREATE TABLE stock_movements (
    tenant_id       uuid           NOT NULL,
    stock_id        uuid           NOT NULL,
    -- Counts from 1 within a level.
    position        bigint         NOT NULL CHECK (position > 0),
    id              uuid           NOT NULL,
    warehouse_id    uuid           NOT NULL,
    product_id      uuid           NOT NULL,
    kind            text           NOT NULL CHECK (kind IN ('receipt', 'issue', 'transfer', 'adjustment', 'return', 'write_off',
        'reservation', 'release')),
    on_hand_change  numeric(19, 6) NOT NULL,
    reserved_change numeric(19, 6) NOT NULL,
    -- What a unit of it cost: given by a receipt or an adjustment, the average otherwise. NULL where nothing moved.
    unit_cost       numeric(19, 6),
    on_hand         numeric(19, 6) NOT NULL,
    reserved        numeric(19, 6) NOT NULL,
    average_cost    numeric(19, 6) NOT NULL,
    reason          text,
    document_type   text           NOT NULL,
    document_id     uuid           NOT NULL,
    document_line   smallint,
    actor_type      text           NOT NULL,
    actor_id        uuid,
    actor_name      text           NOT NULL,
    correlation_id  text           NOT NULL,
    business_date   date           NOT NULL,
    recorded_at     timestamptz    NOT NULL,
    PRIMARY KEY (tenant_id, stock_id, position),
    CONSTRAINT stock_movements_cost CHECK ((on_hand_change = 0::numeric) = (unit_cost IS NULL))
);
CREATE INDEX stock_movements_recorded_at_idx ON stock_movements (tenant_id, recorded_at, id);
CREATE INDEX stock_movements_product_idx ON stock_movements (tenant_id, product_id, recorded_at, id);
CREATE INDEX stock_movements_document_idx ON stock_movements (tenant_id, document_id, recorded_at, id);

CREATE FUNCTION stock_movements_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a stock movement is never changed or removed: post another one that corrects it'
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER stock_movements_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON stock_movements
    FOR EACH STATEMENT EXECUTE FUNCTION stock_movements_are_kept();

-- What an order line has of the stock, or waits for, until it has left or is cancelled. It is written in the transaction of its order,
-- which is never deleted: a foreign key would lock every line once more.
CREATE TABLE stock_reservations (
    tenant_id    uuid           NOT NULL,
    order_id     uuid           NOT NULL,
    -- The line's position.
    position     smallint       NOT NULL,
    warehouse_id uuid           NOT NULL,
    product_id   uuid           NOT NULL,
    reserved     numeric(19, 6) NOT NULL CHECK (reserved >= 0::numeric),
    waiting      numeric(19, 6) NOT NULL CHECK (waiting >= 0::numeric),
    -- When the order was placed: the queue's order.
    placed_at    timestamptz    NOT NULL,
    PRIMARY KEY (tenant_id, order_id, position),
    CONSTRAINT stock_reservations_something CHECK (reserved + waiting > 0::numeric)
);
CREATE INDEX stock_reservations_product_idx ON stock_reservations (tenant_id, warehouse_id, product_id, placed_at, order_id, position);
CREATE INDEX stock_reservations_waiting_idx ON stock_reservations (tenant_id, warehouse_id, product_id, placed_at, order_id, position)
    WHERE waiting > 0::numeric;

-- What moved goods other than orders: receipts, adjustments, write-offs, transfers. Its lines are its movements.
CREATE TABLE stock_documents (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    kind            text        NOT NULL CHECK (kind IN ('receipt', 'adjustment', 'write_off', 'transfer')),
    warehouse_id    uuid        NOT NULL,
    -- Of a transfer: where the goods went.
    to_warehouse_id uuid,
    supplier_id     uuid,
    reference       text,
    reason          text,
    business_date   date        NOT NULL,
    lines           smallint    NOT NULL CHECK (lines > 0),
    created_by      text        NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT stock_documents_reference_key UNIQUE (tenant_id, kind, reference),
    CONSTRAINT stock_documents_supplier_fkey FOREIGN KEY (tenant_id, supplier_id) REFERENCES suppliers (tenant_id, id),
    CONSTRAINT stock_documents_transfer CHECK ((kind = 'transfer'::text) = (to_warehouse_id IS NOT NULL))
);
CREATE INDEX stock_documents_created_at_idx ON stock_documents (tenant_id, created_at, id);
CREATE INDEX stock_documents_kind_idx ON stock_documents (tenant_id, kind, created_at, id);
CREATE INDEX stock_documents_supplier_idx ON stock_documents (tenant_id, supplier_id) WHERE supplier_id IS NOT NULL;

ALTER TABLE orders ADD COLUMN warehouse_id uuid;
ALTER TABLE orders ADD COLUMN back_order boolean NOT NULL DEFAULT false;
ALTER TABLE orders ADD COLUMN ordered_on date;
-- Lines of before, and of replicas of the version before, have no part in the stock.
ALTER TABLE order_lines ADD COLUMN stocked boolean NOT NULL DEFAULT false;

CREATE FUNCTION stock_words(tenant uuid, sku text, name text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN comptoir_words(tenant, sku, name);
CREATE INDEX stock_levels_words_idx ON stock_levels USING gin (stock_words(tenant_id, sku, name));

DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION search_stock(texts text, most bigint) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT id FROM @schema@.stock_levels WHERE @schema@.stock_words(tenant_id, sku, name) @@ @schema@.comptoir_search(texts)
        AND (tenant_id = @schema@.comptoir_tenant()) IS TRUE LIMIT most
$$;

-- Levels of which a change was not told yet, and could be by now; the oldest first.
CREATE FUNCTION untold_stock(told_before timestamptz, most bigint) RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.tenant_id, s.id FROM @schema@.stock_levels AS s WHERE s.untold AND s.told_at < $1 ORDER BY s.told_at LIMIT $2
$$;

-- Looks at so many places behind this one, at most, for which orders wait: products in warehouses. Returns those where goods are available,
-- and the last one that it came to, if it stopped there. Each place is found by one step along the index of those who wait.
CREATE FUNCTION stock_to_promise(after_tenant uuid, after_warehouse uuid, after_product uuid, most bigint)
    RETURNS TABLE (tenant_id uuid, warehouse_id uuid, product_id uuid, has_goods boolean, is_last boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE place AS (
        (SELECT r.tenant_id, r.warehouse_id, r.product_id, 1::bigint AS number FROM @schema@.stock_reservations AS r
        WHERE r.waiting > 0::numeric AND (r.tenant_id, r.warehouse_id, r.product_id) > ($1, $2, $3)
        ORDER BY r.tenant_id, r.warehouse_id, r.product_id LIMIT 1)
        UNION ALL
        SELECT next.tenant_id, next.warehouse_id, next.product_id, place.number + 1::bigint FROM place, LATERAL (
            SELECT r.tenant_id, r.warehouse_id, r.product_id FROM @schema@.stock_reservations AS r
            WHERE r.waiting > 0::numeric
                AND (r.tenant_id, r.warehouse_id, r.product_id) > (place.tenant_id, place.warehouse_id, place.product_id)
            ORDER BY r.tenant_id, r.warehouse_id, r.product_id LIMIT 1
        ) AS next
        WHERE place.number < $4
    ),
    looked AS MATERIALIZED (
        SELECT p.tenant_id, p.warehouse_id, p.product_id, (
            SELECT s.on_hand > s.reserved FROM @schema@.stock_levels AS s
            WHERE s.tenant_id = p.tenant_id AND s.warehouse_id = p.warehouse_id AND s.product_id = p.product_id
        ) IS TRUE AS has_goods, p.number = $4 AS is_last
        FROM place AS p
    )
    SELECT l.tenant_id, l.warehouse_id, l.product_id, l.has_goods, l.is_last FROM looked AS l WHERE l.has_goods OR l.is_last
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION search_stock, untold_stock, stock_to_promise FROM PUBLIC;

CALL comptoir_protect('stock_levels'::regclass);
CALL comptoir_protect('stock_movements'::regclass);
CALL comptoir_protect('stock_reservations'::regclass);
CALL comptoir_protect('stock_documents'::regclass);
INSERT INTO runtime_privileges VALUES
    ('stock_levels', 'SELECT, INSERT, UPDATE'),
    ('stock_movements', 'SELECT, INSERT'),
    ('stock_reservations', 'SELECT, INSERT, UPDATE, DELETE'),
    ('stock_documents', 'SELECT, INSERT');

-- Whoever may call the one may call the others: the services' log-in needs no further step.
DO $$
DECLARE
    services pg_catalog.oid;
BEGIN
    FOR services IN
        SELECT DISTINCT acl.grantee FROM pg_catalog.pg_proc AS p, pg_catalog.aclexplode(p.proacl) AS acl
        WHERE p.oid OPERATOR(pg_catalog.=) 'due_email_lanes'::pg_catalog.regproc::pg_catalog.oid
            AND acl.privilege_type OPERATOR(pg_catalog.=) 'EXECUTE'::pg_catalog.text
            AND acl.grantee OPERATOR(pg_catalog.<>) p.proowner AND acl.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION untold_stock, stock_to_promise TO %s', services::pg_catalog.regrole);
    END LOOP;
END
$$;

CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT SELECT ON SEQUENCE outbox_events_seq_seq TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports, untold_stock,
        stock_to_promise TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION due_email_lanes, recent_emails, email_overview, claim_emails, settle_email, renew_emails,
        expire_emails, prune_emails, emails_of_all, email_tenants TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION trace_correlation TO %s', services);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_projections(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_auditor(%L::pg_catalog.regrole)', current_schema(), services::text);
END
$$;

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
