-- Replicas must agree on the lease time, and differ in their version only during an upgrade: `relay check` and `relay
-- status` show it. NULL for a replica that is older than these columns.
ALTER TABLE relay_replicas ADD COLUMN version text, ADD COLUMN lease_ttl_ms bigint;
