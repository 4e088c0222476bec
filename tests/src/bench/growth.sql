-- ORDERS orders of TENANT with all that they leave behind, on top of seed.sql: one in five belongs to one customer, odd ones are
-- pending, even ones delivered and invoiced, and twenty of them, far apart, were cancelled: however many orders there are, a page of these has
-- as many rows.
INSERT INTO orders (tenant_id, id, version, reference, customer_id, status, currency, net_total, vat_total, gross_total,
    cancellation_reason, placed_at, cancelled_at, updated_at, to_invoice)
SELECT 'TENANT', ('01900000-0000-7000-b100-' || lpad(to_hex(n), 12, '0'))::uuid, 1, 'R-' || n,
    ('01900000-0000-7000-a000-' || lpad(to_hex(CASE WHEN n % 5 = 0 THEN 1 ELSE n % 99 + 2 END), 12, '0'))::uuid,
    CASE WHEN n % (ORDERS / 20) = 0 THEN 'cancelled' WHEN n % 2 = 1 THEN 'pending' ELSE 'delivered' END, 'EUR', 20, 4, 24,
    CASE WHEN n % (ORDERS / 20) = 0 THEN 'a reason' END, now() - interval '1 second' * (ORDERS - n),
    CASE WHEN n % (ORDERS / 20) = 0 THEN now() END, now(), CASE WHEN n % 2 = 1 THEN 'all' ELSE 'none' END
FROM generate_series(1, ORDERS) AS n;

INSERT INTO order_lines (tenant_id, order_id, position, product_id, sku, name, quantity, unit_price, vat_rate, net_amount)
SELECT 'TENANT', ('01900000-0000-7000-b100-' || lpad(to_hex(n), 12, '0'))::uuid, 1,
    ('01900000-0000-7000-9000-' || lpad(to_hex(n % 1000 + 1), 12, '0'))::uuid, 'P-' || n % 1000 + 1, 'Product', 2, 10, 20, 20
FROM generate_series(1, ORDERS) AS n;

INSERT INTO audit_events (tenant_id, chain, position, id, occurred_at, actor_type, actor_id, actor_name, action, resource_type,
    resource_id, after, request_id, previous_hash, hash)
SELECT 'TENANT', n % 64, 1000000000 + n, gen_random_uuid(), now() - interval '1 second' * (ORDERS - n), 'api_key',
    ('01900000-0000-7000-c000-' || lpad(to_hex(n % 50), 12, '0'))::uuid, 'a benchmark',
    CASE WHEN n % (ORDERS / 20) = 0 THEN 'order.cancel' ELSE 'order.place' END, CASE WHEN n % (ORDERS / 10) = 0 THEN 'customer' ELSE 'order' END,
    '01900000-0000-7000-b100-' || lpad(to_hex(n), 12, '0'), '{"status": "pending"}', 'r', '', ''
FROM generate_series(1, ORDERS) AS n;

-- None of them is due.
INSERT INTO idempotency_records (tenant_id, principal_id, key, fingerprint, status, body, created_at)
SELECT 'TENANT', '01900000-0000-7000-c000-000000000001', n, '', 201, '{}', now() - interval '1 millisecond' * n
FROM generate_series(1, ORDERS) AS n;

VACUUM ANALYZE;
