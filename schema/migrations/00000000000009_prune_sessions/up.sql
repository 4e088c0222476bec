-- Upkeep of what log-ins leave behind, over all tenants. Several replicas may prune at once: each skips what another one
-- holds.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE INDEX sessions_over_idx ON sessions (LEAST(ended_at, expires_at));
CREATE INDEX refresh_tokens_expires_at_idx ON refresh_tokens (expires_at);
CREATE INDEX user_tokens_expires_at_idx ON user_tokens (expires_at);

-- Sessions that are over for so many days with their tokens, and tokens that expired so long ago: `batch` of each at most.
-- Returns the largest number of one kind, which is `batch` as long as there may be more.
CREATE FUNCTION prune_sessions(days integer, batch bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    WITH over AS (
        SELECT tenant_id, id FROM sessions
        WHERE LEAST(ended_at, expires_at) < now() - make_interval(days => days)
        LIMIT batch FOR UPDATE SKIP LOCKED
    ), of_sessions AS (
        DELETE FROM refresh_tokens AS t USING over WHERE t.tenant_id = over.tenant_id AND t.session_id = over.id
    ), pruned_sessions AS (
        DELETE FROM sessions AS s USING over WHERE s.tenant_id = over.tenant_id AND s.id = over.id RETURNING 1
    ), expired AS (
        -- Not those of the sessions above: two parts of a statement must not delete one row.
        SELECT t.token_hash FROM refresh_tokens AS t
        WHERE t.expires_at < now() - make_interval(days => days)
            AND NOT EXISTS (SELECT FROM over WHERE over.tenant_id = t.tenant_id AND over.id = t.session_id)
        LIMIT batch FOR UPDATE SKIP LOCKED
    ), pruned_tokens AS (
        DELETE FROM refresh_tokens WHERE token_hash IN (SELECT token_hash FROM expired) RETURNING 1
    ), single AS (
        SELECT tenant_id, id FROM user_tokens
        WHERE expires_at < now() - make_interval(days => days)
        LIMIT batch FOR UPDATE SKIP LOCKED
    ), pruned_single AS (
        DELETE FROM user_tokens AS t USING single WHERE t.tenant_id = single.tenant_id AND t.id = single.id RETURNING 1
    )
    SELECT GREATEST((SELECT count(*) FROM pruned_sessions), (SELECT count(*) FROM pruned_tokens),
        (SELECT count(*) FROM pruned_single))
$$;
CREATE POLICY upkeep ON sessions TO CURRENT_USER USING (true);
CREATE POLICY upkeep ON refresh_tokens TO CURRENT_USER USING (true);
CREATE POLICY upkeep ON user_tokens TO CURRENT_USER USING (true);
REVOKE EXECUTE ON FUNCTION prune_sessions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune_sessions TO comptoir_runtime;
