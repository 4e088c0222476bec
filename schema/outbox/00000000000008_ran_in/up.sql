-- Which process began a command last: its id, and its name for people, which goes with the process. Null in commands that were begun
-- before. What the relay and the services may do with commands is granted for the table as a whole.
ALTER TABLE service_commands
    ADD COLUMN ran_in      uuid,
    ADD COLUMN ran_in_name text;
