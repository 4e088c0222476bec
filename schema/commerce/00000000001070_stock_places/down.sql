DELETE FROM runtime_privileges WHERE table_name IN ('stock_places', 'stock_location_movements');
DELETE FROM inventory_count_lines WHERE location_id <> '00000000-0000-0000-0000-000000000000'::uuid;
ALTER TABLE inventory_count_entries DROP COLUMN location_id;
ALTER TABLE inventory_count_lines DROP COLUMN id, DROP COLUMN location_code, DROP COLUMN location_id;
-- What was counted of locations alone has no lines any more.
UPDATE inventory_counts SET status = 'cancelled' WHERE location_ids IS NOT NULL AND status IN ('open', 'counting', 'review');
ALTER TABLE inventory_counts DROP COLUMN location_ids;
DELETE FROM stock_documents WHERE kind = 'relocation'::text;
ALTER TABLE stock_documents
    DROP CONSTRAINT stock_documents_kind_check,
    ADD CONSTRAINT stock_documents_kind_check CHECK (kind IN ('receipt', 'adjustment', 'write_off', 'transfer'));
DROP TABLE stock_location_movements, stock_places;
DROP FUNCTION stock_location_movements_are_kept;
ALTER TABLE stock_levels DROP COLUMN category_id, DROP COLUMN located;
