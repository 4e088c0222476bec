-- Projections: reads that are kept from the events which come back through the broker, and the inbox in which these arrive first.
--
-- What is kept belongs to a generation. Readers take the live one; a rebuild fills another from the write model, beside it, and
-- then makes that one the live one.

-- Every message that arrived, once. It is worked off afterwards, per aggregate in the order of its versions.
CREATE TABLE projection_inbox (
    -- As the message says; all zeros if it says none.
    tenant_id         uuid        NOT NULL,
    -- The message id where it is a UUID, as the relay's are.
    id                uuid        NOT NULL,
    consumer          text        NOT NULL,
    message_id        text        NOT NULL,
    -- The order of arrival.
    number            bigint      GENERATED ALWAYS AS IDENTITY,
    aggregate_type    text        NOT NULL,
    -- That of the message where it names no aggregate: it then holds nothing back.
    aggregate_id      text        NOT NULL,
    aggregate_version bigint,
    event_type        text        NOT NULL,
    schema_version    bigint,
    payload           bytea       NOT NULL,
    correlation_id    text,
    causation_id      text,
    occurred_at       timestamptz,
    received_at       timestamptz NOT NULL DEFAULT now(),
    -- dead: it failed too often; it holds its aggregate until somebody decides. discarded: somebody decided against it.
    state             text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'applied', 'dead', 'discarded')),
    -- Somebody decided against it: its turn comes, and nothing is applied.
    skip              boolean     NOT NULL DEFAULT false,
    attempts          integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at   timestamptz NOT NULL DEFAULT now(),
    last_error        text,
    -- The version that must come first and has not arrived.
    missing_version   bigint,
    -- The order in which messages were applied, or discarded, and when.
    applied           bigint,
    applied_at        timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT projection_inbox_message_key UNIQUE (consumer, message_id),
    CONSTRAINT projection_inbox_applied_or_not CHECK ((applied IS NULL) = (state IN ('waiting', 'dead')))
);
-- What is open, by tenant and by aggregate.
CREATE INDEX projection_inbox_waiting_idx ON projection_inbox (tenant_id, number) WHERE state = 'waiting';
CREATE INDEX projection_inbox_open_idx ON projection_inbox (tenant_id, aggregate_id) WHERE state IN ('waiting', 'dead');
CREATE INDEX projection_inbox_applied_idx ON projection_inbox (applied) WHERE applied IS NOT NULL;
CREATE INDEX projection_inbox_list_idx ON projection_inbox (tenant_id, state, received_at, id);
-- Rows arrive in the order of received_at.
CREATE INDEX projection_inbox_received_at_idx ON projection_inbox USING brin (received_at);
CALL comptoir_protect('projection_inbox'::regclass);
-- A company decides about its own messages that failed.
INSERT INTO runtime_privileges VALUES ('projection_inbox', 'SELECT, UPDATE (state, skip, attempts, next_attempt_at, last_error)');

-- Which generation is live. Whoever applies locks this row: one transaction at a time applies, however many processes there are.
CREATE TABLE projection_state (
    consumer   text        PRIMARY KEY,
    generation integer     NOT NULL,
    -- When it was built; NULL: never, and nothing is applied before.
    built_at   timestamptz,
    -- The last number in the order of application.
    applied    bigint      NOT NULL,
    -- Why a rebuild is needed.
    wanted     text
);
INSERT INTO projection_state VALUES ('projections', 0, NULL, 0, 'it was never built');
INSERT INTO runtime_privileges VALUES ('projection_state', 'SELECT');

-- Rebuilds: of each, how far it is. One at a time.
CREATE TABLE projection_rebuilds (
    id           uuid        PRIMARY KEY,
    consumer     text        NOT NULL,
    generation   integer     NOT NULL UNIQUE,
    -- Why, in words.
    reason       text        NOT NULL,
    -- Only compared with the live generation, and thrown away.
    only_compare boolean     NOT NULL,
    state        text        NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    phase        text        NOT NULL CHECK (phase IN ('orders', 'customers', 'products', 'gone', 'inbox', 'over')),
    -- The last row of the phase that was read.
    after_tenant uuid        NOT NULL,
    after_id     uuid        NOT NULL,
    -- Up to where in the order of application it has followed the inbox.
    followed     bigint      NOT NULL,
    done         bigint      NOT NULL,
    -- Roughly.
    total        bigint      NOT NULL,
    -- Rows that differ from the live generation, where they were compared.
    differences  bigint,
    error        text,
    started_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    finished_at  timestamptz
);
CREATE UNIQUE INDEX projection_rebuilds_running_key ON projection_rebuilds (consumer) WHERE state = 'running';
CREATE INDEX projection_rebuilds_started_at_idx ON projection_rebuilds (started_at);

-- Up to which version each aggregate was applied. The highest number there is: it was gone when the generation was built.
CREATE TABLE projection_positions (
    tenant_id    uuid    NOT NULL,
    generation   integer NOT NULL,
    aggregate_id uuid    NOT NULL,
    version      bigint  NOT NULL,
    PRIMARY KEY (generation, tenant_id, aggregate_id)
);
CALL comptoir_protect('projection_positions'::regclass);

-- What the event of an order said that later ones do not repeat.
CREATE TABLE projection_orders (
    tenant_id   uuid           NOT NULL,
    generation  integer        NOT NULL,
    order_id    uuid           NOT NULL,
    customer_id uuid           NOT NULL,
    currency    text           NOT NULL,
    net_total   numeric(19, 2) NOT NULL,
    vat_total   numeric(19, 2) NOT NULL,
    gross_total numeric(19, 2) NOT NULL,
    placed_at   timestamptz    NOT NULL,
    PRIMARY KEY (generation, tenant_id, order_id)
);
CALL comptoir_protect('projection_orders'::regclass);

CREATE TABLE projection_order_products (
    tenant_id  uuid           NOT NULL,
    generation integer        NOT NULL,
    order_id   uuid           NOT NULL,
    product_id uuid           NOT NULL,
    quantity   numeric(25, 6) NOT NULL,
    net_amount numeric(19, 2) NOT NULL,
    PRIMARY KEY (generation, tenant_id, order_id, product_id)
);
CALL comptoir_protect('projection_order_products'::regclass);

-- What happened to each order, and when.
CREATE TABLE order_timeline (
    tenant_id       uuid        NOT NULL,
    generation      integer     NOT NULL,
    order_id        uuid        NOT NULL,
    version         bigint      NOT NULL,
    -- The same in every generation: lists go on behind it.
    id              uuid        NOT NULL GENERATED ALWAYS AS (md5(order_id::text || ' '::text || version::text)::uuid) STORED,
    event           text        NOT NULL,
    occurred_at     timestamptz NOT NULL,
    reference       text,
    customer_id     uuid        NOT NULL,
    tracking_number text,
    reason          text,
    -- Of the request that caused it: with it, the audit trail says who.
    request_id      text,
    PRIMARY KEY (generation, tenant_id, order_id, version)
);
CREATE INDEX order_timeline_occurred_at_idx ON order_timeline (tenant_id, generation, occurred_at, id);
CREATE INDEX order_timeline_order_idx ON order_timeline (tenant_id, generation, order_id, occurred_at, id);
CREATE INDEX order_timeline_customer_idx ON order_timeline (tenant_id, generation, customer_id, occurred_at, id);
CALL comptoir_protect('order_timeline'::regclass);
INSERT INTO runtime_privileges VALUES ('order_timeline', 'SELECT');

-- What was sold, by the day (UTC) on which it was ordered. A cancelled order counts among the cancelled ones of its day.
CREATE TABLE sales_by_day (
    tenant_id             uuid           NOT NULL,
    generation            integer        NOT NULL,
    -- The beginning of the day.
    day                   timestamptz    NOT NULL,
    currency              text           NOT NULL,
    id                    uuid           NOT NULL GENERATED ALWAYS AS (md5(currency)::uuid) STORED,
    orders                bigint         NOT NULL,
    net_total             numeric(24, 2) NOT NULL,
    vat_total             numeric(24, 2) NOT NULL,
    gross_total           numeric(24, 2) NOT NULL,
    cancelled_orders      bigint         NOT NULL,
    cancelled_gross_total numeric(24, 2) NOT NULL,
    PRIMARY KEY (generation, tenant_id, day, currency)
);
CREATE INDEX sales_by_day_day_idx ON sales_by_day (tenant_id, generation, day, id);
CALL comptoir_protect('sales_by_day'::regclass);
INSERT INTO runtime_privileges VALUES ('sales_by_day', 'SELECT');

CREATE TABLE sales_by_product (
    tenant_id       uuid           NOT NULL,
    generation      integer        NOT NULL,
    product_id      uuid           NOT NULL,
    sku             text           NOT NULL,
    name            text           NOT NULL,
    archived        boolean        NOT NULL,
    -- NULL until it was ordered.
    currency        text,
    orders          bigint         NOT NULL,
    quantity        numeric(28, 6) NOT NULL,
    net_total       numeric(24, 2) NOT NULL,
    last_ordered_at timestamptz,
    PRIMARY KEY (generation, tenant_id, product_id)
);
CREATE INDEX sales_by_product_sku_idx ON sales_by_product (tenant_id, generation, sku, product_id);
CREATE INDEX sales_by_product_name_idx ON sales_by_product (tenant_id, generation, name, product_id);
CREATE INDEX sales_by_product_net_total_idx ON sales_by_product (tenant_id, generation, net_total, product_id);
CALL comptoir_protect('sales_by_product'::regclass);
INSERT INTO runtime_privileges VALUES ('sales_by_product', 'SELECT');

CREATE TABLE customer_activity (
    tenant_id        uuid           NOT NULL,
    generation       integer        NOT NULL,
    customer_id      uuid           NOT NULL,
    -- NULL while an order is known and the customer is not yet: their events may come in either order.
    code             text,
    name             text,
    currency         text,
    orders           bigint         NOT NULL,
    cancelled_orders bigint         NOT NULL,
    gross_total      numeric(24, 2) NOT NULL,
    first_order_at   timestamptz,
    last_order_at    timestamptz,
    last_activity_at timestamptz    NOT NULL,
    PRIMARY KEY (generation, tenant_id, customer_id)
);
CREATE INDEX customer_activity_last_activity_idx ON customer_activity (tenant_id, generation, last_activity_at, customer_id);
CREATE INDEX customer_activity_gross_total_idx ON customer_activity (tenant_id, generation, gross_total, customer_id);
CALL comptoir_protect('customer_activity'::regclass);
INSERT INTO runtime_privileges VALUES ('customer_activity', 'SELECT');

-- A rebuild reads the write model of all tenants by these alone: each adds a number of aggregates to a generation that is being built,
-- with all that follows from them, in one statement and so in one snapshot, and says the last one and how many there were. The
-- tables are named in texts: otherwise no column of them could change its type.
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($functions$

-- Only a generation that is being built: what readers see is changed by events alone.
CREATE FUNCTION projection_is_built(generation integer) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM @schema@.projection_rebuilds AS r WHERE r.generation = projection_is_built.generation AND r.state = 'running')
$$;

CREATE FUNCTION projection_fill_orders(generation integer, after_tenant uuid, after_id uuid, most integer)
    RETURNS TABLE (last_tenant uuid, last_id uuid, filled bigint)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH batch AS MATERIALIZED (
        SELECT o.*, o.status = 'cancelled' AS is_cancelled,
            pg_catalog.date_trunc('day', o.placed_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS day
        FROM @schema@.orders AS o
        WHERE (o.tenant_id, o.id) > (after_tenant, after_id) AND (SELECT @schema@.projection_is_built(projection_fill_orders.generation))
        ORDER BY o.tenant_id, o.id LIMIT most
    ), sold AS MATERIALIZED (
        SELECT b.tenant_id, b.id AS order_id, l.product_id, pg_catalog.max(l.sku) AS sku, pg_catalog.max(l.name) AS name,
            pg_catalog.sum(l.quantity) AS quantity, pg_catalog.sum(l.net_amount) AS net_amount,
            b.is_cancelled, b.currency, b.placed_at
        FROM batch AS b JOIN @schema@.order_lines AS l ON l.tenant_id = b.tenant_id AND l.order_id = b.id
        GROUP BY b.tenant_id, b.id, l.product_id, b.is_cancelled, b.currency, b.placed_at
    ), kept AS (
        INSERT INTO @schema@.projection_orders (tenant_id, generation, order_id, customer_id, currency, net_total, vat_total,
            gross_total, placed_at)
        SELECT b.tenant_id, $1, b.id, b.customer_id, b.currency, b.net_total, b.vat_total, b.gross_total, b.placed_at FROM batch AS b
    ), kept_products AS (
        INSERT INTO @schema@.projection_order_products (tenant_id, generation, order_id, product_id, quantity, net_amount)
        SELECT s.tenant_id, $1, s.order_id, s.product_id, s.quantity, s.net_amount FROM sold AS s
    ), placed AS (
        INSERT INTO @schema@.projection_positions (tenant_id, generation, aggregate_id, version)
        SELECT b.tenant_id, $1, b.id, b.version FROM batch AS b
    ), times AS (
        INSERT INTO @schema@.order_timeline (tenant_id, generation, order_id, version, event, occurred_at, reference, customer_id,
            tracking_number, reason, request_id)
        SELECT b.tenant_id, $1, b.id, t.version, t.event, t.occurred_at, b.reference, b.customer_id,
            CASE t.event WHEN 'order.shipped' THEN b.tracking_number END,
            CASE t.event WHEN 'order.cancelled' THEN b.cancellation_reason END, t.request_id
        FROM batch AS b CROSS JOIN LATERAL (
            SELECT k.event, a.occurred_at, a.request_id,
                -- Each command on an order is one version. The texts of a row may have been erased, its time is not.
                pg_catalog.row_number() OVER (ORDER BY a.occurred_at, k.place) AS version
            FROM @schema@.audit_events AS a JOIN (VALUES ('order.place', 'order.placed', 1), ('order.confirm', 'order.confirmed', 2),
                ('order.ship', 'order.shipped', 3), ('order.deliver', 'order.delivered', 4), ('order.cancel', 'order.cancelled', 5))
                AS k (action, event, place) ON k.action = a.action
            WHERE a.tenant_id = b.tenant_id AND a.resource_id = b.id::text
        ) AS t
    ), days AS (
        INSERT INTO @schema@.sales_by_day AS d (tenant_id, generation, day, currency, orders, net_total, vat_total, gross_total,
            cancelled_orders, cancelled_gross_total)
        SELECT b.tenant_id, $1, b.day, b.currency, pg_catalog.count(*) FILTER (WHERE NOT b.is_cancelled),
            COALESCE(pg_catalog.sum(b.net_total) FILTER (WHERE NOT b.is_cancelled), 0),
            COALESCE(pg_catalog.sum(b.vat_total) FILTER (WHERE NOT b.is_cancelled), 0),
            COALESCE(pg_catalog.sum(b.gross_total) FILTER (WHERE NOT b.is_cancelled), 0),
            pg_catalog.count(*) FILTER (WHERE b.is_cancelled),
            COALESCE(pg_catalog.sum(b.gross_total) FILTER (WHERE b.is_cancelled), 0)
        FROM batch AS b GROUP BY b.tenant_id, b.day, b.currency
        ON CONFLICT ON CONSTRAINT sales_by_day_pkey DO UPDATE SET orders = d.orders + EXCLUDED.orders,
            net_total = d.net_total + EXCLUDED.net_total, vat_total = d.vat_total + EXCLUDED.vat_total,
            gross_total = d.gross_total + EXCLUDED.gross_total, cancelled_orders = d.cancelled_orders + EXCLUDED.cancelled_orders,
            cancelled_gross_total = d.cancelled_gross_total + EXCLUDED.cancelled_gross_total
    ), products AS (
        INSERT INTO @schema@.sales_by_product AS p (tenant_id, generation, product_id, sku, name, archived, currency, orders, quantity,
            net_total, last_ordered_at)
        SELECT s.tenant_id, $1, s.product_id, pg_catalog.max(s.sku), pg_catalog.max(s.name), false, pg_catalog.max(s.currency),
            pg_catalog.count(*) FILTER (WHERE NOT s.is_cancelled),
            COALESCE(pg_catalog.sum(s.quantity) FILTER (WHERE NOT s.is_cancelled), 0),
            COALESCE(pg_catalog.sum(s.net_amount) FILTER (WHERE NOT s.is_cancelled), 0), pg_catalog.max(s.placed_at)
        FROM sold AS s GROUP BY s.tenant_id, s.product_id
        ON CONFLICT ON CONSTRAINT sales_by_product_pkey DO UPDATE SET currency = EXCLUDED.currency, orders = p.orders + EXCLUDED.orders,
            quantity = p.quantity + EXCLUDED.quantity, net_total = p.net_total + EXCLUDED.net_total,
            last_ordered_at = GREATEST(p.last_ordered_at, EXCLUDED.last_ordered_at)
    ), customers AS (
        INSERT INTO @schema@.customer_activity AS c (tenant_id, generation, customer_id, currency, orders, cancelled_orders, gross_total,
            first_order_at, last_order_at, last_activity_at)
        SELECT b.tenant_id, $1, b.customer_id, pg_catalog.max(b.currency), pg_catalog.count(*) FILTER (WHERE NOT b.is_cancelled),
            pg_catalog.count(*) FILTER (WHERE b.is_cancelled),
            COALESCE(pg_catalog.sum(b.gross_total) FILTER (WHERE NOT b.is_cancelled), 0),
            pg_catalog.min(b.placed_at), pg_catalog.max(b.placed_at), pg_catalog.max(b.updated_at)
        FROM batch AS b GROUP BY b.tenant_id, b.customer_id
        ON CONFLICT ON CONSTRAINT customer_activity_pkey DO UPDATE SET currency = EXCLUDED.currency, orders = c.orders + EXCLUDED.orders,
            cancelled_orders = c.cancelled_orders + EXCLUDED.cancelled_orders, gross_total = c.gross_total + EXCLUDED.gross_total,
            first_order_at = LEAST(c.first_order_at, EXCLUDED.first_order_at),
            last_order_at = GREATEST(c.last_order_at, EXCLUDED.last_order_at),
            last_activity_at = GREATEST(c.last_activity_at, EXCLUDED.last_activity_at)
    )
    SELECT b.tenant_id, b.id, pg_catalog.count(*) OVER () FROM batch AS b ORDER BY b.tenant_id DESC, b.id DESC LIMIT 1
$$;

CREATE FUNCTION projection_fill_customers(generation integer, after_tenant uuid, after_id uuid, most integer)
    RETURNS TABLE (last_tenant uuid, last_id uuid, filled bigint)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH batch AS MATERIALIZED (
        SELECT c.tenant_id, c.id, c.version, c.code, c.name, c.updated_at FROM @schema@.customers AS c
        WHERE (c.tenant_id, c.id) > (after_tenant, after_id) AND (SELECT @schema@.projection_is_built(projection_fill_customers.generation))
        ORDER BY c.tenant_id, c.id LIMIT most
    ), placed AS (
        INSERT INTO @schema@.projection_positions (tenant_id, generation, aggregate_id, version)
        SELECT b.tenant_id, $1, b.id, b.version FROM batch AS b
    ), customers AS (
        INSERT INTO @schema@.customer_activity AS c (tenant_id, generation, customer_id, code, name, orders, cancelled_orders, gross_total,
            last_activity_at)
        SELECT b.tenant_id, $1, b.id, b.code, b.name, 0, 0, 0, b.updated_at FROM batch AS b
        ON CONFLICT ON CONSTRAINT customer_activity_pkey DO UPDATE SET code = EXCLUDED.code, name = EXCLUDED.name,
            last_activity_at = GREATEST(c.last_activity_at, EXCLUDED.last_activity_at)
    )
    SELECT b.tenant_id, b.id, pg_catalog.count(*) OVER () FROM batch AS b ORDER BY b.tenant_id DESC, b.id DESC LIMIT 1
$$;

CREATE FUNCTION projection_fill_products(generation integer, after_tenant uuid, after_id uuid, most integer)
    RETURNS TABLE (last_tenant uuid, last_id uuid, filled bigint)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH batch AS MATERIALIZED (
        SELECT p.tenant_id, p.id, p.version, p.sku, p.name, p.archived_at FROM @schema@.products AS p
        WHERE (p.tenant_id, p.id) > (after_tenant, after_id) AND (SELECT @schema@.projection_is_built(projection_fill_products.generation))
        ORDER BY p.tenant_id, p.id LIMIT most
    ), placed AS (
        INSERT INTO @schema@.projection_positions (tenant_id, generation, aggregate_id, version)
        SELECT b.tenant_id, $1, b.id, b.version FROM batch AS b
    ), products AS (
        INSERT INTO @schema@.sales_by_product AS p (tenant_id, generation, product_id, sku, name, archived, orders, quantity, net_total)
        SELECT b.tenant_id, $1, b.id, b.sku, b.name, b.archived_at IS NOT NULL, 0, 0, 0 FROM batch AS b
        ON CONFLICT ON CONSTRAINT sales_by_product_pkey DO UPDATE SET sku = EXCLUDED.sku, name = EXCLUDED.name, archived = EXCLUDED.archived
    )
    SELECT b.tenant_id, b.id, pg_catalog.count(*) OVER () FROM batch AS b ORDER BY b.tenant_id DESC, b.id DESC LIMIT 1
$$;

-- Of so many tenants, the customers and products that were deleted: all their events are in what was read.
CREATE FUNCTION projection_fill_gone(generation integer, after_tenant uuid, after_id uuid, most integer)
    RETURNS TABLE (last_tenant uuid, last_id uuid, filled bigint)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH batch AS MATERIALIZED (
        SELECT t.id AS tenant_id FROM @schema@.tenants AS t
        WHERE t.id > after_tenant AND (SELECT @schema@.projection_is_built(projection_fill_gone.generation))
        ORDER BY t.id LIMIT most
    ), gone AS MATERIALIZED (
        SELECT DISTINCT a.tenant_id, a.resource_id::uuid AS id FROM batch AS b JOIN @schema@.audit_events AS a ON a.tenant_id = b.tenant_id
        WHERE a.action IN ('customer.delete', 'product.delete')
    ), placed AS (
        INSERT INTO @schema@.projection_positions (tenant_id, generation, aggregate_id, version)
        SELECT g.tenant_id, $1, g.id, 9223372036854775807 FROM gone AS g
        ON CONFLICT ON CONSTRAINT projection_positions_pkey DO UPDATE SET version = EXCLUDED.version
    ), customers AS (
        DELETE FROM @schema@.customer_activity AS c USING gone AS g
        WHERE c.generation = $1 AND c.tenant_id = g.tenant_id AND c.customer_id = g.id
    ), products AS (
        DELETE FROM @schema@.sales_by_product AS p USING gone AS g
        WHERE p.generation = $1 AND p.tenant_id = g.tenant_id AND p.product_id = g.id
    )
    SELECT b.tenant_id, b.tenant_id, pg_catalog.count(*) OVER () FROM batch AS b ORDER BY b.tenant_id DESC LIMIT 1
$$;

-- Roughly how many aggregates a rebuild has to read.
CREATE FUNCTION projection_size() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.sum(GREATEST(c.reltuples, 0))::bigint FROM pg_class AS c
    WHERE c.oid IN ('@schema@.orders'::regclass, '@schema@.customers'::regclass, '@schema@.products'::regclass)
$$;
    $functions$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION projection_fill_orders, projection_fill_customers, projection_fill_products, projection_fill_gone, projection_size
    FROM PUBLIC;

-- The services' log-in receives and applies for all tenants.
CREATE PROCEDURE comptoir_grant_projections(services regrole) LANGUAGE plpgsql AS $$
DECLARE
    projection text;
    policy     text := pg_catalog.format('services %s', services);
BEGIN
    FOREACH projection IN ARRAY ARRAY['projection_inbox', 'projection_positions', 'projection_orders', 'projection_order_products',
        'order_timeline', 'sales_by_day', 'sales_by_product', 'customer_activity'] LOOP
        EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %s', projection, services);
        EXECUTE pg_catalog.format('DROP POLICY IF EXISTS %I ON %I', policy, projection);
        EXECUTE pg_catalog.format('CREATE POLICY %I ON %I TO %s USING (true)', policy, projection, services);
    END LOOP;
    EXECUTE pg_catalog.format('GRANT SELECT, UPDATE ON projection_state TO %s', services);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON projection_rebuilds TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION projection_fill_orders, projection_fill_customers, projection_fill_products,
        projection_fill_gone, projection_size TO %s', services);
END
$$;
REVOKE EXECUTE ON PROCEDURE comptoir_grant_projections FROM PUBLIC;

CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports TO %s', services);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), services::text);
    CALL comptoir_grant_projections(services);
END
$$;
