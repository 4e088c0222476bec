-- Customers, products and their stock for the benchmarks, with ids that a script can compute. Products are marked as ordered, as they
-- are after their first order: the steady state. So much was received of each that no order is short of anything, and what was told of a
-- level was told a while ago.
INSERT INTO customers (tenant_id, id, version, code, name, email, created_at, updated_at)
SELECT '01900000-0000-7000-8000-000000000001', ('01900000-0000-7000-a000-' || lpad(to_hex(number), 12, '0'))::uuid, 1,
       'C-' || number, 'Customer ' || number, 'customer@example.com', now(), now()
FROM generate_series(1, 100) AS number;
INSERT INTO products (tenant_id, id, version, sku, name, unit_price, vat_rate, ordered, stocked, created_at, updated_at)
SELECT '01900000-0000-7000-8000-000000000001', ('01900000-0000-7000-9000-' || lpad(to_hex(number), 12, '0'))::uuid, 1,
       'P-' || number, 'Product ' || number, 10, 20, true, true, now(), now()
FROM generate_series(1, 1000) AS number;
INSERT INTO stock_documents (tenant_id, id, kind, warehouse_id, business_date, lines, created_by, created_at)
SELECT tenant_id, '01900000-0000-7000-9600-000000000001', 'receipt', id, current_date, 1000, 'a benchmark', now()
FROM warehouses WHERE tenant_id = '01900000-0000-7000-8000-000000000001' AND is_default;
INSERT INTO stock_levels (tenant_id, id, version, warehouse_id, product_id, sku, name, on_hand, reserved, waiting, average_cost, low,
       told_at, untold, movements, created_at, updated_at)
SELECT d.tenant_id, ('01900000-0000-7000-9500-' || lpad(to_hex(number), 12, '0'))::uuid, 2, d.warehouse_id,
       ('01900000-0000-7000-9000-' || lpad(to_hex(number), 12, '0'))::uuid, 'P-' || number, 'Product ' || number, 1000000, 0, 0, 7, false,
       now() - interval '1 minute', false, 1, now() - interval '1 minute', now() - interval '1 minute'
FROM stock_documents AS d, generate_series(1, 1000) AS number WHERE d.tenant_id = '01900000-0000-7000-8000-000000000001';
INSERT INTO stock_movements (tenant_id, stock_id, position, id, warehouse_id, product_id, kind, on_hand_change, reserved_change, unit_cost,
       on_hand, reserved, average_cost, document_type, document_id, document_line, actor_type, actor_name, correlation_id, business_date,
       recorded_at)
SELECT s.tenant_id, s.id, 1, gen_random_uuid(), s.warehouse_id, s.product_id, 'receipt', s.on_hand, 0, s.average_cost, s.on_hand, 0,
       s.average_cost, 'receipt', d.id, (row_number() OVER (ORDER BY s.product_id))::smallint, 'api_key', d.created_by, 'a benchmark',
       d.business_date, s.updated_at
FROM stock_levels AS s JOIN stock_documents AS d USING (tenant_id) WHERE s.tenant_id = '01900000-0000-7000-8000-000000000001';
VACUUM ANALYZE customers, products, warehouses, stock_levels, stock_movements;
