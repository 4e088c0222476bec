-- Accounts: an e-mail address is unique in its company, a company has a short name, and an API key has an owner.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- What people name their company by when they log in. Compared byte by byte.
ALTER TABLE tenants ADD COLUMN short_name text COLLATE "C" NOT NULL
    CONSTRAINT tenants_short_name_key UNIQUE
    CONSTRAINT tenants_short_name_form CHECK (short_name ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(short_name) <= 40);

DROP INDEX users_email_key;
-- The address as accounts are compared by, byte by byte. The program folds it, once and in one place: PostgreSQL's lower()
-- knows other letters, and other ones in every version and locale.
ALTER TABLE users ADD COLUMN folded_email text COLLATE "C" NOT NULL;
-- The address first: who logs in need not name the company.
CREATE UNIQUE INDEX users_email_key ON users (folded_email, tenant_id);

-- Who answers for the key: the user who made it, or who answers for the key that made it. NULL for an operator's. As
-- long as it opens anything, it decides about people only what its owner may still decide.
ALTER TABLE api_keys ADD COLUMN owner_id uuid;
CREATE INDEX api_keys_owner_idx ON api_keys (tenant_id, owner_id) WHERE revoked_at IS NULL;

-- Whose address this is, in the company with this short name, or in any. Those who can log in come first. 20 are enough:
-- who logs in without naming the company has one.
DROP FUNCTION find_login;
CREATE FUNCTION find_login(wanted text, company text) RETURNS TABLE (tenant_id uuid, user_id uuid, is_active boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT u.tenant_id, u.id, u.disabled_at IS NULL AND u.email_verified_at IS NOT NULL
    FROM users AS u
    WHERE u.folded_email = wanted
        AND (company IS NULL OR u.tenant_id = (SELECT t.id FROM tenants AS t WHERE t.short_name = company))
    ORDER BY 3 DESC, 1 LIMIT 20
$$;
REVOKE EXECUTE ON FUNCTION find_login FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_login TO comptoir_runtime;
