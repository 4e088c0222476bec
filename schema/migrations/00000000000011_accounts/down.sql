SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

DROP FUNCTION find_login;
CREATE FUNCTION find_login(wanted text) RETURNS TABLE (tenant_id uuid, user_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS 'SELECT tenant_id, id FROM users WHERE lower(email) = lower(wanted)';
REVOKE EXECUTE ON FUNCTION find_login FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_login TO comptoir_runtime;
ALTER TABLE api_keys DROP COLUMN owner_id;
DROP INDEX users_email_key;
ALTER TABLE users DROP COLUMN folded_email;
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
ALTER TABLE tenants DROP COLUMN short_name;
