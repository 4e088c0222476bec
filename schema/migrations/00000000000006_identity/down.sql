-- The role comptoir_runtime belongs to the whole server and stays.
REVOKE ALL ON customers, products, orders, order_lines, idempotency_records, outbox_events FROM comptoir_runtime;
DO $$
BEGIN
    EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM comptoir_runtime', current_schema());
END
$$;
DROP FUNCTION audit_append, find_login, find_user_token, find_refresh_token, find_api_key, prune_idempotency_records;
DROP FUNCTION audit_hash;
DROP TABLE audit_events;
DROP TABLE audit_chains;
DROP TABLE api_keys;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE user_tokens;
DROP TABLE users;
DROP TABLE tenants;
DO $$
DECLARE
    protected regclass;
    policy    text;
BEGIN
    FOR protected, policy IN
        SELECT polrelid::regclass, polname FROM pg_policy WHERE polrelid IN (
            SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
    LOOP
        EXECUTE format('DROP POLICY %I ON %s', policy, protected);
        EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', protected);
    END LOOP;
END
$$;
TRUNCATE idempotency_records;
ALTER TABLE idempotency_records
    DROP CONSTRAINT idempotency_records_pkey,
    DROP COLUMN principal_id,
    ADD CONSTRAINT idempotency_records_pkey PRIMARY KEY (tenant_id, key);
DROP FUNCTION outbox_protect;
DROP PROCEDURE comptoir_protect;
DROP FUNCTION comptoir_tenant;
