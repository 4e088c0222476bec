ALTER TABLE operator_sessions DROP COLUMN in_console;
ALTER TABLE sessions DROP COLUMN in_console;
