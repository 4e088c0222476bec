DROP POLICY owner ON audit_chains;
DROP POLICY owner ON audit_events;
