-- Operator accounts: people who look after the programs and belong to no company.
--
-- Their transactions are bound as a company's are, to an id that no company has: comptoir_operators(). So row-level security keeps
-- their rows from every company and every company's rows from them, and audit_append gives them chains of their own.

CREATE FUNCTION comptoir_operators() RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid;

ALTER TABLE tenants ADD CONSTRAINT tenants_id_is_not_the_operators CHECK (id <> comptoir_operators());

-- Every table of the operators' own is protected by this, in the migration that makes it.
CREATE PROCEDURE comptoir_protect_operators(protected regclass) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
    EXECUTE pg_catalog.format('CREATE POLICY operators ON %s USING (comptoir_tenant() = comptoir_operators())', protected);
END
$$;
REVOKE EXECUTE ON PROCEDURE comptoir_protect_operators FROM PUBLIC;

CREATE TABLE operators (
    id            uuid        PRIMARY KEY,
    version       bigint      NOT NULL CHECK (version > 0),
    email         text        NOT NULL,
    -- As in users: folded by the program, compared byte by byte.
    folded_email  text        COLLATE "C" NOT NULL,
    name          text        NOT NULL,
    -- Argon2id, a PHC string.
    password_hash text        NOT NULL,
    disabled_at   timestamptz,
    last_login_at timestamptz,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CONSTRAINT operators_email_key UNIQUE (folded_email)
);
CALL comptoir_protect_operators('operators'::regclass);
INSERT INTO runtime_privileges VALUES ('operators', 'SELECT, INSERT, UPDATE');

CREATE TABLE operator_sessions (
    id             uuid        PRIMARY KEY,
    operator_id    uuid        NOT NULL,
    client_address text,
    user_agent     text,
    created_at     timestamptz NOT NULL,
    -- When its refresh token was last used.
    last_used_at   timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    ended_at       timestamptz,
    end_reason     text,
    CONSTRAINT operator_sessions_operator_fkey FOREIGN KEY (operator_id) REFERENCES operators (id),
    CONSTRAINT operator_sessions_ended_with_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX operator_sessions_open_idx ON operator_sessions (operator_id, last_used_at, id) WHERE ended_at IS NULL;
CREATE INDEX operator_sessions_over_idx ON operator_sessions (LEAST(ended_at, expires_at));
CALL comptoir_protect_operators('operator_sessions'::regclass);
INSERT INTO runtime_privileges VALUES ('operator_sessions', 'SELECT, INSERT, UPDATE');

CREATE TABLE operator_refresh_tokens (
    -- SHA-256.
    token_hash bytea       PRIMARY KEY,
    session_id uuid        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT operator_refresh_tokens_session_fkey FOREIGN KEY (session_id) REFERENCES operator_sessions (id) ON DELETE CASCADE
);
CREATE INDEX operator_refresh_tokens_session_idx ON operator_refresh_tokens (session_id);
CREATE INDEX operator_refresh_tokens_expires_at_idx ON operator_refresh_tokens (expires_at);
CALL comptoir_protect_operators('operator_refresh_tokens'::regclass);
INSERT INTO runtime_privileges VALUES ('operator_refresh_tokens', 'SELECT, INSERT, UPDATE');

-- Pruning as before, and the operators' sessions and refresh tokens with the others. Whoever may call it may still.
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE OR REPLACE FUNCTION prune_sessions(days integer, batch bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
    AS $$
DECLARE
    most         bigint;
    of_operators bigint;
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
    WITH over AS (
        SELECT s.id FROM @schema@.operator_sessions AS s
        WHERE LEAST(s.ended_at, s.expires_at) < now() - make_interval(days => prune_sessions.days)
        LIMIT batch FOR UPDATE SKIP LOCKED
    ), pruned_sessions AS (
        -- Their tokens go with them.
        DELETE FROM @schema@.operator_sessions AS s USING over WHERE s.id = over.id RETURNING 1
    ), expired AS (
        SELECT t.token_hash FROM @schema@.operator_refresh_tokens AS t
        WHERE t.expires_at < now() - make_interval(days => prune_sessions.days)
            AND NOT EXISTS (SELECT FROM over WHERE over.id = t.session_id)
        LIMIT batch FOR UPDATE SKIP LOCKED
    ), pruned_tokens AS (
        DELETE FROM @schema@.operator_refresh_tokens AS t WHERE t.token_hash IN (SELECT e.token_hash FROM expired AS e) RETURNING 1
    )
    SELECT GREATEST((SELECT count(*) FROM pruned_sessions), (SELECT count(*) FROM pruned_tokens)) INTO of_operators;
    RETURN GREATEST(most, of_operators);
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
