ALTER TABLE relay_replicas DROP COLUMN publishes;
