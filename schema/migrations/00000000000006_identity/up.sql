-- Tenants, users and their credentials, the audit trail, and row-level security on everything that belongs to a tenant.
--
-- The API works as the role comptoir_runtime, which owns nothing: the policies below hold for it whatever SQL it sends.
-- Each of its transactions says for which tenant it works: SET LOCAL comptoir.tenant_id. One that does not sees nothing.

-- For the functions below that name their search_path: objects of this schema, never somebody's temporary table.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

DO $$
BEGIN
    -- Roles belong to the whole server: another database may have made it, or be making it now.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'comptoir_runtime') THEN
        BEGIN
            CREATE ROLE comptoir_runtime NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the role comptoir_runtime is missing and % may not create it; as a superuser: '
                    'CREATE ROLE comptoir_runtime NOLOGIN; GRANT comptoir_runtime TO %', current_user, quote_ident(current_user);
        END;
    END IF;
    -- Who migrates may also run the API, which takes the role on.
    IF NOT pg_has_role(current_user, 'comptoir_runtime', 'MEMBER') THEN
        GRANT comptoir_runtime TO CURRENT_USER;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO comptoir_runtime', current_schema());
END
$$;

-- The tenant for which this transaction works, or NULL.
CREATE FUNCTION comptoir_tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('comptoir.tenant_id', true), '')::uuid;

-- Every table of a tenant's data is protected by this, in the migration that makes it.
CREATE PROCEDURE comptoir_protect(protected regclass) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', protected);
    EXECUTE format('CREATE POLICY tenant ON %s USING (tenant_id = comptoir_tenant())', protected);
END
$$;

-- The tables of the outbox are for any writer and for the relay, which work for many tenants: their privileges decide.
-- The API is bound to its transaction's tenant here as well. Also called for each new day of the history.
CREATE FUNCTION outbox_protect(protected regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', protected);
    EXECUTE format('CREATE POLICY any_writer ON %s USING (true)', protected);
    EXECUTE format('CREATE POLICY tenant ON %s AS RESTRICTIVE TO comptoir_runtime USING (tenant_id = comptoir_tenant())', protected);
END
$$;

-- A company.
CREATE TABLE tenants (
    id                  uuid        PRIMARY KEY,
    version             bigint      NOT NULL CHECK (version > 0),
    name                text        NOT NULL,
    -- How the company is registered: its SIREN or SIRET (INSEE), or a number of another country's register.
    registration_scheme text        NOT NULL CHECK (registration_scheme IN ('siren', 'siret', 'foreign', 'none')),
    registration_number text,
    vat_number          text,
    address             jsonb       CHECK (jsonb_typeof(address) = 'object'),
    -- ISO 4217. What its amounts are in; it never changes.
    currency            text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- A name of the IANA time zone database.
    time_zone           text        NOT NULL,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    CONSTRAINT tenants_registration_complete CHECK ((registration_scheme = 'none') = (registration_number IS NULL))
);
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tenants USING (id = comptoir_tenant());

-- Nothing references tenants: a foreign key would have every insert lock the one row of its tenant.

-- Data of before this migration belongs to somebody: `api create-admin --tenant ID` gives it an administrator.
INSERT INTO tenants (id, version, name, registration_scheme, currency, time_zone, created_at, updated_at)
SELECT tenant_id, 1, 'Company ' || tenant_id, 'none', 'EUR', 'Europe/Paris', now(), now()
FROM (SELECT tenant_id FROM customers UNION SELECT tenant_id FROM products) AS known;

CREATE TABLE users (
    tenant_id         uuid        NOT NULL,
    id                uuid        NOT NULL,
    version           bigint      NOT NULL CHECK (version > 0),
    email             text        NOT NULL,
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
-- An address belongs to one user of one tenant: who logs in says no tenant.
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE INDEX users_created_at_idx ON users (tenant_id, created_at, id);
CALL comptoir_protect('users');

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
CALL comptoir_protect('user_tokens');

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
CREATE INDEX sessions_user_idx ON sessions (tenant_id, user_id, created_at, id);
CALL comptoir_protect('sessions');

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
CALL comptoir_protect('refresh_tokens');

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
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash)
);
CREATE INDEX api_keys_created_at_idx ON api_keys (tenant_id, created_at, id);
CALL comptoir_protect('api_keys');

-- What is there of before.
CALL comptoir_protect('customers');
CALL comptoir_protect('products');
CALL comptoir_protect('orders');
CALL comptoir_protect('order_lines');
SELECT outbox_protect('outbox_events');
SELECT outbox_protect('outbox_dead_letters');
SELECT outbox_protect('outbox_history');
SELECT outbox_protect(inhrelid) FROM pg_inherits WHERE inhparent = 'outbox_history'::regclass;

-- A key belongs to whoever sent it: two principals may choose the same. Records of before have no principal and would
-- answer nobody.
TRUNCATE idempotency_records;
ALTER TABLE idempotency_records
    ADD COLUMN principal_id uuid NOT NULL,
    DROP CONSTRAINT idempotency_records_pkey,
    ADD CONSTRAINT idempotency_records_pkey PRIMARY KEY (tenant_id, principal_id, key);
CALL comptoir_protect('idempotency_records');

-- The audit trail: one row for each command that changed something, chained by hash. A tenant has 64 chains, so that
-- its writers do not wait for each other; a row's place is its chain and its position there.
CREATE TABLE audit_chains (
    tenant_id uuid     NOT NULL,
    chain     smallint NOT NULL CHECK (chain BETWEEN 0 AND 63),
    -- Of its last row.
    position  bigint   NOT NULL,
    hash      bytea    NOT NULL,
    PRIMARY KEY (tenant_id, chain)
) WITH (fillfactor = 50);
CALL comptoir_protect('audit_chains');

CREATE TABLE audit_events (
    tenant_id      uuid        NOT NULL,
    chain          smallint    NOT NULL,
    position       bigint      NOT NULL,
    id             uuid        NOT NULL,
    occurred_at    timestamptz NOT NULL,
    actor_type     text        NOT NULL CHECK (actor_type IN ('user', 'api_key', 'operator')),
    -- NULL for an operator at the command line.
    actor_id       uuid,
    -- An e-mail address, the name of a key, or user@host, as it was.
    actor_name     text        NOT NULL,
    session_id     uuid,
    action         text        NOT NULL,
    resource_type  text        NOT NULL,
    resource_id    text        NOT NULL,
    before         jsonb,
    after          jsonb,
    request_id     text        NOT NULL,
    client_address text,
    previous_hash  bytea       NOT NULL,
    hash           bytea       NOT NULL,
    PRIMARY KEY (tenant_id, chain, position)
);
CREATE INDEX audit_events_occurred_at_idx ON audit_events (tenant_id, occurred_at, id);
CREATE INDEX audit_events_resource_idx ON audit_events (tenant_id, resource_type, resource_id, occurred_at, id);
CALL comptoir_protect('audit_events');

-- What a row's hash is made of; docs/audit.md says it in words. Every value has its length in front, so that no two rows
-- read alike. Written out, in PL/pgSQL: its plan is kept, where functions in SQL would be planned anew in every call.
CREATE FUNCTION audit_hash(
    previous_hash bytea, tenant_id uuid, chain smallint, "position" bigint, id uuid, occurred_at timestamptz,
    actor_type text, actor_id uuid, actor_name text, session_id uuid, action text, resource_type text, resource_id text,
    before jsonb, after jsonb, request_id text, client_address text
) RETURNS bytea
    LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    micros      text := (extract(epoch FROM occurred_at) * 1000000)::bigint;
    before_text text := before;
    after_text  text := after;
BEGIN
    RETURN sha256(previous_hash || convert_to(
        COALESCE(octet_length(tenant_id::text) || ':' || tenant_id::text, '-')
        || COALESCE(octet_length(chain::text) || ':' || chain::text, '-')
        || COALESCE(octet_length("position"::text) || ':' || "position"::text, '-')
        || COALESCE(octet_length(id::text) || ':' || id::text, '-')
        || COALESCE(octet_length(micros) || ':' || micros, '-')
        || COALESCE(octet_length(actor_type) || ':' || actor_type, '-')
        || COALESCE(octet_length(actor_id::text) || ':' || actor_id::text, '-')
        || COALESCE(octet_length(actor_name) || ':' || actor_name, '-')
        || COALESCE(octet_length(session_id::text) || ':' || session_id::text, '-')
        || COALESCE(octet_length(action) || ':' || action, '-')
        || COALESCE(octet_length(resource_type) || ':' || resource_type, '-')
        || COALESCE(octet_length(resource_id) || ':' || resource_id, '-')
        || COALESCE(octet_length(before_text) || ':' || before_text, '-')
        || COALESCE(octet_length(after_text) || ':' || after_text, '-')
        || COALESCE(octet_length(request_id) || ':' || request_id, '-')
        || COALESCE(octet_length(client_address) || ':' || client_address, '-'),
        'UTF8'));
END
$$;

-- The one way to write the trail: the runtime role can call this, and can neither insert nor change nor delete rows.
-- The tenant is that of the transaction. Call it last: from here to the commit, the chain belongs to this session.
CREATE FUNCTION audit_append(
    id uuid, occurred_at timestamptz, actor_type text, actor_id uuid, actor_name text, session_id uuid, action text,
    resource_type text, resource_id text, before jsonb, after jsonb, request_id text, client_address text
) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    own_tenant uuid := comptoir_tenant();
    -- Sessions of one server have process ids that follow one another: few share a chain.
    own_chain  smallint := pg_backend_pid() % 64;
    head       audit_chains;
    own_hash   bytea;
BEGIN
    LOOP
        SELECT * INTO head FROM audit_chains WHERE tenant_id = own_tenant AND chain = own_chain FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO audit_chains VALUES (own_tenant, own_chain, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    END LOOP;
    own_hash := audit_hash(head.hash, own_tenant, own_chain, head.position + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);
    INSERT INTO audit_events VALUES
        (own_tenant, own_chain, head.position + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, head.hash, own_hash);
    UPDATE audit_chains SET position = head.position + 1, hash = own_hash WHERE tenant_id = own_tenant AND chain = own_chain;
END
$$;

-- What must be found before the tenant is known. They give ids and nothing else, and all but the first want a secret.
CREATE FUNCTION find_login(wanted text) RETURNS TABLE (tenant_id uuid, user_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS 'SELECT tenant_id, id FROM users WHERE lower(email) = lower(wanted)';
CREATE FUNCTION find_user_token(hash bytea) RETURNS TABLE (tenant_id uuid, token_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS 'SELECT tenant_id, id FROM user_tokens WHERE token_hash = hash';
CREATE FUNCTION find_refresh_token(hash bytea) RETURNS TABLE (tenant_id uuid, session_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS 'SELECT tenant_id, session_id FROM refresh_tokens WHERE token_hash = hash';
CREATE FUNCTION find_api_key(hash bytea) RETURNS TABLE (tenant_id uuid, api_key_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS 'SELECT tenant_id, id FROM api_keys WHERE key_hash = hash';
-- Upkeep goes over all tenants. Several replicas may prune at once: each skips what another one holds.
CREATE FUNCTION prune_idempotency_records(hours integer, batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    WITH pruned AS (
        DELETE FROM idempotency_records WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM idempotency_records
            WHERE created_at < now() - make_interval(hours => hours)
            LIMIT batch FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM pruned
$$;
-- These functions run as whoever migrates, for whom the policies hold as for everybody: they need the rows of all
-- tenants. The list of tenants is for `api audit verify`.
CREATE POLICY owner ON tenants FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner ON users FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner ON user_tokens FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner ON refresh_tokens FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner ON api_keys FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner ON idempotency_records TO CURRENT_USER USING (true);

REVOKE EXECUTE ON FUNCTION
    audit_append, find_login, find_user_token, find_refresh_token, find_api_key, prune_idempotency_records FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    audit_append, find_login, find_user_token, find_refresh_token, find_api_key, prune_idempotency_records TO comptoir_runtime;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    customers, products, orders, order_lines, idempotency_records, users, user_tokens, sessions, refresh_tokens, api_keys
    TO comptoir_runtime;
GRANT SELECT, INSERT, UPDATE ON tenants TO comptoir_runtime;
GRANT SELECT ON audit_events TO comptoir_runtime;
GRANT INSERT ON outbox_events TO comptoir_runtime;
