DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE OR REPLACE FUNCTION prune_sessions(days integer, batch bigint) RETURNS bigint
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
DELETE FROM runtime_privileges WHERE table_name IN ('operators', 'operator_sessions', 'operator_refresh_tokens');
DROP TABLE operator_refresh_tokens;
DROP TABLE operator_sessions;
DROP TABLE operators;
DROP PROCEDURE comptoir_protect_operators;
ALTER TABLE tenants DROP CONSTRAINT tenants_id_is_not_the_operators;
DROP FUNCTION comptoir_operators;
