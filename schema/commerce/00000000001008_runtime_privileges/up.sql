-- What the runtime role may do with which table. The migration that makes a table adds its row: `api migrate` calls
-- comptoir_grant_runtime after the migrations, and so does the owner for a role of their own. It only grants: a migration that takes a
-- privilege away revokes it as well. A function that the role is to call needs the procedure replaced.

CREATE TABLE runtime_privileges (
    table_name text PRIMARY KEY,
    -- As GRANT takes them.
    privileges text NOT NULL
);
INSERT INTO runtime_privileges VALUES
    ('customers', 'SELECT, INSERT, UPDATE, DELETE'),
    ('products', 'SELECT, INSERT, UPDATE, DELETE'),
    ('orders', 'SELECT, INSERT, UPDATE'),
    ('order_lines', 'SELECT, INSERT'),
    ('tenants', 'SELECT, INSERT, UPDATE'),
    ('users', 'SELECT, INSERT, UPDATE'),
    ('user_tokens', 'SELECT, INSERT, UPDATE, DELETE'),
    ('sessions', 'SELECT, INSERT, UPDATE'),
    ('refresh_tokens', 'SELECT, INSERT, UPDATE'),
    ('api_keys', 'SELECT, INSERT, UPDATE'),
    ('idempotency_records', 'SELECT, INSERT'),
    ('rate_limit_counts', 'SELECT, INSERT, UPDATE, DELETE'),
    ('login_throttles', 'SELECT, INSERT, UPDATE, DELETE'),
    ('audit_events', 'SELECT'),
    ('__diesel_schema_migrations', 'SELECT');

CREATE OR REPLACE PROCEDURE comptoir_grant_runtime(runtime regrole) LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), runtime);
    FOR granted IN SELECT p.table_name, p.privileges FROM runtime_privileges AS p LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %I TO %s', granted.privileges, granted.table_name, runtime);
    END LOOP;
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_append, audit_append, find_login, find_user_token, find_refresh_token,
        find_api_key TO %s', runtime);
END
$$;
