DROP FUNCTION audit_append;
DROP FUNCTION audit_digest;
DROP FUNCTION audit_hash;
DROP TABLE audit_events;
DROP TABLE audit_chains;
