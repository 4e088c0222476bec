-- What is overdue, and who is reminded of it (docs/invoices.md, "Overdue and reminders").

ALTER TABLE customers
    -- Whether it gets reminders, where the company sends any.
    ADD COLUMN reminders boolean NOT NULL DEFAULT true;

ALTER TABLE tenants
    -- The levels of reminders, the first one first; none: no reminders are sent.
    ADD COLUMN reminder_levels jsonb NOT NULL DEFAULT '[]'::jsonb CHECK (jsonb_typeof(reminder_levels) = 'array');

ALTER TABLE invoices
    -- Why the customer does not pay; NULL if nothing is disputed.
    ADD COLUMN dispute    text,
    -- The day on which it was found overdue: it is told once.
    ADD COLUMN overdue_on date,
    ADD CONSTRAINT invoices_overdue_numbered CHECK (overdue_on IS NULL OR number IS NOT NULL);
-- What is to be told of; what is told has no entry.
CREATE INDEX invoices_past_due_idx ON invoices (due_on, tenant_id, id)
    WHERE state IN ('validated', 'sent', 'partly_paid') AND kind <> 'credit_note' AND overdue_on IS NULL;
-- Of one company: what is to be paid, by when.
CREATE INDEX invoices_unpaid_idx ON invoices (tenant_id, due_on, id) WHERE state IN ('validated', 'sent', 'partly_paid') AND kind <> 'credit_note';
CREATE INDEX invoices_issue_date_idx ON invoices (tenant_id, issue_date, id);
-- For statements, and for what was open on an earlier day.
CREATE INDEX invoices_customer_issue_date_idx ON invoices (tenant_id, customer_id, issue_date, id);
CREATE INDEX invoices_customer_paid_idx ON invoices (tenant_id, customer_id, updated_at) WHERE state = 'paid';

-- Which invoice was named in a reminder of which level: of each level once.
CREATE TABLE invoice_reminders (
    tenant_id   uuid        NOT NULL,
    invoice_id  uuid        NOT NULL,
    -- Counts from 1.
    level       smallint    NOT NULL CHECK (level > 0),
    email_id    uuid        NOT NULL,
    reminded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, invoice_id, level),
    CONSTRAINT invoice_reminders_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);
CALL comptoir_protect('invoice_reminders'::regclass);
INSERT INTO runtime_privileges VALUES ('invoice_reminders', 'SELECT, INSERT');

DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
-- Of all companies: what is due before a day and is not told to be overdue, behind a row of this order. Which day it is there, the company's time zone says.
CREATE FUNCTION invoices_past_due(before date, after_due date, after_tenant uuid, after_id uuid, most bigint)
    RETURNS TABLE (due_on date, tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.due_on, i.tenant_id, i.id FROM @schema@.invoices AS i
    WHERE i.state IN ('validated', 'sent', 'partly_paid') AND i.kind <> 'credit_note' AND i.overdue_on IS NULL
        AND i.due_on < $1 AND (i.due_on, i.tenant_id, i.id) > ($2, $3, $4)
    ORDER BY i.due_on, i.tenant_id, i.id LIMIT $5
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
    EXECUTE pg_catalog.replace($function$
-- Companies that send reminders, behind one of them.
CREATE FUNCTION companies_that_remind(after uuid, most bigint) RETURNS TABLE (tenant_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.id FROM @schema@.tenants AS t WHERE t.reminder_levels <> '[]'::jsonb AND t.id > $1 ORDER BY t.id LIMIT $2
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION invoices_past_due, companies_that_remind FROM PUBLIC;

-- Whoever may call the one may call the other: the services' log-in needs no further step.
DO $$
DECLARE
    services pg_catalog.oid;
BEGIN
    FOR services IN
        SELECT DISTINCT acl.grantee FROM pg_catalog.pg_proc AS p, pg_catalog.aclexplode(p.proacl) AS acl
        WHERE p.oid OPERATOR(pg_catalog.=) 'due_email_lanes'::pg_catalog.regproc::pg_catalog.oid
            AND acl.privilege_type OPERATOR(pg_catalog.=) 'EXECUTE'::pg_catalog.text
            AND acl.grantee OPERATOR(pg_catalog.<>) p.proowner AND acl.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION invoices_past_due, companies_that_remind TO %s', services::pg_catalog.regrole);
    END LOOP;
END
$$;

CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT SELECT ON SEQUENCE outbox_events_seq_seq TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports, untold_stock,
        stock_to_promise, stock_to_digest, claim_invoice_documents, invoice_document_overview, requeue_invoice_documents,
        invoices_to_send, email_document, invoices_past_due, companies_that_remind TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION due_email_lanes, recent_emails, email_overview, claim_emails, settle_email, renew_emails,
        expire_emails, prune_emails, emails_of_all, email_tenants TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION trace_correlation TO %s', services);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_projections(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_auditor(%L::pg_catalog.regrole)', current_schema(), services::text);
END
$$;
