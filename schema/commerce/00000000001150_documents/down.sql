CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT SELECT ON SEQUENCE outbox_events_seq_seq TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports, untold_stock,
        stock_to_promise, stock_to_digest TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION due_email_lanes, recent_emails, email_overview, claim_emails, settle_email, renew_emails,
        expire_emails, prune_emails, emails_of_all, email_tenants TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION trace_correlation TO %s', services);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_projections(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_auditor(%L::pg_catalog.regrole)', current_schema(), services::text);
END
$$;

DELETE FROM runtime_privileges WHERE table_name IN ('invoice_documents', 'invoice_document_queue', 'document_styles');
DROP FUNCTION claim_invoice_documents, invoice_document_overview, requeue_invoice_documents;
DROP TABLE document_styles, invoice_document_queue, invoice_documents;
