CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports TO %s', services);
END
$$;
DROP FUNCTION due_emails, recent_emails, email_overview, claim_emails, settle_email, renew_emails, expire_emails, prune_emails;
DELETE FROM runtime_privileges WHERE table_name IN ('emails', 'email_secrets', 'email_attempts');
DROP TABLE email_attempts;
DROP TABLE email_secrets;
DROP TABLE emails;
ALTER TABLE tenants DROP COLUMN language, DROP COLUMN email_from, DROP COLUMN email_reply_to;
