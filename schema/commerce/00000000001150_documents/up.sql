-- The documents of invoices (docs/invoices.md, "The document"): what is to be made, by a service, and what was made of it, once.

CREATE TABLE invoice_documents (
    tenant_id   uuid        NOT NULL,
    invoice_id  uuid        NOT NULL,
    pages       integer     NOT NULL CHECK (pages > 0),
    pdf         bytea       NOT NULL,
    -- SHA-256 of the file, as of the next one.
    pdf_digest  bytea       NOT NULL CHECK (octet_length(pdf_digest) = 32),
    xml         bytea       NOT NULL,
    xml_digest  bytea       NOT NULL CHECK (octet_length(xml_digest) = 32),
    rendered_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, invoice_id),
    CONSTRAINT invoice_documents_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoice_contents (tenant_id, invoice_id)
);
-- It is compressed already.
ALTER TABLE invoice_documents ALTER COLUMN pdf SET STORAGE EXTERNAL;

CREATE TABLE invoice_document_queue (
    tenant_id  uuid        NOT NULL,
    invoice_id uuid        NOT NULL,
    -- What is done is no longer here.
    state      text        NOT NULL DEFAULT 'waiting'::text CHECK (state IN ('waiting', 'dead')),
    -- Begun ones: which attempt it is, too, so that one which was given up writes nothing down.
    attempts   integer     NOT NULL DEFAULT 0,
    -- From when on it may be taken; while somebody is at it, when their lease ends.
    due_at     timestamptz NOT NULL DEFAULT now(),
    last_error text,
    queued_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, invoice_id),
    CONSTRAINT invoice_document_queue_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoice_contents (tenant_id, invoice_id)
);
CREATE INDEX invoice_document_queue_due_idx ON invoice_document_queue (tenant_id, due_at, invoice_id) WHERE state = 'waiting';
CREATE INDEX invoice_document_queue_dead_idx ON invoice_document_queue (queued_at) WHERE state = 'dead';

-- How a company's documents look. A document keeps the look that it was made with.
CREATE TABLE document_styles (
    tenant_id   uuid        NOT NULL,
    accent      text        CHECK (accent ~ '^#[0-9a-f]{6}$'),
    footer      text,
    -- A PNG.
    logo        bytea       CHECK (octet_length(logo) <= 524288),
    logo_digest bytea       CHECK (octet_length(logo_digest) = 32),
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id),
    CONSTRAINT document_styles_logo CHECK ((logo IS NULL) = (logo_digest IS NULL))
);

CREATE TRIGGER invoice_documents_are_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_documents
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_are_frozen();

CALL comptoir_protect('invoice_documents'::regclass);
CALL comptoir_protect('invoice_document_queue'::regclass);
CALL comptoir_protect('document_styles'::regclass);
INSERT INTO runtime_privileges VALUES
    ('invoice_documents', 'SELECT, INSERT'),
    ('invoice_document_queue', 'SELECT, INSERT, UPDATE, DELETE'),
    ('document_styles', 'SELECT, INSERT, UPDATE');

-- What was validated before.
INSERT INTO invoice_document_queue (tenant_id, invoice_id) SELECT c.tenant_id, c.invoice_id FROM invoice_contents AS c;

DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
-- Takes documents that are to be made, for as long as the lease, and says which attempt it is. The oldest of each company come first, and everybody's first one
-- before anybody's second.
CREATE FUNCTION claim_invoice_documents(most bigint, lease_ms bigint) RETURNS TABLE (tenant_id uuid, invoice_id uuid, attempts integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE company AS (
        (SELECT q.tenant_id FROM @schema@.invoice_document_queue AS q WHERE q.state = 'waiting' ORDER BY q.tenant_id LIMIT 1)
        UNION ALL
        SELECT next.tenant_id FROM company, LATERAL (
            SELECT q.tenant_id FROM @schema@.invoice_document_queue AS q WHERE q.state = 'waiting' AND q.tenant_id > company.tenant_id
            ORDER BY q.tenant_id LIMIT 1
        ) AS next
    ), due AS (
        SELECT d.tenant_id, d.invoice_id, d.due_at, row_number() OVER (PARTITION BY d.tenant_id ORDER BY d.due_at, d.invoice_id) AS turn
        FROM company, LATERAL (
            SELECT q.tenant_id, q.invoice_id, q.due_at FROM @schema@.invoice_document_queue AS q
            WHERE q.tenant_id = company.tenant_id AND q.state = 'waiting' AND q.due_at <= now()
            ORDER BY q.due_at, q.invoice_id LIMIT $1
        ) AS d
    ), chosen AS (
        SELECT d.tenant_id, d.invoice_id FROM due AS d ORDER BY d.turn, d.due_at LIMIT $1
    ), locked AS (
        SELECT q.tenant_id, q.invoice_id FROM @schema@.invoice_document_queue AS q
        JOIN chosen AS c ON c.tenant_id = q.tenant_id AND c.invoice_id = q.invoice_id
        WHERE q.state = 'waiting' AND q.due_at <= now() FOR UPDATE OF q SKIP LOCKED
    )
    UPDATE @schema@.invoice_document_queue AS q
    SET due_at = now() + make_interval(secs => $2 / 1000.0), attempts = q.attempts + 1
    FROM locked AS l WHERE q.tenant_id = l.tenant_id AND q.invoice_id = l.invoice_id
    RETURNING q.tenant_id, q.invoice_id, q.attempts;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
    EXECUTE pg_catalog.replace($function$
-- How many documents wait, counted up to 100,000, how many could not be made, and since when the oldest waits.
CREATE FUNCTION invoice_document_overview() RETURNS TABLE (waiting bigint, dead bigint, oldest timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (SELECT count(*) FROM (SELECT FROM @schema@.invoice_document_queue AS q WHERE q.state = 'waiting' LIMIT 100000) AS w),
        (SELECT count(*) FROM @schema@.invoice_document_queue AS q WHERE q.state = 'dead'),
        (SELECT min(q.queued_at) FROM @schema@.invoice_document_queue AS q WHERE q.state = 'waiting')
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
    EXECUTE pg_catalog.replace($function$
-- Has documents made that could not be made, the oldest first. Returns how many.
CREATE FUNCTION requeue_invoice_documents(most bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    requeued bigint;
BEGIN
    UPDATE @schema@.invoice_document_queue AS q SET state = 'waiting', attempts = 0, due_at = now()
    FROM (
        SELECT d.tenant_id, d.invoice_id FROM @schema@.invoice_document_queue AS d WHERE d.state = 'dead'
        ORDER BY d.queued_at LIMIT $1 FOR UPDATE SKIP LOCKED
    ) AS chosen
    WHERE q.tenant_id = chosen.tenant_id AND q.invoice_id = chosen.invoice_id;
    GET DIAGNOSTICS requeued = ROW_COUNT;
    RETURN requeued;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION claim_invoice_documents, invoice_document_overview, requeue_invoice_documents FROM PUBLIC;

-- Whoever may call the one may call the others: the services' log-in needs no further step.
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
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION claim_invoice_documents, invoice_document_overview, requeue_invoice_documents TO %s',
            services::pg_catalog.regrole);
    END LOOP;
END
$$;

CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT SELECT ON SEQUENCE outbox_events_seq_seq TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports, untold_stock,
        stock_to_promise, stock_to_digest, claim_invoice_documents, invoice_document_overview, requeue_invoice_documents TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION due_email_lanes, recent_emails, email_overview, claim_emails, settle_email, renew_emails,
        expire_emails, prune_emails, emails_of_all, email_tenants TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION trace_correlation TO %s', services);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_projections(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_auditor(%L::pg_catalog.regrole)', current_schema(), services::text);
END
$$;
