ALTER TABLE relay_replicas DROP COLUMN version, DROP COLUMN lease_ttl_ms;
