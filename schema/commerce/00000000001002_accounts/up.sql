-- Users, their credentials and what they leave behind.

CREATE TABLE users (
    tenant_id         uuid        NOT NULL,
    id                uuid        NOT NULL,
    version           bigint      NOT NULL CHECK (version > 0),
    email             text        NOT NULL,
    -- The address as accounts are told apart by, compared byte by byte. The program folds it, in one place: PostgreSQL's
    -- lower() knows other letters, and other ones in every version and locale.
    folded_email      text        COLLATE "C" NOT NULL,
    name              text        NOT NULL,
    role              text        NOT NULL CHECK (role IN ('admin', 'management', 'sales', 'warehouse')),
    -- Permissions beside those of the role, and those of the role that this user does not have.
    granted           text[]      NOT NULL DEFAULT '{}',
    revoked           text[]      NOT NULL DEFAULT '{}',
    -- Argon2id, a PHC string; NULL until the user has chosen a password.
    password_hash     text,
    email_verified_at timestamptz,
    disabled_at       timestamptz,
    last_login_at     timestamptz,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
-- An address is one user in each company. It comes first: who logs in need not name the company.
CREATE UNIQUE INDEX users_email_key ON users (folded_email, tenant_id);
CREATE INDEX users_created_at_idx ON users (tenant_id, created_at, id);
-- Role and status are looked through, a bounded number of users for each page: a company has few.
CREATE INDEX users_email_idx ON users (tenant_id, email, id);
CREATE INDEX users_name_idx ON users (tenant_id, name, id);
CALL comptoir_protect('users'::regclass);

-- Single-use tokens: to verify an e-mail address, to set a new password.
CREATE TABLE user_tokens (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    purpose    text        NOT NULL CHECK (purpose IN ('verify_email', 'reset_password')),
    -- SHA-256.
    token_hash bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT user_tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT user_tokens_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX user_tokens_user_idx ON user_tokens (tenant_id, user_id, purpose);
CALL comptoir_protect('user_tokens'::regclass);

CREATE TABLE sessions (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL,
    version        bigint      NOT NULL CHECK (version > 0),
    user_id        uuid        NOT NULL,
    -- Rises when what the user may do changes: whoever remembers an older one must ask again.
    stamp          bigint      NOT NULL DEFAULT 0,
    client_address text,
    user_agent     text,
    created_at     timestamptz NOT NULL,
    -- When its refresh token was last used.
    last_used_at   timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    ended_at       timestamptz,
    end_reason     text,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT sessions_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT sessions_ended_with_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
-- Ended sessions stay for a while, and nobody lists them.
CREATE INDEX sessions_open_idx ON sessions (tenant_id, user_id, created_at, id) WHERE ended_at IS NULL;
CALL comptoir_protect('sessions'::regclass);

-- A session's refresh tokens, the used ones too: one that is used again was stolen, or its thief was faster.
CREATE TABLE refresh_tokens (
    tenant_id  uuid        NOT NULL,
    -- SHA-256.
    token_hash bytea       NOT NULL,
    session_id uuid        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (token_hash),
    CONSTRAINT refresh_tokens_session_fkey FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id)
);
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (tenant_id, session_id);
CALL comptoir_protect('refresh_tokens'::regclass);

CREATE TABLE api_keys (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    version      bigint      NOT NULL CHECK (version > 0),
    name         text        NOT NULL,
    -- What people recognise it by.
    prefix       text        NOT NULL,
    -- SHA-256 of the whole key: 256 random bits need no slow hash.
    key_hash     bytea       NOT NULL,
    permissions  text[]      NOT NULL,
    -- NULL for one that an operator made.
    created_by   uuid,
    -- Who answers for it: the user who made it, or who owns the key that made it. NULL for an operator's. It decides about
    -- people only what its owner may still decide.
    owner_id     uuid,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash)
);
CREATE INDEX api_keys_owner_idx ON api_keys (tenant_id, owner_id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_created_at_idx ON api_keys (tenant_id, created_at, id);
CREATE INDEX api_keys_name_idx ON api_keys (tenant_id, name, id);
CREATE INDEX api_keys_valid_created_at_idx ON api_keys (tenant_id, created_at, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_valid_name_idx ON api_keys (tenant_id, name, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_revoked_created_at_idx ON api_keys (tenant_id, created_at, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_revoked_name_idx ON api_keys (tenant_id, name, id) WHERE revoked_at IS NOT NULL;
CALL comptoir_protect('api_keys'::regclass);

CREATE INDEX sessions_over_idx ON sessions (LEAST(ended_at, expires_at));
CREATE INDEX refresh_tokens_expires_at_idx ON refresh_tokens (expires_at);
CREATE INDEX user_tokens_expires_at_idx ON user_tokens (expires_at);

-- The functions below run as their owner, who sees the rows of all tenants. Those whose bodies are parsed here and now
-- (BEGIN ATOMIC) never call what others put into the schema later, such as an operator that fits better; the last one has the
-- system's catalogue alone in its search path.

-- What must be found before the tenant is known. They give ids and nothing else, and all but the first want a secret.

-- Whose address this is, in the company with this short name, or in any. Those who can log in come first; 20 are enough,
-- since who logs in without naming the company has one account.
CREATE FUNCTION find_login(wanted text, company text) RETURNS TABLE (tenant_id uuid, user_id uuid, is_active boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT u.tenant_id, u.id, u.disabled_at IS NULL AND u.email_verified_at IS NOT NULL
        FROM users AS u
        WHERE u.folded_email = wanted
            AND (company IS NULL OR u.tenant_id = (SELECT t.id FROM tenants AS t WHERE t.short_name = company))
        ORDER BY 3 DESC, 1 LIMIT 20;
    END;
CREATE FUNCTION find_user_token(hash bytea) RETURNS TABLE (tenant_id uuid, token_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT tenant_id, id FROM user_tokens WHERE token_hash = hash;
    END;
CREATE FUNCTION find_refresh_token(hash bytea) RETURNS TABLE (tenant_id uuid, session_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT tenant_id, session_id FROM refresh_tokens WHERE token_hash = hash;
    END;
CREATE FUNCTION find_api_key(hash bytea) RETURNS TABLE (tenant_id uuid, api_key_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT tenant_id, id FROM api_keys WHERE key_hash = hash;
    END;

-- Upkeep goes over all tenants. Several processes may prune at once: each skips what another one holds.

-- Sessions that are over for so many days with their tokens, and tokens that expired so long ago: `batch` of each at most.
-- Returns the largest number of one kind, which is `batch` as long as there may be more. A function's plan does not know how
-- few are due; without the last two settings it might read whole tables. Less than a day is refused: whoever may call this
-- may delete what is old, and not what is in use. Its tables are named with their schema (@schema@).
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION prune_sessions(days integer, batch bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
    AS $$
DECLARE
    most bigint;
BEGIN
    IF COALESCE(days, 0) < 1 THEN
        RAISE EXCEPTION 'sessions are kept for a day at least after they are over: % days were asked for', days;
    END IF;
    WITH over AS (
        SELECT s.tenant_id, s.id FROM @schema@.sessions AS s
        WHERE LEAST(s.ended_at, s.expires_at) < now() - make_interval(days => prune_sessions.days)
        LIMIT batch FOR UPDATE SKIP LOCKED
    ), of_sessions AS (
        DELETE FROM @schema@.refresh_tokens AS t USING over WHERE t.tenant_id = over.tenant_id AND t.session_id = over.id
    ), pruned_sessions AS (
        DELETE FROM @schema@.sessions AS s USING over WHERE s.tenant_id = over.tenant_id AND s.id = over.id RETURNING 1
    ), expired AS (
        -- Not those of the sessions above: two parts of a statement must not delete one row.
        SELECT t.token_hash FROM @schema@.refresh_tokens AS t
        WHERE t.expires_at < now() - make_interval(days => prune_sessions.days)
            AND NOT EXISTS (SELECT FROM over WHERE over.tenant_id = t.tenant_id AND over.id = t.session_id)
        LIMIT batch FOR UPDATE SKIP LOCKED
    ), pruned_tokens AS (
        DELETE FROM @schema@.refresh_tokens AS t WHERE t.token_hash IN (SELECT e.token_hash FROM expired AS e) RETURNING 1
    ), single AS (
        SELECT u.tenant_id, u.id FROM @schema@.user_tokens AS u
        WHERE u.expires_at < now() - make_interval(days => prune_sessions.days)
        LIMIT batch FOR UPDATE SKIP LOCKED
    ), pruned_single AS (
        DELETE FROM @schema@.user_tokens AS t USING single WHERE t.tenant_id = single.tenant_id AND t.id = single.id RETURNING 1
    )
    SELECT GREATEST((SELECT count(*) FROM pruned_sessions), (SELECT count(*) FROM pruned_tokens),
        (SELECT count(*) FROM pruned_single)) INTO most;
    RETURN most;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;

REVOKE EXECUTE ON FUNCTION find_login, find_user_token, find_refresh_token, find_api_key, prune_sessions FROM PUBLIC;
