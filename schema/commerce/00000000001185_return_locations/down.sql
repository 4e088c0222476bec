ALTER TABLE return_lines DROP COLUMN location_id;
