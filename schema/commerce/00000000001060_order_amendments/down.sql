DO $install$
BEGIN
    EXECUTE pg_catalog.replace($functions$
CREATE OR REPLACE FUNCTION projection_fill_orders(generation integer, after_tenant uuid, after_id uuid, most integer)
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
            CASE t.event WHEN 'order.shipped' THEN COALESCE(t.tracking_number, b.tracking_number) ELSE t.tracking_number END,
            CASE t.event WHEN 'order.cancelled' THEN b.cancellation_reason END, t.request_id
        FROM batch AS b CROSS JOIN LATERAL (
            -- Each command on an order is one version, and has a row of the trail; the other versions have their row in order_steps. The
            -- texts of a row of the trail may have been erased, that it is there is not. When it was stands in the order itself.
            SELECT c.event, free.version, c.occurred_at, c.request_id, NULL::text AS tracking_number
            FROM (
                SELECT k.event, a.request_id, pg_catalog.row_number() OVER (ORDER BY a.occurred_at, k.place) AS number,
                    COALESCE(CASE k.place WHEN 1 THEN b.placed_at WHEN 2 THEN b.confirmed_at WHEN 3 THEN b.shipped_at
                        WHEN 4 THEN b.delivered_at ELSE b.cancelled_at END, a.occurred_at) AS occurred_at
                FROM @schema@.audit_events AS a JOIN (VALUES ('order.place', 'order.placed', 1), ('order.confirm', 'order.confirmed', 2),
                    ('order.ship', 'order.shipped', 3), ('order.deliver', 'order.delivered', 4), ('order.cancel', 'order.cancelled', 5))
                    AS k (action, event, place) ON k.action = a.action
                WHERE a.tenant_id = b.tenant_id AND a.resource_id = b.id::text
            ) AS c JOIN (
                SELECT v.version, pg_catalog.row_number() OVER (ORDER BY v.version) AS number
                FROM pg_catalog.generate_series(1::bigint, b.version) AS v (version)
                WHERE NOT EXISTS (
                    SELECT FROM @schema@.order_steps AS s WHERE s.tenant_id = b.tenant_id AND s.order_id = b.id AND s.version = v.version
                )
            ) AS free USING (number)
            UNION ALL
            SELECT s.event, s.version, s.occurred_at, s.request_id, s.tracking_number
            FROM @schema@.order_steps AS s WHERE s.tenant_id = b.tenant_id AND s.order_id = b.id
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
    $functions$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;

-- Orders are not amended by the version before: whoever may delete lines may not any more.
UPDATE runtime_privileges SET privileges = 'SELECT, INSERT, UPDATE (shipped, cancelled, returned)' WHERE table_name = 'order_lines';
DO $$
DECLARE
    runtime pg_catalog.oid;
BEGIN
    FOR runtime IN
        SELECT DISTINCT acl.grantee FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS acl
        WHERE c.oid OPERATOR(pg_catalog.=) 'order_lines'::pg_catalog.regclass::pg_catalog.oid
            AND acl.privilege_type OPERATOR(pg_catalog.=) 'DELETE'::pg_catalog.text
            AND acl.grantee OPERATOR(pg_catalog.<>) c.relowner AND acl.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
    LOOP
        EXECUTE pg_catalog.format('REVOKE DELETE ON order_lines FROM %s', runtime::pg_catalog.regrole);
    END LOOP;
END
$$;
ALTER TABLE order_steps DROP COLUMN dropped_products;
ALTER TABLE orders DROP CONSTRAINT orders_promised;
ALTER TABLE orders DROP COLUMN delivery_address, DROP COLUMN promised_on;
