-- The constraints of 1070 hold for the rows that were there before them, too; and these rows get what new ones have.
ALTER TABLE stock_levels VALIDATE CONSTRAINT stock_levels_located;
ALTER TABLE stock_documents VALIDATE CONSTRAINT stock_documents_kind_check;
ALTER TABLE inventory_counts VALIDATE CONSTRAINT inventory_counts_locations;
UPDATE inventory_count_lines SET id = product_id WHERE id = '00000000-0000-0000-0000-000000000000'::uuid;
UPDATE stock_levels AS s SET category_id = p.category_id FROM products AS p
    WHERE p.tenant_id = s.tenant_id AND p.id = s.product_id AND p.category_id IS NOT NULL;
