DELETE FROM runtime_privileges WHERE table_name IN ('stock_levels', 'stock_movements', 'stock_reservations', 'stock_documents');
DROP FUNCTION search_stock, untold_stock, stock_to_promise;
DROP TABLE stock_documents, stock_reservations, stock_movements, stock_levels;
DROP FUNCTION stock_movements_are_kept, stock_words;
ALTER TABLE order_lines DROP COLUMN stocked;
ALTER TABLE orders DROP COLUMN warehouse_id, DROP COLUMN back_order, DROP COLUMN ordered_on;
