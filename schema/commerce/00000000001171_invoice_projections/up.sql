-- Reports that are kept from the events of invoices and payments: sales by month and customer, and what customers owe.

-- Without deposits on both sides (ADR 33), and less credit notes.
CREATE TABLE sales_by_month (
    tenant_id   uuid           NOT NULL,
    generation  integer        NOT NULL,
    -- The beginning of the month of the issue date, in UTC.
    month       timestamptz    NOT NULL,
    customer_id uuid           NOT NULL,
    currency    text           NOT NULL,
    documents   bigint         NOT NULL,
    net_total   numeric(24, 2) NOT NULL,
    -- As the documents say, that of deposits too.
    vat_total   numeric(24, 2) NOT NULL,
    PRIMARY KEY (generation, tenant_id, month, customer_id)
);
CREATE INDEX sales_by_month_month_idx ON sales_by_month (tenant_id, generation, month, customer_id);
CREATE INDEX sales_by_month_customer_idx ON sales_by_month (tenant_id, generation, customer_id, month);
CALL comptoir_protect('sales_by_month'::regclass);
INSERT INTO runtime_privileges VALUES ('sales_by_month', 'SELECT');

CREATE TABLE receivables (
    tenant_id   uuid           NOT NULL,
    generation  integer        NOT NULL,
    customer_id uuid           NOT NULL,
    -- NULL until something was invoiced.
    currency    text,
    invoiced    numeric(24, 2) NOT NULL,
    credited    numeric(24, 2) NOT NULL,
    paid        numeric(24, 2) NOT NULL,
    -- Less than zero if more was paid and credited than invoiced.
    open_total  numeric(24, 2) NOT NULL GENERATED ALWAYS AS (invoiced - credited - paid) STORED,
    PRIMARY KEY (generation, tenant_id, customer_id)
);
CREATE INDEX receivables_open_total_idx ON receivables (tenant_id, generation, open_total, customer_id);
CALL comptoir_protect('receivables'::regclass);
INSERT INTO runtime_privileges VALUES ('receivables', 'SELECT');

ALTER TABLE projection_rebuilds
    DROP CONSTRAINT projection_rebuilds_phase_check,
    ADD CONSTRAINT projection_rebuilds_phase_check
        CHECK (phase IN ('orders', 'customers', 'products', 'invoices', 'payments', 'gone', 'inbox', 'over'));

DO $install$
BEGIN
    EXECUTE pg_catalog.replace($functions$

-- Each invoice, deposit and credit note is told of once: its position is 1, whatever became of it since.
CREATE FUNCTION projection_fill_invoices(generation integer, after_tenant uuid, after_id uuid, most integer)
    RETURNS TABLE (last_tenant uuid, last_id uuid, filled bigint)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH batch AS MATERIALIZED (
        SELECT i.tenant_id, i.id, i.customer_id, i.gross_total, i.kind = 'credit_note' AS is_credit_note, t.currency,
            pg_catalog.date_trunc('month', i.issue_date::timestamp) AT TIME ZONE 'UTC' AS month
        FROM @schema@.invoices AS i JOIN @schema@.tenants AS t ON t.id = i.tenant_id
        WHERE (i.tenant_id, i.id) > (after_tenant, after_id) AND i.number IS NOT NULL
            AND (SELECT @schema@.projection_is_built(projection_fill_invoices.generation))
        ORDER BY i.tenant_id, i.id LIMIT most
    ), sold AS MATERIALIZED (
        SELECT b.*, CASE WHEN b.is_credit_note THEN -1 ELSE 1 END * (v.base - l.deposits) AS net, CASE WHEN b.is_credit_note THEN -1 ELSE 1 END * v.tax AS vat
        FROM batch AS b
        CROSS JOIN LATERAL (
            SELECT COALESCE(pg_catalog.sum(one.base), 0) AS base, COALESCE(pg_catalog.sum(one.tax), 0) AS tax FROM @schema@.invoice_vat AS one
            WHERE one.tenant_id = b.tenant_id AND one.invoice_id = b.id
        ) AS v
        CROSS JOIN LATERAL (
            SELECT COALESCE(pg_catalog.sum(one.net) FILTER (WHERE one.deposit), 0) AS deposits FROM @schema@.invoice_lines AS one
            WHERE one.tenant_id = b.tenant_id AND one.invoice_id = b.id
        ) AS l
    ), placed AS (
        INSERT INTO @schema@.projection_positions (tenant_id, generation, aggregate_id, version)
        SELECT b.tenant_id, $1, b.id, 1 FROM batch AS b
    ), months AS (
        INSERT INTO @schema@.sales_by_month AS m (tenant_id, generation, month, customer_id, currency, documents, net_total, vat_total)
        SELECT s.tenant_id, $1, s.month, s.customer_id, pg_catalog.max(s.currency), pg_catalog.count(*), pg_catalog.sum(s.net), pg_catalog.sum(s.vat)
        FROM sold AS s GROUP BY s.tenant_id, s.month, s.customer_id
        ON CONFLICT ON CONSTRAINT sales_by_month_pkey DO UPDATE SET documents = m.documents + EXCLUDED.documents,
            net_total = m.net_total + EXCLUDED.net_total, vat_total = m.vat_total + EXCLUDED.vat_total
    ), owed AS (
        INSERT INTO @schema@.receivables AS r (tenant_id, generation, customer_id, currency, invoiced, credited, paid)
        SELECT b.tenant_id, $1, b.customer_id, pg_catalog.max(b.currency),
            COALESCE(pg_catalog.sum(b.gross_total) FILTER (WHERE NOT b.is_credit_note), 0),
            COALESCE(pg_catalog.sum(b.gross_total) FILTER (WHERE b.is_credit_note), 0), 0
        FROM batch AS b GROUP BY b.tenant_id, b.customer_id
        ON CONFLICT ON CONSTRAINT receivables_pkey DO UPDATE SET currency = COALESCE(r.currency, EXCLUDED.currency),
            invoiced = r.invoiced + EXCLUDED.invoiced, credited = r.credited + EXCLUDED.credited
    )
    SELECT b.tenant_id, b.id, pg_catalog.count(*) OVER () FROM batch AS b ORDER BY b.tenant_id DESC, b.id DESC LIMIT 1
$$;

CREATE FUNCTION projection_fill_payments(generation integer, after_tenant uuid, after_id uuid, most integer)
    RETURNS TABLE (last_tenant uuid, last_id uuid, filled bigint)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH batch AS MATERIALIZED (
        SELECT p.tenant_id, p.id, p.customer_id, p.amount FROM @schema@.payments AS p
        WHERE (p.tenant_id, p.id) > (after_tenant, after_id) AND (SELECT @schema@.projection_is_built(projection_fill_payments.generation))
        ORDER BY p.tenant_id, p.id LIMIT most
    ), placed AS (
        INSERT INTO @schema@.projection_positions (tenant_id, generation, aggregate_id, version)
        SELECT b.tenant_id, $1, b.id, 1 FROM batch AS b
    ), paid AS (
        INSERT INTO @schema@.receivables AS r (tenant_id, generation, customer_id, invoiced, credited, paid)
        SELECT b.tenant_id, $1, b.customer_id, 0, 0, pg_catalog.sum(b.amount) FROM batch AS b GROUP BY b.tenant_id, b.customer_id
        ON CONFLICT ON CONSTRAINT receivables_pkey DO UPDATE SET paid = r.paid + EXCLUDED.paid
    )
    SELECT b.tenant_id, b.id, pg_catalog.count(*) OVER () FROM batch AS b ORDER BY b.tenant_id DESC, b.id DESC LIMIT 1
$$;

-- Roughly how many aggregates a rebuild has to read.
CREATE OR REPLACE FUNCTION projection_size() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_catalog.sum(GREATEST(c.reltuples, 0))::bigint FROM pg_class AS c
    WHERE c.oid IN ('@schema@.orders'::regclass, '@schema@.customers'::regclass, '@schema@.products'::regclass, '@schema@.invoices'::regclass,
        '@schema@.payments'::regclass)
$$;
    $functions$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION projection_fill_invoices, projection_fill_payments FROM PUBLIC;

CREATE OR REPLACE PROCEDURE comptoir_grant_projections(services regrole) LANGUAGE plpgsql AS $$
DECLARE
    projection text;
    policy     text := pg_catalog.format('services %s', services);
BEGIN
    FOREACH projection IN ARRAY ARRAY['projection_inbox', 'projection_positions', 'projection_orders', 'projection_order_products',
        'order_timeline', 'sales_by_day', 'sales_by_month', 'sales_by_product', 'customer_activity', 'receivables'] LOOP
        EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %s', projection, services);
        EXECUTE pg_catalog.format('DROP POLICY IF EXISTS %I ON %I', policy, projection);
        EXECUTE pg_catalog.format('CREATE POLICY %I ON %I TO %s USING (true)', policy, projection, services);
    END LOOP;
    EXECUTE pg_catalog.format('GRANT SELECT, UPDATE ON projection_state TO %s', services);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON projection_rebuilds TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION projection_fill_orders, projection_fill_customers, projection_fill_products,
        projection_fill_invoices, projection_fill_payments, projection_fill_gone, projection_size TO %s', services);
END
$$;
