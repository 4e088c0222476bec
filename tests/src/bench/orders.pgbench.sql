-- What POST /api/v1/orders sends for an order of three lines, two units each of a product that is kept in stock, without an
-- Idempotency-Key. In front of each statement stands the function that sends it.
--
-- Each statement is the API's own (tests/tests/whole/benchmarks.rs compares them), but for what stands in braces: behind the number of a
-- parameter, what pgbench sends in its place. Where the API sends several statements at once and then waits for all answers, so does
-- pgbench.
-- In braces behind a plus is what pgbench alone sends: it makes one row of three, because pgbench can keep no more. The API keeps the
-- three in its memory.
--
-- Ids rise, as the API's UUIDv7 do. Of a level is told once in 5 seconds at most (TOLD_EVERY_MS). pgbench takes a colon before a letter or
-- digit for a variable: those that are not set here are defined on its command line.
\set number :number + 1
\set id 100000000000 + :number * 1000 + :client_id
\set customer random(1, 100)
\set part :products / 3
\set a random(1, :part)
\set b :part + random(1, :part)
\set c 2 * :part + random(1, :part)

\startpipeline
-- core/src/application/tenant_database.rs: TenantDatabase::enter
BEGIN;
SET LOCAL comptoir.tenant_id = 'TENANT';
-- core/src/accounts/principals/stored.rs: is_current
SELECT true FROM api_keys
    WHERE tenant_id = {$1 'TENANT'::uuid} AND id = {$2 'API_KEY'::uuid} AND revoked_at IS NULL
    AND (expires_at IS NULL OR expires_at > now());
\endpipeline

-- core/src/commerce/products/repository.rs: load_for_order
{+ SELECT array_agg(id) AS ids, array_agg(sku) AS skus, array_agg(name) AS names, array_agg(unit_price) AS unit_prices,
    array_agg(vat_rate) AS vat_rates FROM (}
SELECT "products"."tenant_id", "products"."id", "products"."version", "products"."sku", "products"."name", "products"."unit_price",
    "products"."vat_rate", "products"."ordered", "products"."archived_at", "products"."created_at", "products"."updated_at",
    "products"."external_id", "products"."unit", "products"."quantity_decimals", "products"."stocked", "products"."category_id",
    "products"."barcodes", "products"."nature"
    FROM "products"
    WHERE (("products"."tenant_id" = {$1 'TENANT'::uuid}) AND ("products"."id" = ANY({$2 ARRAY['01900000-0000-7000-9000-' || lpad(to_hex(:a::bigint), 12, '0'), '01900000-0000-7000-9000-' || lpad(to_hex(:b::bigint), 12, '0'), '01900000-0000-7000-9000-' || lpad(to_hex(:c::bigint), 12, '0')]::uuid[]})))
    ORDER BY "products"."id" FOR KEY SHARE
{+ ) AS products} \gset product_

-- core/src/commerce/orders/placing.rs: look_at_buyer. The API asks this and the warehouse together with the products, and waits once for
-- all; pgbench can keep no answer of a pipeline. There is no price list: the API asks no more.
SELECT c.credit_limit, EXISTS (SELECT FROM price_lists AS l WHERE l.tenant_id = c.tenant_id), t.time_zone
    FROM customers AS c JOIN tenants AS t ON t.id = c.tenant_id WHERE c.tenant_id = {$1 'TENANT'::uuid} AND c.id = {$2 ('01900000-0000-7000-a000-' || lpad(to_hex(:customer::bigint), 12, '0'))::uuid};

-- core/src/commerce/warehouses/repository.rs: look_for_default
SELECT "warehouses"."id" FROM "warehouses"
    WHERE (("warehouses"."tenant_id" = {$1 'TENANT'::uuid}) AND "warehouses"."is_default") LIMIT {$2 1} \gset warehouse_

\startpipeline
-- core/src/commerce/orders/placing.rs: insert, both statements at once
INSERT INTO "orders" ("tenant_id", "id", "version", "reference", "customer_id", "status", "currency", "net_total", "vat_total", "gross_total",
    "tracking_number", "cancellation_reason", "placed_at", "confirmed_at", "shipped_at", "delivered_at", "cancelled_at",
    "updated_at", "external_id", "warehouse_id", "back_order", "ordered_on",
    "delivery_address", "promised_on", "held_for_approval")
    VALUES ({$1 'TENANT'::uuid}, {$2 ('01900000-0000-7000-b000-' || :id::text)::uuid}, {$3 1}, {$4 NULL},
    {$5 ('01900000-0000-7000-a000-' || lpad(to_hex(:customer::bigint), 12, '0'))::uuid}, {$6 'pending'}, {$7 'EUR'}, {$8 60.00},
    {$9 12.00}, {$10 72.00}, {$11 NULL}, {$12 NULL}, {$13 now()}, {$14 NULL}, {$15 NULL}, {$16 NULL}, {$17 NULL}, {$18 now()},
    {$19 NULL}, {$20 :warehouse_id::uuid}, {$21 false}, {$22 current_date}, {$23 NULL},
    {$24 NULL}, {$25 false});
WITH added AS (
INSERT INTO order_lines
    (tenant_id, order_id, position, product_id, sku, name, quantity, unit_price, vat_rate, net_amount, stocked,
    price_source, price_list_id)
    SELECT {$1 'TENANT'::uuid}, {$2 ('01900000-0000-7000-b000-' || :id::text)::uuid}, line.*
    FROM unnest({$3 ARRAY[1, 2, 3]::smallint[]}, {$4 :product_ids::uuid[]}, {$5 :product_skus::text[]}, {$6 :product_names::text[]},
    {$7 ARRAY[2, 2, 2]::numeric[]}, {$8 :product_unit_prices::numeric[]}, {$9 :product_vat_rates::numeric[]},
    {$10 ARRAY[20.00, 20.00, 20.00]::numeric[]}, {$11 ARRAY[true, true, true]}, {$12 ARRAY['product', 'product', 'product']}, {$13 ARRAY[NULL, NULL, NULL]::uuid[]}) AS line
)
SELECT credit_limit IS NOT NULL, anonymised_at IS NOT NULL FROM customers WHERE tenant_id = {$14 'TENANT'::uuid} AND id = {$15 ('01900000-0000-7000-a000-' || lpad(to_hex(:customer::bigint), 12, '0'))::uuid};
\endpipeline

-- core/src/commerce/stock/repository.rs: lock
{+ SELECT array_agg(id) AS ids, array_agg(version + 1) AS versions, array_agg(sku) AS skus, array_agg(name) AS names,
    array_agg(on_hand) AS on_hand, array_agg(reserved + 2) AS reserved, array_agg(waiting) AS waiting,
    array_agg(average_cost) AS average_costs, array_agg(movements + 1) AS movements,
    array_agg(CASE WHEN told_at > now() - interval '5 seconds' THEN told_at ELSE now() END) AS told_at,
    array_agg(told_at > now() - interval '5 seconds') AS untold,
    count(*) FILTER (WHERE told_at <= now() - interval '5 seconds') AS told,
    COALESCE(array_agg(id::text) FILTER (WHERE told_at <= now() - interval '5 seconds'), ARRAY[]::text[]) AS told_ids,
    COALESCE(array_agg(version + 1) FILTER (WHERE told_at <= now() - interval '5 seconds'), ARRAY[]::bigint[]) AS told_versions FROM (}
SELECT s.tenant_id, s.id, s.version, s.warehouse_id, s.product_id, s.sku, s.name, s.on_hand, s.reserved, s.waiting, s.average_cost,
    s.reorder_point, s.reorder_quantity, s.low, s.told_at, s.untold, s.movements, s.created_at, s.updated_at, s.located, s.category_id
    FROM unnest((SELECT {$1 ARRAY[:warehouse_id, :warehouse_id, :warehouse_id]::uuid[]}), (SELECT {$2 :product_ids::uuid[]})) AS wanted (warehouse_id, product_id), LATERAL (
    SELECT * FROM stock_levels AS l
    WHERE l.tenant_id = {$3 'TENANT'::uuid} AND l.warehouse_id = wanted.warehouse_id AND l.product_id = wanted.product_id FOR NO KEY UPDATE
    ) AS s
{+ ) AS levels} \gset level_

\startpipeline
-- core/src/commerce/orders/reservation_rows.rs: insert_held
INSERT INTO stock_reservations (tenant_id, order_id, warehouse_id, placed_at, position, product_id, reserved, waiting)
    SELECT {$1 'TENANT'::uuid}, {$2 ('01900000-0000-7000-b000-' || :id::text)::uuid}, {$3 :warehouse_id::uuid}, {$4 now()}, line.*
    FROM unnest({$5 ARRAY[1, 2, 3]::smallint[]}, {$6 :product_ids::uuid[]}, {$7 ARRAY[2, 2, 2]::numeric[]}, {$8 ARRAY[0, 0, 0]::numeric[]}) AS line;

-- core/src/commerce/stock/repository.rs: write, called by Closed::write
WITH common AS (
    SELECT {$1 'TENANT'::uuid} AS tenant, {$2 now()} AS now, {$3 'api_key'::text} AS actor_type, {$4 'API_KEY'::uuid} AS actor_id,
    {$5 'a test'::text} AS actor_name, {$6 '01a1fca1-d849-759b-9910-5fb70bba241a'::text} AS correlation_id
),
changed AS (
    UPDATE stock_levels AS s SET version = n.version, sku = n.sku, name = n.name, on_hand = n.on_hand, reserved = n.reserved,
    waiting = n.waiting, average_cost = n.average_cost, reorder_point = n.reorder_point, reorder_quantity = n.reorder_quantity,
    low = n.low, told_at = n.told_at, untold = n.untold, movements = n.movements, located = n.located,
    category_id = n.category_id, updated_at = common.now
    FROM common,
    unnest((SELECT {$7 :level_ids::uuid[]}), (SELECT {$8 :level_versions::bigint[]}), (SELECT {$9 :level_skus::text[]}), (SELECT {$10 :level_names::text[]}),
    (SELECT {$11 :level_on_hand::numeric[]}), (SELECT {$12 :level_reserved::numeric[]}), (SELECT {$13 :level_waiting::numeric[]}),
    (SELECT {$14 :level_average_costs::numeric[]}), (SELECT {$15 ARRAY[NULL, NULL, NULL]::numeric[]}), (SELECT {$16 ARRAY[NULL, NULL, NULL]::numeric[]}),
    (SELECT {$17 ARRAY[false, false, false]}), (SELECT {$18 :level_told_at::timestamptz[]}), (SELECT {$19 :level_untold::boolean[]}),
    (SELECT {$20 :level_movements::bigint[]}),
    (SELECT {$21 ARRAY[0, 0, 0]::numeric[]}), (SELECT {$22 ARRAY[NULL, NULL, NULL]::uuid[]}))
    AS n (id, version, sku, name, on_hand, reserved,
    waiting, average_cost, reorder_point, reorder_quantity, low, told_at, untold, movements, located, category_id),
    LATERAL (SELECT l.ctid FROM stock_levels AS l WHERE l.tenant_id = common.tenant AND l.id = n.id OFFSET 0) AS at
    WHERE s.tenant_id = common.tenant AND s.ctid = at.ctid
)
INSERT INTO stock_movements (tenant_id, stock_id, position, id, warehouse_id, product_id, kind, on_hand_change, reserved_change,
    unit_cost, on_hand, reserved, average_cost, reason, document_type, document_id, document_line, business_date, actor_type, actor_id,
    actor_name, correlation_id, recorded_at)
    SELECT common.tenant, m.*, common.actor_type, common.actor_id, common.actor_name, common.correlation_id, common.now
    FROM common, unnest({$23 :level_ids::uuid[]}, {$24 :level_movements::bigint[]},
    {$25 ARRAY['01900000-0000-7000-c001-' || :id::text, '01900000-0000-7000-c002-' || :id::text, '01900000-0000-7000-c003-' || :id::text]::uuid[]},
    {$26 ARRAY[:warehouse_id, :warehouse_id, :warehouse_id]::uuid[]}, {$27 :product_ids::uuid[]},
    {$28 ARRAY['reservation', 'reservation', 'reservation']}, {$29 ARRAY[0, 0, 0]::numeric[]}, {$30 ARRAY[2, 2, 2]::numeric[]},
    {$31 ARRAY[NULL, NULL, NULL]::numeric[]}, {$32 :level_on_hand::numeric[]}, {$33 :level_reserved::numeric[]},
    {$34 :level_average_costs::numeric[]}, {$35 ARRAY[NULL, NULL, NULL]::text[]}, {$36 ARRAY['order', 'order', 'order']},
    {$37 ARRAY['01900000-0000-7000-b000-' || :id::text, '01900000-0000-7000-b000-' || :id::text, '01900000-0000-7000-b000-' || :id::text]::uuid[]},
    {$38 ARRAY[1, 2, 3]::smallint[]}, {$39 ARRAY[current_date, current_date, current_date]}) AS m;
\endpipeline

\startpipeline
-- core/src/outbox/append.rs: append, called by UnitOfWork's write
SELECT outbox_append({$1 (ARRAY['01900000-0000-7000-d000-' || :id::text, '01900000-0000-7000-d001-' || :id::text, '01900000-0000-7000-d002-' || :id::text, '01900000-0000-7000-d003-' || :id::text]::uuid[])[1 : 1 + :level_told::int]},
    {$2 (ARRAY['order', 'stock', 'stock', 'stock'])[1 : 1 + :level_told::int]},
    {$3 ARRAY['01900000-0000-7000-b000-' || :id::text] || :level_told_ids::text[]},
    {$4 ARRAY[1]::bigint[] || :level_told_versions::bigint[]},
    {$5 (ARRAY['order.placed', 'stock.level_changed', 'stock.level_changed', 'stock.level_changed'])[1 : 1 + :level_told::int]},
    {$6 (ARRAY[1, 1, 1, 1]::smallint[])[1 : 1 + :level_told::int]},
    {$7 (ARRAY[:placed::text, :changed::text, :changed::text, :changed::text])[1 : 1 + :level_told::int]},
    {$8 (ARRAY[:headers::text, :headers::text, :headers::text, :headers::text])[1 : 1 + :level_told::int]},
    {$9 (ARRAY[now(), now(), now(), now()])[1 : 1 + :level_told::int]});
-- core/src/application/audit/mod.rs: append
SELECT audit_append({$1 ('01900000-0000-7000-e000-' || :id::text)::uuid}, {$2 now()}, {$3 'api_key'}, {$4 'API_KEY'::uuid}, {$5 'a test'}, {$6 NULL::uuid}, {$7 'order.place'}, {$8 'order'}, {$9 '01900000-0000-7000-b000-' || :id::text}, {$10 NULL}::jsonb, {$11 :after::text}::jsonb, {$12 '01a1fca1-d849-759b-9910-5fb70bba241a'}, {$13 '127.0.0.1'});
\endpipeline
COMMIT;
