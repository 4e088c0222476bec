-- Everything happened in the first two weeks of 2026. What is rare stands at one end of the times and names, where whoever
-- walks from the other end comes last; many rows share a time or a name.
INSERT INTO customer_groups (tenant_id, id, version, code, name, created_at, updated_at)
SELECT 'TENANT', CASE n WHEN 1 THEN '01900000-0000-7000-8000-0000000000b0' WHEN 2 THEN '01900000-0000-7000-8000-0000000000e0'
        ELSE gen_random_uuid() END, 1, 'G-' || n, CASE WHEN n % 2 = 0 THEN 'Same' ELSE 'Name ' || n END,
    timestamptz '2026-01-01' + interval '1 hour' * (n / 100), timestamptz '2026-01-01' + interval '1 hour' * (n / 100 + 1)
FROM generate_series(1, 30000) AS n;

-- Most are in one group, few, at the early end, in another.
INSERT INTO customers (tenant_id, id, version, code, name, email, created_at, updated_at, group_id)
SELECT 'TENANT', CASE n WHEN 1 THEN '01900000-0000-7000-8000-0000000000b0' WHEN 2 THEN '01900000-0000-7000-8000-0000000000e0'
        ELSE gen_random_uuid() END, 1, 'C-' || n, CASE WHEN n % 2 = 0 THEN 'Same' ELSE 'Name ' || n END,
    CASE WHEN n <= 50 THEN 'early@example.com' WHEN n % 2 = 0 THEN 'shared@example.com' ELSE n || '@example.com' END,
    timestamptz '2026-01-01' + interval '1 hour' * (n / 100), now(),
    CASE WHEN n <= 50 THEN '01900000-0000-7000-8000-0000000000e0' WHEN n <= 25000 THEN '01900000-0000-7000-8000-0000000000b0' END::uuid
FROM generate_series(1, 30000) AS n;

INSERT INTO suppliers (tenant_id, id, version, code, name, addresses, created_at, updated_at)
SELECT 'TENANT', gen_random_uuid(), 1, 'S-' || n, CASE WHEN n % 2 = 0 THEN 'Same' ELSE 'Name ' || n END, '[]',
    timestamptz '2026-01-01' + interval '1 hour' * (n / 100), now()
FROM generate_series(1, 30000) AS n;

-- Categories at the top, and what is in them: most of them in one, few in another.
INSERT INTO categories (tenant_id, id, version, code, name, parent_id, created_at, updated_at)
SELECT 'TENANT', CASE n WHEN 1 THEN '01900000-0000-7000-8000-0000000000b0' WHEN 2 THEN '01900000-0000-7000-8000-0000000000e0'
        WHEN 3 THEN '01900000-0000-7000-8000-0000000000c1' WHEN 4 THEN '01900000-0000-7000-8000-0000000000c2'
        WHEN 5 THEN '01900000-0000-7000-8000-0000000000c5' ELSE gen_random_uuid() END, 1, 'K-' || n, CASE WHEN n % 2 = 0 THEN 'Same' ELSE 'Name ' || n END,
    CASE WHEN n <= 4 THEN NULL WHEN n <= 40 THEN '01900000-0000-7000-8000-0000000000c1' WHEN n <= 80 THEN '01900000-0000-7000-8000-0000000000e0' ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid,
    timestamptz '2026-01-01' + interval '1 hour' * (n / 100), now()
FROM generate_series(1, 30000) AS n;

-- Few are kept in stock, at the early end, and few are in the small category.
INSERT INTO products (tenant_id, id, version, sku, name, unit_price, vat_rate, archived_at, created_at, updated_at, stocked, category_id)
SELECT 'TENANT', CASE n WHEN 17 THEN '01900000-0000-7000-8000-0000000000b0' WHEN 18 THEN '01900000-0000-7000-8000-0000000000e0'
        ELSE gen_random_uuid() END, 1, 'P-' || lpad(n::text, 5, '0'), CASE WHEN n % 3 = 0 THEN 'Same' ELSE 'Name ' || lpad(n::text, 5, '0') END,
    1, 20, CASE WHEN n <= 15000 THEN now() END, timestamptz '2026-01-01' + interval '1 hour' * (n / 100), now(), n <= 50,
    CASE WHEN n <= 50 THEN '01900000-0000-7000-8000-0000000000c2' WHEN n <= 20000 THEN '01900000-0000-7000-8000-0000000000c1'
        WHEN n <= 25000 THEN '01900000-0000-7000-8000-0000000000c5' END::uuid
FROM generate_series(1, 30000) AS n;
INSERT INTO product_barcodes (tenant_id, gtin, product_id)
SELECT 'TENANT', CASE sku WHEN 'P-00017' THEN '00000096385074' ELSE lpad(substr(sku, 3), 14, '0') END, id FROM products;
INSERT INTO warehouses (tenant_id, id, version, code, name, is_default, archived_at, created_at, updated_at)
SELECT 'TENANT', CASE n WHEN 1 THEN '01900000-0000-7000-8000-0000000000b0' WHEN 2 THEN '01900000-0000-7000-8000-0000000000e0'
        ELSE gen_random_uuid() END, 1, 'W-' || n, CASE WHEN n % 3 = 0 THEN 'Same' ELSE 'Name ' || n END,
    false, CASE WHEN n <= 15000 THEN now() END, timestamptz '2026-01-01' + interval '1 hour' * (n / 100), now()
FROM generate_series(1, 30000) AS n;

-- A warehouse that has nine of ten places; of those of the other, half are archived.
INSERT INTO locations (tenant_id, id, version, warehouse_id, code, name, archived_at, created_at, updated_at)
SELECT 'TENANT', gen_random_uuid(), 1,
    CASE WHEN n <= 3000 THEN '01900000-0000-7000-8000-0000000000e0' ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid, 'L-' || n,
    CASE WHEN n % 3 = 0 THEN 'Same' WHEN n % 3 = 1 THEN 'Name ' || n END, CASE WHEN n <= 1500 OR n > 15000 THEN now() END,
    timestamptz '2026-01-01' + interval '1 hour' * (n / 100), now()
FROM generate_series(1, 30000) AS n;

-- A warehouse that has nine of ten counts. Two of them have lines, of which few differ, and were counted several times.
INSERT INTO inventory_counts (tenant_id, id, version, warehouse_id, blind, status, created_by, business_date, differing, value_gained,
    value_lost, created_at, updated_at)
SELECT 'TENANT', CASE n WHEN 1 THEN '01900000-0000-7000-8000-0000000000b0' WHEN 2 THEN '01900000-0000-7000-8000-0000000000e0'
        ELSE gen_random_uuid() END, 1,
    CASE WHEN n <= 3000 THEN '01900000-0000-7000-8000-0000000000e0' ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid, false,
    c.status, 'somebody', CASE WHEN c.status = 'closed' THEN date '2026-01-01' END, CASE WHEN c.status = 'closed' THEN 0 END,
    CASE WHEN c.status = 'closed' THEN 0 END, CASE WHEN c.status = 'closed' THEN 0 END,
    timestamptz '2026-01-01' + interval '1 hour' * (n / 100), now()
FROM generate_series(1, 30000) AS n,
    LATERAL (SELECT CASE WHEN n % 5000 = 7 THEN 'cancelled' WHEN n <= 20000 THEN 'closed' ELSE 'open' END AS status) AS c;
-- Of one, most lie in one location, and few, the first by SKU, in another.
INSERT INTO inventory_count_lines (tenant_id, count_id, product_id, id, location_id, location_code, sku, name, state, expected, counted, entries,
    counted_at)
SELECT 'TENANT', count_id::uuid, gen_random_uuid(), gen_random_uuid(),
    CASE WHEN n <= 50 THEN '01900000-0000-7000-8000-0000000000e0' ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid, 'L',
    'P-' || lpad(n::text, 5, '0'), 'Name ' || n,
    CASE WHEN n <= 15000 THEN 'to_count' WHEN n % 5000 = 7 THEN 'to_recount' ELSE 'counted' END,
    CASE WHEN n > 15000 THEN 5 END, CASE WHEN n > 29900 THEN 4 WHEN n > 15000 THEN 5 END, 1, CASE WHEN n > 15000 THEN now() END
FROM generate_series(1, 30000) AS n,
    unnest(ARRAY['01900000-0000-7000-8000-0000000000b0', '01900000-0000-7000-8000-0000000000e0']) AS count_id;
INSERT INTO inventory_count_entries (tenant_id, count_id, id, product_id, counted, expected, actor_type, actor_name, correlation_id,
    recorded_at)
SELECT 'TENANT', count_id::uuid, gen_random_uuid(),
    CASE WHEN n <= 3000 THEN '01900000-0000-7000-8000-0000000000e0' ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid,
    5, 5, 'user', 'somebody', 'c', timestamptz '2026-01-01' + interval '20 seconds' * (n / 10 * 10)
FROM generate_series(1, 30000) AS n,
    unnest(ARRAY['01900000-0000-7000-8000-0000000000b0', '01900000-0000-7000-8000-0000000000e0']) AS count_id;

-- A customer who has nine of ten orders; the latest are pending, and those of before delivered and invoiced.
INSERT INTO orders (tenant_id, id, version, reference, customer_id, status, currency, net_total, vat_total, gross_total,
    cancellation_reason, cancelled_at, placed_at, updated_at, to_invoice)
SELECT 'TENANT', gen_random_uuid(), 1, 'R-' || n,
    CASE WHEN n <= 6000 THEN '01900000-0000-7000-8000-0000000000e0' ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid,
    CASE WHEN n % 5000 = 7 THEN 'cancelled' WHEN n <= 20000 THEN 'delivered' ELSE 'pending' END, 'EUR', 1, 0, 1,
    CASE WHEN n % 5000 = 7 THEN 'a reason' END, CASE WHEN n % 5000 = 7 THEN now() END,
    timestamptz '2026-01-01' + interval '20 seconds' * (n / 10 * 10), now(), CASE WHEN n <= 20000 THEN 'none' ELSE 'all' END
FROM generate_series(1, 60000) AS n;

-- Few shipments have not arrived, at the late end. One order has the earliest, another the latest.
INSERT INTO shipments (tenant_id, id, version, order_id, number, status, parcels, shipped_on, delivered_on, created_by, dispatched_at,
    delivered_at, updated_at)
SELECT 'TENANT', gen_random_uuid(), 1, CASE WHEN n <= 30 THEN '01900000-0000-7000-8000-0000000000e0'
        WHEN n > 29970 THEN '01900000-0000-7000-8000-0000000000b0' ELSE gen_random_uuid() END::uuid, CASE WHEN n > 29970 THEN n - 29970 ELSE
        LEAST(n, 31) END, CASE WHEN n <= 29950 THEN 'delivered' ELSE 'dispatched' END, '[]', '2026-01-01',
    CASE WHEN n <= 29950 THEN date '2026-01-01' END, 'somebody', timestamptz '2026-01-01' + interval '1 minute' * (n / 10),
    CASE WHEN n <= 29950 THEN now() END, now()
FROM generate_series(1, 30000) AS n;
INSERT INTO returns (tenant_id, id, order_id, reason, received_on, created_by, created_at)
SELECT 'TENANT', gen_random_uuid(), CASE WHEN n <= 30 THEN '01900000-0000-7000-8000-0000000000e0'
        WHEN n > 29970 THEN '01900000-0000-7000-8000-0000000000b0' ELSE gen_random_uuid() END::uuid, 'a reason', '2026-01-01', 'somebody',
    timestamptz '2026-01-01' + interval '1 minute' * (n / 10)
FROM generate_series(1, 30000) AS n;
-- Some are confirmed. Those of them that wait stand in front of those that can be shipped. Their goods come from one warehouse, but for a few:
-- the last of those that wait, and the first of those that can be shipped.
UPDATE orders SET status = 'confirmed', confirmed_at = placed_at, waits = substr(reference, 3)::integer <= 30000, ordered_on = placed_at::date,
    warehouse_id = CASE WHEN substr(reference, 3)::integer BETWEEN 29901 AND 30100 THEN '01900000-0000-7000-8000-0000000000e0'
        ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid
WHERE status = 'pending' AND substr(reference, 3)::integer BETWEEN 20001 AND 40000;
-- Some wait for approval, at neither end.
UPDATE orders SET held_for_approval = true WHERE substr(reference, 3)::integer BETWEEN 41001 AND 50000;

INSERT INTO users (tenant_id, id, version, email, folded_email, name, role, email_verified_at, disabled_at, created_at, updated_at)
SELECT 'TENANT', CASE n WHEN 1 THEN '01900000-0000-7000-8000-0000000000b0' ELSE gen_random_uuid() END, 1, 'u' || n || '@example.com',
    'u' || n || '@example.com',
    CASE WHEN n % 2 = 0 THEN 'Same' ELSE 'Name ' || n END, CASE WHEN n <= 10 THEN 'warehouse' ELSE 'sales' END,
    CASE WHEN n % 100 > 0 THEN now() END, CASE WHEN n <= 10 THEN now() END,
    timestamptz '2026-01-01' + interval '1 minute' * (n / 10), now()
FROM generate_series(1, 20000) AS n;

INSERT INTO api_keys (tenant_id, id, version, name, prefix, key_hash, permissions, created_at, revoked_at)
SELECT 'TENANT', gen_random_uuid(), 1, CASE WHEN n % 2 = 0 THEN 'same' ELSE 'name ' || n END, 'test', sha256(n::text::bytea), '{}',
    timestamptz '2026-01-01' + interval '1 minute' * (n / 10), CASE WHEN n > 15000 THEN now() END
FROM generate_series(1, 30000) AS n;

-- Somebody whose sessions were ended, or ran out, by the thousand.
INSERT INTO sessions (tenant_id, id, version, user_id, created_at, last_used_at, expires_at, ended_at, end_reason)
SELECT 'TENANT', gen_random_uuid(), 1, '01900000-0000-7000-8000-0000000000b0', timestamptz '2026-01-01' + interval '1 minute' * (n / 10), now(),
    CASE WHEN n <= 100 THEN now() + interval '1 day' ELSE now() - interval '1 day' END,
    CASE WHEN n > 15000 THEN now() END, CASE WHEN n > 15000 THEN 'logged_out' END
FROM generate_series(1, 30000) AS n;

-- Two companies: the trail of one is not walked through for the other.
INSERT INTO audit_events (tenant_id, chain, position, id, occurred_at, actor_type, actor_id, actor_name, action, resource_type,
    resource_id, request_id, previous_hash, hash)
SELECT tenant, n % 64, n, gen_random_uuid(), timestamptz '2026-01-01' + interval '20 seconds' * (n / 10 * 10), 'user',
    CASE WHEN n <= 6000 THEN '01900000-0000-7000-8000-0000000000e0' ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid, 'somebody',
    CASE WHEN n <= 8000 OR n % 5000 = 7 THEN 'order.cancel' ELSE 'order.place' END,
    CASE WHEN n <= 50 THEN 'customer' ELSE 'order' END, CASE WHEN n % 2 = 0 THEN 'busy' ELSE (n / 10)::text END, 'r', '', ''
FROM generate_series(1, 60000) AS n, unnest(ARRAY['TENANT', '01900000-0000-7000-8000-00000000ffff']::uuid[]) AS tenant;

-- A supplier from whom nine of ten purchase orders are; the latest are open, and nearly all of before have come.
INSERT INTO suppliers (tenant_id, id, version, code, name, addresses, created_at, updated_at)
SELECT 'TENANT', id::uuid, 1, 'S-of-' || id, 'A', '[]', timestamptz '2026-01-01', now()
FROM unnest(ARRAY['01900000-0000-7000-8000-0000000000b0', '01900000-0000-7000-8000-0000000000e0']) AS id;
INSERT INTO purchase_orders (tenant_id, id, version, reference, supplier_id, warehouse_id, state, ordered_on, expected_on, created_at, updated_at)
SELECT 'TENANT', gen_random_uuid(), 1, 'CF-' || n,
    CASE WHEN n <= 3000 THEN '01900000-0000-7000-8000-0000000000e0' ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid,
    '01900000-0000-7000-8000-0000000000b0',
    CASE WHEN n % 5000 = 7 THEN 'cancelled' WHEN n <= 20000 THEN 'received' ELSE 'ordered' END,
    date '2026-01-01', CASE WHEN n % 2 = 0 THEN date '2026-01-01' + n / 2000 END,
    timestamptz '2026-01-01' + interval '40 seconds' * (n / 10 * 10), timestamptz '2026-01-01' + interval '40 seconds' * (n / 10 * 10)
FROM generate_series(1, 30000) AS n;

-- A customer to whom nine of ten invoices are; the latest are drafts, and nearly all of before are paid.
INSERT INTO invoices (tenant_id, id, version, kind, state, customer_id, reference, number, series, issue_date, due_on, gross_total, paid, credited,
    created_at, updated_at)
SELECT 'TENANT', gen_random_uuid(), 1, 'invoice', state,
    CASE WHEN n <= 3000 THEN '01900000-0000-7000-8000-0000000000e0' ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid, 'PO-' || n,
    CASE WHEN state <> 'draft' THEN 'FA-2026-' || n END, CASE WHEN state <> 'draft' THEN 'FA' END,
    CASE WHEN state <> 'draft' THEN date '2026-01-01' END, CASE WHEN state <> 'draft' THEN date '2026-01-31' END,
    CASE WHEN state <> 'draft' THEN 12 END, CASE WHEN state = 'paid' THEN 12 ELSE 0 END, 0,
    timestamptz '2026-01-01' + interval '40 seconds' * (n / 10 * 10), timestamptz '2026-01-01' + interval '40 seconds' * (n / 10 * 10)
FROM generate_series(1, 30000) AS n,
    LATERAL (SELECT CASE WHEN n % 5000 = 7 THEN 'sent' WHEN n <= 20000 THEN 'paid' ELSE 'draft' END AS state) AS one;

INSERT INTO payments (tenant_id, id, customer_id, method, received_on, amount, created_by, created_at)
SELECT 'TENANT', gen_random_uuid(),
    CASE WHEN n <= 3000 THEN '01900000-0000-7000-8000-0000000000e0' ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid, 'transfer',
    date '2026-01-01', 12, 'somebody', timestamptz '2026-01-01' + interval '40 seconds' * (n / 10 * 10)
FROM generate_series(1, 30000) AS n;

-- Lists of a customer and of a group that have most of them, and of others that have few; one list has many prices.
INSERT INTO price_lists (tenant_id, id, version, code, name, customer_id, group_id, entries, created_at, updated_at)
SELECT 'TENANT', CASE n WHEN 1 THEN '01900000-0000-7000-8000-0000000000b0' ELSE gen_random_uuid() END, 1, 'PL-' || n,
    CASE WHEN n % 2 = 0 THEN 'Same' ELSE 'Name ' || n END,
    CASE WHEN n <= 50 THEN '01900000-0000-7000-8000-0000000000e0' WHEN n <= 15000 THEN '01900000-0000-7000-8000-0000000000b0' END::uuid,
    CASE WHEN n <= 15000 THEN NULL WHEN n <= 15050 THEN '01900000-0000-7000-8000-0000000000e0'
        WHEN n <= 29000 THEN '01900000-0000-7000-8000-0000000000b0' END::uuid,
    0, timestamptz '2026-01-01' + interval '1 hour' * (n / 100), timestamptz '2026-01-01' + interval '1 hour' * (n / 100 + 1)
FROM generate_series(1, 30000) AS n;
INSERT INTO price_list_entries (tenant_id, list_id, product_id, id, target, from_quantities, unit_prices, created_at, updated_at)
SELECT 'TENANT', '01900000-0000-7000-8000-0000000000b0', gen_random_uuid(), gen_random_uuid(), '01900000-0000-7000-8000-0000000000e0', '{0}', '{1}',
    timestamptz '2026-01-01' + interval '1 hour' * (n / 100), timestamptz '2026-01-01'
FROM generate_series(1, 12000) AS n;

-- Changes, the latest in the order of the rows' times, and numbers of another system.
UPDATE customers SET updated_at = created_at + interval '1 hour', external_id = 'E-' || substr(code, 3);
UPDATE suppliers SET updated_at = created_at + interval '1 hour', external_id = 'E-' || substr(code, 3);
UPDATE categories SET updated_at = created_at + interval '1 hour', external_id = 'E-' || substr(code, 3);
UPDATE products SET updated_at = created_at + interval '1 hour', external_id = 'E-' || substr(sku, 3);
UPDATE warehouses SET updated_at = created_at + interval '1 hour', external_id = 'E-' || substr(code, 3) WHERE NOT is_default;
UPDATE locations SET updated_at = created_at + interval '1 hour', external_id = 'E-' || substr(code, 3);
UPDATE orders SET updated_at = placed_at, external_id = 'E-' || substr(reference, 3);

-- An import of which few rows were refused, among many.
INSERT INTO imports (tenant_id, id, version, kind, mode, state, rows, created, updated, unchanged, refused, created_by, correlation_id,
    created_at, updated_at)
SELECT 'TENANT', CASE n WHEN 1 THEN '01900000-0000-7000-8000-0000000000b0' ELSE gen_random_uuid() END, 1, 'customers', 'create', 'finished',
    0, 0, 0, 0, 0, 'somebody', 'c', timestamptz '2026-01-01' + interval '1 minute' * (n / 10), now()
FROM generate_series(1, 20000) AS n;
INSERT INTO import_rows (tenant_id, import_id, number, content, outcome)
SELECT 'TENANT', '01900000-0000-7000-8000-0000000000b0', n, '{}', CASE WHEN n % 500 = 0 THEN 'refused' ELSE 'created' END
FROM generate_series(1, 30000) AS n;

-- What is kept from events: the generation that is live, and one beside it.
INSERT INTO order_timeline (tenant_id, generation, order_id, version, event, occurred_at, customer_id)
SELECT 'TENANT', generation, CASE WHEN n = 17 THEN '01900000-0000-7000-8000-000000000011' ELSE gen_random_uuid() END, 1, 'order.placed',
    timestamptz '2026-01-01' + interval '20 seconds' * (n / 10 * 10),
    CASE WHEN n <= 6000 THEN '01900000-0000-7000-8000-0000000000e0' ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid
FROM generate_series(1, 60000) AS n, generate_series(0, 1) AS generation;
INSERT INTO sales_by_day (tenant_id, generation, day, currency, orders, net_total, vat_total, gross_total, cancelled_orders,
    cancelled_gross_total)
SELECT 'TENANT', generation, timestamptz '2026-01-15' - interval '1 day' * n, 'EUR', 1, 1, 0, 1, 0, 0
FROM generate_series(1, 20000) AS n, generate_series(0, 1) AS generation;
INSERT INTO sales_by_month (tenant_id, generation, month, customer_id, currency, documents, net_total, vat_total)
SELECT 'TENANT', generation, timestamptz '2026-01-01' - interval '1 month' * (n % 200),
    CASE WHEN n <= 200 THEN '01900000-0000-7000-8000-0000000000b0' ELSE gen_random_uuid() END, 'EUR', 1, 1, 0
FROM generate_series(1, 30000) AS n, generate_series(0, 1) AS generation;
INSERT INTO receivables (tenant_id, generation, customer_id, currency, invoiced, credited, paid)
SELECT 'TENANT', generation, CASE n WHEN 1 THEN '01900000-0000-7000-8000-0000000000b0' ELSE gen_random_uuid() END, 'EUR', n % 10, 0, 0
FROM generate_series(1, 30000) AS n, generate_series(0, 1) AS generation;
INSERT INTO sales_by_product (tenant_id, generation, product_id, sku, name, archived, orders, quantity, net_total)
SELECT 'TENANT', generation, CASE n WHEN 1 THEN '01900000-0000-7000-8000-0000000000b0' ELSE gen_random_uuid() END, 'P-' || n,
    CASE WHEN n % 2 = 0 THEN 'Same' ELSE 'Name ' || n END, false, 1, 1, n % 10
FROM generate_series(1, 30000) AS n, generate_series(0, 1) AS generation;
INSERT INTO customer_activity (tenant_id, generation, customer_id, orders, cancelled_orders, gross_total, last_activity_at)
SELECT 'TENANT', generation, CASE n WHEN 1 THEN '01900000-0000-7000-8000-0000000000b0' ELSE gen_random_uuid() END, 1, 0, n % 10,
    timestamptz '2026-01-01' + interval '1 minute' * (n / 10)
FROM generate_series(1, 30000) AS n, generate_series(0, 1) AS generation;
INSERT INTO projection_inbox (tenant_id, id, consumer, message_id, aggregate_type, aggregate_id, event_type, payload, received_at, state, applied)
SELECT 'TENANT', gen_random_uuid(), 'projections', n, 'order', n, 'order.placed', '', timestamptz '2026-01-01' + interval '1 minute' * (n / 10),
    CASE WHEN n <= 50 THEN 'dead' ELSE 'applied' END, CASE WHEN n > 50 THEN n END
FROM generate_series(1, 30000) AS n;
-- Few e-mails are dead, at the early end, and few wait, at the late one.
INSERT INTO emails (tenant_id, id, version, kind, state, recipient, recipient_name, destination, content, due_at, deadline, reason,
    correlation_id, created_at, updated_at, finished_at)
SELECT 'TENANT', gen_random_uuid(), 1, CASE WHEN n <= 100 THEN 'welcome' ELSE 'security_notice' END,
    CASE WHEN n <= 50 THEN 'dead' WHEN n > 29950 THEN 'waiting' ELSE 'sent' END, 'u' || n || '@example.com', 'A', 'example.com',
    CASE WHEN n <= 100 THEN '{"kind": "welcome", "by": "b"}'
        ELSE '{"kind": "security_notice", "change": {"what": "password"}, "by": "b", "at": "2026-01-01T00:00:00Z"}' END::jsonb,
    timestamptz '2100-01-01', timestamptz '2100-01-02', CASE WHEN n <= 50 THEN 'refused' END, 'c',
    timestamptz '2026-01-01' + interval '1 minute' * (n / 10), now(), CASE WHEN n <= 29950 THEN now() END
FROM generate_series(1, 30000) AS n;

-- One warehouse has nine of ten levels. Few are low, at the late end.
INSERT INTO stock_levels (tenant_id, id, version, warehouse_id, product_id, sku, name, on_hand, reserved, waiting, average_cost, low, untold,
    movements, created_at, updated_at, category_id)
SELECT tenant_id, gen_random_uuid(), 1, CASE WHEN sku <= 'P-03000' THEN '01900000-0000-7000-8000-0000000000e0'
        ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid, id, sku, name, 10, 0, 0, 1, sku > 'P-29950', false, 0, created_at, updated_at, category_id
FROM products;
-- More than a thousand lie in one location, few in another, both at the early end.
INSERT INTO stock_places (tenant_id, stock_id, location_id, warehouse_id, product_id, on_hand)
SELECT tenant_id, id, CASE WHEN sku <= 'P-00030' THEN '01900000-0000-7000-8000-0000000000e0' ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid,
    warehouse_id, product_id, 1
FROM stock_levels WHERE sku <= 'P-01500';
INSERT INTO stock_location_movements (tenant_id, id, stock_id, location_id, warehouse_id, product_id, change, on_hand, document_type,
    document_id, actor_type, actor_name, correlation_id, business_date, recorded_at)
SELECT 'TENANT', gen_random_uuid(), '01900000-0000-7000-8000-0000000000b0', who, who, who, 1, 1, 'relocation', who, 'operator', 'somebody', 'c',
    '2026-01-01', timestamptz '2026-01-01' + interval '1 minute' * (n / 2)
FROM generate_series(1, 30000) AS n, LATERAL (SELECT CASE WHEN n <= 50 THEN '01900000-0000-7000-8000-0000000000e0'
    ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid AS who) AS of_line;
-- The movements of one product, document and warehouse are early, those of another all the others; few are write-offs, at the late end.
INSERT INTO stock_movements (tenant_id, stock_id, position, id, warehouse_id, product_id, kind, on_hand_change, reserved_change, on_hand,
    reserved, average_cost, document_type, document_id, actor_type, actor_name, correlation_id, business_date, recorded_at)
SELECT 'TENANT', '01900000-0000-7000-8000-0000000000b0', n, gen_random_uuid(), who, who,
    CASE WHEN n > 29950 THEN 'write_off' ELSE 'reservation' END, 0, 1, 1, 1, 1, 'order', who, 'operator', 'somebody', 'c', '2026-01-01',
    timestamptz '2026-01-01' + interval '1 minute' * (n / 2)
FROM generate_series(1, 30000) AS n, LATERAL (SELECT CASE WHEN n <= 50 THEN '01900000-0000-7000-8000-0000000000e0'
    ELSE '01900000-0000-7000-8000-0000000000b0' END::uuid AS who) AS of_line;
INSERT INTO stock_documents (tenant_id, id, kind, warehouse_id, reference, reason, business_date, lines, created_by, created_at)
SELECT 'TENANT', gen_random_uuid(), CASE WHEN n > 29950 THEN 'write_off' ELSE 'receipt' END, gen_random_uuid(), 'R-' || n, 'a reason', '2026-01-01', 1,
    'somebody', timestamptz '2026-01-01' + interval '1 minute' * (n / 2)
FROM generate_series(1, 30000) AS n;
