ALTER TABLE service_commands DROP COLUMN ran_in_name, DROP COLUMN ran_in;
