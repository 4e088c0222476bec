-- The constraints of 1070 hold for the rows that were there before them, too; and these rows get what new ones have.
ALTER TABLE stock_levels VALIDATE CONSTRAINT stock_levels_located;
ALTER TABLE stock_documents VALIDATE CONSTRAINT stock_documents_kind_check;
ALTER TABLE inventory_counts VALIDATE CONSTRAINT inventory_counts_locations;
-- Orders and counts go on meanwhile: rows are locked in the order in which they lock them, levels before lines, or both would wait for each
-- other.
WITH levels AS (
    SELECT s.id FROM stock_levels AS s JOIN products AS p ON p.tenant_id = s.tenant_id AND p.id = s.product_id
    WHERE p.category_id IS NOT NULL
    ORDER BY s.tenant_id, s.warehouse_id, s.product_id
    FOR NO KEY UPDATE OF s
)
SELECT pg_catalog.count(*) FROM levels;
UPDATE stock_levels AS s SET category_id = p.category_id FROM products AS p
    WHERE p.tenant_id = s.tenant_id AND p.id = s.product_id AND p.category_id IS NOT NULL;
WITH lines AS (
    SELECT l.product_id FROM inventory_count_lines AS l WHERE l.id = '00000000-0000-0000-0000-000000000000'::uuid
    ORDER BY l.tenant_id, l.count_id, l.product_id, l.location_id
    FOR NO KEY UPDATE
)
SELECT pg_catalog.count(*) FROM lines;
UPDATE inventory_count_lines SET id = product_id WHERE id = '00000000-0000-0000-0000-000000000000'::uuid;
