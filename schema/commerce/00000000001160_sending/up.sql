-- How invoices reach customers (docs/invoices.md, "Sending"): what is to be sent is in invoice_sendings, what became of it in invoice_transmissions.

-- Customers may be many, so the constraint comes without a look at the rows, which have the default.
ALTER TABLE customers
    -- How it gets its invoices; NULL if nothing was agreed: by e-mail.
    ADD COLUMN invoice_channel text,
    ADD CONSTRAINT customers_invoice_channel_check CHECK (invoice_channel IN ('email', 'download', 'platform')) NOT VALID;

ALTER TABLE invoices
    -- By which channel the customer got it first.
    ADD COLUMN sent_by text CHECK (sent_by IN ('email', 'download', 'platform')),
    ADD CONSTRAINT invoices_sent_by_given CHECK ((sent_at IS NULL) = (sent_by IS NULL));

-- The invoice whose document is attached; the document itself is never copied into the queue.
ALTER TABLE emails ADD COLUMN invoice_id uuid;

CREATE TABLE invoice_sendings (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    invoice_id uuid        NOT NULL,
    channel    text        NOT NULL CHECK (channel IN ('email', 'platform')),
    -- waiting: for its document, or for another attempt; queued: its e-mail waits; sent: the mail server, or the platform, took it.
    state      text        NOT NULL CHECK (state IN ('waiting', 'queued', 'sent', 'failed')),
    email_id   uuid,
    -- Of giving it to the platform.
    attempts   integer     NOT NULL CHECK (attempts >= 0),
    -- When to look at it next.
    due_at     timestamptz NOT NULL,
    asked_by   text        NOT NULL,
    asked_at   timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT invoice_sendings_email_given CHECK (state <> 'queued' OR email_id IS NOT NULL),
    CONSTRAINT invoice_sendings_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);
CREATE UNIQUE INDEX invoice_sendings_under_way_key ON invoice_sendings (tenant_id, invoice_id, channel) WHERE state IN ('waiting', 'queued');
CREATE INDEX invoice_sendings_due_idx ON invoice_sendings (due_at, tenant_id, id) WHERE state IN ('waiting', 'queued', 'failed');

CREATE TABLE invoice_transmissions (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    invoice_id  uuid        NOT NULL,
    channel     text        NOT NULL CHECK (channel IN ('email', 'download', 'platform')),
    -- asked, sent, failed, or a state of the life cycle of the French reform by its name.
    status      text        NOT NULL,
    -- Of that life cycle: 200 to 213.
    code        smallint    CHECK (code BETWEEN 200::smallint AND 299::smallint),
    -- What the mail server, the platform or a person said.
    detail      text,
    email_id    uuid,
    recorded_by text        NOT NULL,
    -- As the platform says; otherwise when it was recorded.
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT invoice_transmissions_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);
CREATE INDEX invoice_transmissions_invoice_idx ON invoice_transmissions (tenant_id, invoice_id, recorded_at, id);

CREATE FUNCTION transmissions_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what became of an invoice on its way is never changed or removed: record what happened then' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER invoice_transmissions_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_transmissions
    FOR EACH STATEMENT EXECUTE FUNCTION transmissions_are_kept();

CALL comptoir_protect('invoice_sendings'::regclass);
CALL comptoir_protect('invoice_transmissions'::regclass);
INSERT INTO runtime_privileges VALUES
    ('invoice_sendings', 'SELECT, INSERT, UPDATE'),
    ('invoice_transmissions', 'SELECT, INSERT');

DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
-- Of all companies: what can be sent by now, or of which the mail server has decided. Those that failed are looked at as long as somebody may send their e-mail
-- again: e-mails that are over are deleted after some days.
CREATE FUNCTION invoices_to_send(most bigint) RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.tenant_id, s.id FROM @schema@.invoice_sendings AS s
    WHERE s.state IN ('waiting', 'queued', 'failed') AND s.due_at <= now() AND CASE s.state
        WHEN 'waiting' THEN EXISTS (SELECT FROM @schema@.invoice_documents AS d WHERE d.tenant_id = s.tenant_id AND d.invoice_id = s.invoice_id)
        WHEN 'queued' THEN NOT EXISTS (SELECT FROM @schema@.emails AS e
            WHERE e.tenant_id = s.tenant_id AND e.id = s.email_id AND e.state IN ('waiting', 'sending'))
        ELSE EXISTS (SELECT FROM @schema@.emails AS e WHERE e.tenant_id = s.tenant_id AND e.id = s.email_id AND e.state = 'sent')
        END
    ORDER BY s.due_at, s.tenant_id, s.id LIMIT $1;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
    EXECUTE pg_catalog.replace($function$
-- The document that is attached to an e-mail, for the attempt that is sending it now.
CREATE FUNCTION email_document(tenant uuid, email uuid, attempt bigint) RETURNS TABLE (number text, pdf bytea)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT i.number, d.pdf FROM @schema@.emails AS e
        JOIN @schema@.invoices AS i ON i.tenant_id = e.tenant_id AND i.id = e.invoice_id
        JOIN @schema@.invoice_documents AS d ON d.tenant_id = e.tenant_id AND d.invoice_id = e.invoice_id
    WHERE e.tenant_id = $1 AND e.id = $2 AND e.epoch = $3 AND e.state = 'sending';
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION invoices_to_send, email_document FROM PUBLIC;

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
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION invoices_to_send, email_document TO %s', services::pg_catalog.regrole);
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
        invoices_to_send, email_document TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION due_email_lanes, recent_emails, email_overview, claim_emails, settle_email, renew_emails,
        expire_emails, prune_emails, emails_of_all, email_tenants TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION trace_correlation TO %s', services);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_projections(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_auditor(%L::pg_catalog.regrole)', current_schema(), services::text);
END
$$;
