-- Invoices (docs/invoices.md, ADR 32): what moves is in invoices, what can be changed in invoice_drafts, and what is frozen in invoice_contents and the tables below it.

-- The codes of a company's series of numbers, and whether the dates of a series go up.
ALTER TABLE tenants
    ADD COLUMN invoice_series       text    NOT NULL DEFAULT 'FA'::text CHECK (invoice_series ~ '^[A-Z0-9]{1,10}$'),
    ADD COLUMN credit_note_series   text    NOT NULL DEFAULT 'AV'::text CHECK (credit_note_series ~ '^[A-Z0-9]{1,10}$'),
    ADD COLUMN issue_dates_in_order boolean NOT NULL DEFAULT true;

CREATE TABLE invoices (
    tenant_id   uuid           NOT NULL,
    id          uuid           NOT NULL,
    version     bigint         NOT NULL CHECK (version > 0),
    kind        text           NOT NULL CHECK (kind IN ('invoice', 'credit_note', 'prepayment')),
    state       text           NOT NULL CHECK (state IN ('draft', 'validated', 'sent', 'partly_paid', 'paid')),
    customer_id uuid           NOT NULL,
    -- What the customer calls the order that is invoiced.
    reference   text,
    -- NULL as long as it is a draft, like all up to the total.
    number      text,
    series      text,
    issue_date  date,
    due_on      date,
    gross_total numeric(19, 2),
    paid        numeric(19, 2) NOT NULL CHECK (paid >= 0::numeric),
    credited    numeric(19, 2) NOT NULL CHECK (credited >= 0::numeric),
    -- When the customer got it.
    sent_at     timestamptz,
    created_at  timestamptz    NOT NULL,
    updated_at  timestamptz    NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT invoices_number_key UNIQUE (tenant_id, number),
    CONSTRAINT invoices_numbered CHECK ((state = 'draft') = (number IS NULL) AND (number IS NULL) = (series IS NULL)
        AND (number IS NULL) = (issue_date IS NULL) AND (number IS NULL) = (due_on IS NULL) AND (number IS NULL) = (gross_total IS NULL)),
    CONSTRAINT invoices_open CHECK (paid + credited <= COALESCE(gross_total, 0::numeric)),
    CONSTRAINT invoices_customer_fkey FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id)
);
CREATE INDEX invoices_created_at_idx ON invoices (tenant_id, created_at, id);
CREATE INDEX invoices_updated_at_idx ON invoices (tenant_id, updated_at, id);
CREATE INDEX invoices_state_idx ON invoices (tenant_id, state, created_at, id);
CREATE INDEX invoices_customer_idx ON invoices (tenant_id, customer_id, created_at, id);
-- What is to be paid, the oldest first; most invoices are paid, and need no entry.
CREATE INDEX invoices_open_idx ON invoices (tenant_id, customer_id, due_on, id) WHERE state IN ('validated', 'sent', 'partly_paid');

-- What has a number is not removed, and nothing of what it says of itself changes.
CREATE FUNCTION invoices_keep_their_numbers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.number IS NULL AND TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF OLD.number IS NULL OR TG_OP = 'UPDATE' AND
        (OLD.tenant_id, OLD.id, OLD.kind, OLD.customer_id, OLD.number, OLD.series, OLD.issue_date, OLD.due_on, OLD.gross_total)
        IS NOT DISTINCT FROM
        (NEW.tenant_id, NEW.id, NEW.kind, NEW.customer_id, NEW.number, NEW.series, NEW.issue_date, NEW.due_on, NEW.gross_total)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an invoice that has a number is never changed or removed: make a credit note' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER invoices_keep_their_numbers BEFORE UPDATE OR DELETE ON invoices
    FOR EACH ROW EXECUTE FUNCTION invoices_keep_their_numbers();

CREATE TABLE invoice_drafts (
    tenant_id  uuid  NOT NULL,
    invoice_id uuid  NOT NULL,
    content    jsonb NOT NULL CHECK (jsonb_typeof(content) = 'object'),
    PRIMARY KEY (tenant_id, invoice_id),
    CONSTRAINT invoice_drafts_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);

CREATE TABLE invoice_contents (
    tenant_id    uuid        NOT NULL,
    invoice_id   uuid        NOT NULL,
    series       text        NOT NULL,
    year         smallint    NOT NULL,
    -- Counts from 1 in its series and year.
    position     bigint      NOT NULL CHECK (position > 0),
    issue_date   date        NOT NULL,
    -- Everything that the document says, as JSON: these bytes were hashed.
    content      text        NOT NULL,
    digest       bytea       NOT NULL CHECK (octet_length(digest) = 32),
    validated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, invoice_id),
    CONSTRAINT invoice_contents_position_key UNIQUE (tenant_id, series, year, position),
    CONSTRAINT invoice_contents_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);

-- Once more, for sums by article, rate and period; api invoices verify compares both.
CREATE TABLE invoice_lines (
    tenant_id  uuid           NOT NULL,
    invoice_id uuid           NOT NULL,
    -- Counts from 1.
    position   smallint       NOT NULL CHECK (position > 0),
    -- NULL if it is no product.
    product_id uuid,
    -- The order's line that it invoices, if it is of an order.
    order_id   uuid,
    order_position smallint,
    nature     text           NOT NULL CHECK (nature IN ('goods', 'service')),
    quantity   numeric(19, 6) NOT NULL,
    net        numeric(19, 2) NOT NULL,
    category   text           NOT NULL,
    -- NULL if the category is O.
    rate       numeric(5, 2),
    -- Why it has this VAT.
    why        text           NOT NULL,
    PRIMARY KEY (tenant_id, invoice_id, position),
    CONSTRAINT invoice_lines_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoice_contents (tenant_id, invoice_id)
);

CREATE TABLE invoice_vat (
    tenant_id  uuid           NOT NULL,
    invoice_id uuid           NOT NULL,
    position   smallint       NOT NULL CHECK (position > 0),
    category   text           NOT NULL,
    rate       numeric(5, 2),
    base       numeric(19, 2) NOT NULL,
    tax        numeric(19, 2) NOT NULL,
    PRIMARY KEY (tenant_id, invoice_id, position),
    CONSTRAINT invoice_vat_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoice_contents (tenant_id, invoice_id)
);

-- What a draft or an invoice invoices of an order's line. Written under the lock of the order: what all claim of a line together is never more than has left of it.
CREATE TABLE invoice_claims (
    tenant_id  uuid           NOT NULL,
    invoice_id uuid           NOT NULL,
    -- The invoice's; counts from 1.
    line       smallint       NOT NULL CHECK (line > 0),
    order_id   uuid           NOT NULL,
    -- The order's line.
    position   smallint       NOT NULL CHECK (position > 0),
    quantity   numeric(19, 6) NOT NULL CHECK (quantity > 0::numeric),
    PRIMARY KEY (tenant_id, invoice_id, line),
    CONSTRAINT invoice_claims_invoice_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);
CREATE INDEX invoice_claims_order_idx ON invoice_claims (tenant_id, order_id, position);

-- The heads of the chains.
CREATE TABLE invoice_series (
    tenant_id uuid   NOT NULL,
    code      text   NOT NULL,
    -- Of its last link.
    position  bigint NOT NULL,
    hash      bytea  NOT NULL,
    PRIMARY KEY (tenant_id, code)
) WITH (fillfactor = 50);

CREATE TABLE invoice_counters (
    tenant_id uuid     NOT NULL,
    series    text     NOT NULL,
    year      smallint NOT NULL,
    last      bigint   NOT NULL CHECK (last > 0),
    -- The latest date that has a number.
    latest    date     NOT NULL,
    PRIMARY KEY (tenant_id, series, year)
) WITH (fillfactor = 50);

CREATE TABLE invoice_chain (
    tenant_id     uuid        NOT NULL,
    series        text        NOT NULL,
    position      bigint      NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('validated', 'document', 'payment', 'reversal')),
    subject_id    uuid        NOT NULL,
    occurred_at   timestamptz NOT NULL,
    digest        bytea       NOT NULL CHECK (octet_length(digest) = 32),
    previous_hash bytea       NOT NULL,
    hash          bytea       NOT NULL,
    PRIMARY KEY (tenant_id, series, position)
);

CREATE FUNCTION invoices_are_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what an invoice says is never changed or removed: make a credit note' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER invoice_contents_are_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_contents
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_are_frozen();
CREATE TRIGGER invoice_lines_are_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_lines
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_are_frozen();
CREATE TRIGGER invoice_vat_is_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_vat
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_are_frozen();
CREATE TRIGGER invoice_chain_is_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_chain
    FOR EACH STATEMENT EXECUTE FUNCTION invoices_are_frozen();

CALL comptoir_protect('invoices'::regclass);
CALL comptoir_protect('invoice_drafts'::regclass);
CALL comptoir_protect('invoice_claims'::regclass);
CALL comptoir_protect('invoice_contents'::regclass);
CALL comptoir_protect('invoice_lines'::regclass);
CALL comptoir_protect('invoice_vat'::regclass);
CALL comptoir_protect('invoice_series'::regclass);
CALL comptoir_protect('invoice_counters'::regclass);
CALL comptoir_protect('invoice_chain'::regclass);
INSERT INTO runtime_privileges VALUES
    ('invoices', 'SELECT, INSERT, UPDATE, DELETE'),
    ('invoice_drafts', 'SELECT, INSERT, UPDATE, DELETE'),
    ('invoice_claims', 'SELECT, INSERT, DELETE'),
    ('invoice_contents', 'SELECT, INSERT'),
    ('invoice_lines', 'SELECT, INSERT'),
    ('invoice_vat', 'SELECT, INSERT');

CREATE FUNCTION invoice_words(tenant uuid, number text, reference text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN comptoir_words(tenant, COALESCE(number, ''::text) || ' '::text || COALESCE(reference, ''::text), ''::text);
CREATE INDEX invoices_words_idx ON invoices USING gin (invoice_words(tenant_id, number, reference));

-- What a link's hash is made of; docs/invoices.md says it in words, and core/src/commerce/invoices/chain.rs does it once more.
CREATE FUNCTION invoice_hash(
    previous_hash bytea, tenant_id uuid, series text, "position" bigint, kind text, subject_id uuid, occurred_at timestamptz, digest bytea
) RETURNS bytea
    LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    micros      text := (extract(epoch FROM occurred_at) * 1000000)::bigint;
    digest_text text := encode(digest, 'hex');
BEGIN
    RETURN sha256(previous_hash || convert_to(
        COALESCE(octet_length(tenant_id::text) || ':' || tenant_id::text, '-')
        || COALESCE(octet_length(series) || ':' || series, '-')
        || COALESCE(octet_length("position"::text) || ':' || "position"::text, '-')
        || COALESCE(octet_length(kind) || ':' || kind, '-')
        || COALESCE(octet_length(subject_id::text) || ':' || subject_id::text, '-')
        || COALESCE(octet_length(micros) || ':' || micros, '-')
        || COALESCE(octet_length(digest_text) || ':' || digest_text, '-'),
        'UTF8'));
END
$$;

-- The only way to a number and to a link: the runtime role can call these two, and cannot write their tables. They run as their owner, for the company that the
-- transaction is bound to. From here to the commit, the series belongs to this session: call them last.
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
-- Draws the next number of a series and of the year of this date. Draws none, and gives the latest date that has a number, if dates are to go up and this one is
-- before it.
CREATE FUNCTION invoice_draw(series text, issue_date date, in_order boolean) RETURNS TABLE (drawn bigint, latest_date date)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    own_tenant uuid := @schema@.comptoir_tenant();
    own_year   smallint := extract(year FROM $2)::smallint;
    last_date  date;
    own_number bigint;
BEGIN
    LOOP
        PERFORM FROM @schema@.invoice_series AS s WHERE s.tenant_id = own_tenant AND s.code = $1 FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO @schema@.invoice_series VALUES (own_tenant, $1, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    END LOOP;
    SELECT max(c.latest) INTO last_date FROM @schema@.invoice_counters AS c WHERE c.tenant_id = own_tenant AND c.series = $1;
    IF $3 AND $2 < last_date THEN
        RETURN QUERY SELECT NULL::bigint, last_date;
        RETURN;
    END IF;
    INSERT INTO @schema@.invoice_counters AS c (tenant_id, series, year, last, latest) VALUES (own_tenant, $1, own_year, 1, $2)
    ON CONFLICT (tenant_id, series, year) DO UPDATE SET last = c.last + 1, latest = greatest(c.latest, EXCLUDED.latest)
    RETURNING c.last INTO own_number;
    RETURN QUERY SELECT own_number, last_date;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
    EXECUTE pg_catalog.replace($function$
-- Appends a link to the chain of a series.
CREATE FUNCTION invoice_link(series text, kind text, subject_id uuid, occurred_at timestamptz, digest bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    own_tenant uuid := @schema@.comptoir_tenant();
    head       @schema@.invoice_series;
    own_hash   bytea;
BEGIN
    LOOP
        SELECT s.* INTO head FROM @schema@.invoice_series AS s WHERE s.tenant_id = own_tenant AND s.code = $1 FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO @schema@.invoice_series VALUES (own_tenant, $1, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    END LOOP;
    own_hash := @schema@.invoice_hash(head.hash, own_tenant, $1, head.position + 1, $2, $3, $4, $5);
    INSERT INTO @schema@.invoice_chain VALUES (own_tenant, $1, head.position + 1, $2, $3, $4, $5, head.hash, own_hash);
    UPDATE @schema@.invoice_series AS s SET position = head.position + 1, hash = own_hash WHERE s.tenant_id = own_tenant AND s.code = $1;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION search_invoices(texts text, most bigint) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT id FROM @schema@.invoices WHERE @schema@.invoice_words(tenant_id, number, reference) @@ @schema@.comptoir_search(texts)
        AND (tenant_id = @schema@.comptoir_tenant()) IS TRUE LIMIT most
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION invoice_draw, invoice_link, search_invoices FROM PUBLIC;

CREATE OR REPLACE PROCEDURE comptoir_grant_runtime(runtime regrole) LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), runtime);
    FOR granted IN SELECT p.table_name, p.privileges FROM runtime_privileges AS p LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %I TO %s', granted.privileges, granted.table_name, runtime);
    END LOOP;
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_append, audit_append, find_login, find_user_token, find_refresh_token,
        find_api_key, search_customers, search_suppliers, search_products, search_orders, search_categories, search_warehouses,
        search_locations, search_stock, search_purchase_orders, search_invoices, invoice_draw, invoice_link, outbox_feed_page TO %s', runtime);
END
$$;
