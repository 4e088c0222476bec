DROP FUNCTION find_login, find_user_token, find_refresh_token, find_api_key, prune_sessions;
DROP TABLE api_keys;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE user_tokens;
DROP TABLE users;
