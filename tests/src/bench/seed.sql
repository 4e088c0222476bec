-- Customers and products for the benchmark, with ids that a script can compute. Products are marked as ordered, as they
-- are after their first order: the steady state.
INSERT INTO customers (tenant_id, id, version, code, name, email, created_at, updated_at)
SELECT '01900000-0000-7000-8000-000000000001', ('01900000-0000-7000-a000-' || lpad(to_hex(number), 12, '0'))::uuid, 1,
       'C-' || number, 'Customer ' || number, 'customer@example.com', now(), now()
FROM generate_series(1, 100) AS number;
INSERT INTO products (tenant_id, id, version, sku, name, unit_price, vat_rate, ordered, created_at, updated_at)
SELECT '01900000-0000-7000-8000-000000000001', ('01900000-0000-7000-9000-' || lpad(to_hex(number), 12, '0'))::uuid, 1,
       'P-' || number, 'Product ' || number, 10, 20, true, now(), now()
FROM generate_series(1, 1000) AS number;
CREATE SEQUENCE bench_ids;
VACUUM ANALYZE customers, products;
