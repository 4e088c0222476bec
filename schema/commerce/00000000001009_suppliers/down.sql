DELETE FROM runtime_privileges WHERE table_name = 'suppliers';
DROP TABLE suppliers;
