CREATE OR REPLACE PROCEDURE comptoir_grant_runtime(runtime regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), runtime);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON customers, products, user_tokens, rate_limit_counts, login_throttles
        TO %s', runtime);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE ON orders, tenants, users, sessions, refresh_tokens, api_keys TO %s', runtime);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT ON order_lines, idempotency_records TO %s', runtime);
    EXECUTE pg_catalog.format('GRANT SELECT ON audit_events, __diesel_schema_migrations TO %s', runtime);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_append, audit_append, find_login, find_user_token, find_refresh_token,
        find_api_key TO %s', runtime);
END
$$;
DROP TABLE runtime_privileges;
