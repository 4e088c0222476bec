DROP POLICY upkeep ON sessions;
DROP POLICY upkeep ON refresh_tokens;
DROP POLICY upkeep ON user_tokens;
DROP FUNCTION prune_sessions;
DROP INDEX sessions_over_idx;
DROP INDEX refresh_tokens_expires_at_idx;
DROP INDEX user_tokens_expires_at_idx;
