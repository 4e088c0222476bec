-- Accounting (docs/invoices.md, "VAT due" and "Accounting export"): reads over what is frozen of invoices and over payments, and the accounts of each company.

-- Where amounts are booked: the numbers that a company has of its own. What has none goes to the usual number (core/src/commerce/accounting/accounts.rs).
-- The whole table of a company is replaced at once, under the lock of the company.
CREATE TABLE accounting_accounts (
    tenant_id uuid     NOT NULL,
    -- Counts from 1.
    position  smallint NOT NULL CHECK (position > 0),
    purpose   text     NOT NULL CHECK (purpose IN ('customers', 'goods', 'services', 'vat', 'deposits', 'transfer', 'card', 'cheque', 'cash', 'direct_debit', 'other')),
    -- NULL: of every category of VAT.
    category  text,
    -- In percent; NULL: of every rate.
    rate      numeric(5, 2),
    -- Begins with three digits (LPF, A47 A-1).
    number    text     NOT NULL CHECK (number ~ '^[0-9]{3}[0-9A-Z]{0,17}$'),
    label     text     NOT NULL,
    PRIMARY KEY (tenant_id, position)
);
CALL comptoir_protect('accounting_accounts'::regclass);
INSERT INTO runtime_privileges VALUES ('accounting_accounts', 'SELECT, INSERT, DELETE');

-- The date on which goods were delivered (BT-72), or the end of the period that is invoiced (BT-74): the VAT on goods is due in the period of it. The members are
-- those of core/src/commerce/invoices/content.rs. NULL if the text is none of theirs: api invoices verify finds that, and whoever reads dates is not stopped by it.
CREATE FUNCTION invoice_tax_point(content text) RETURNS date
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    said jsonb;
BEGIN
    said := content::jsonb;
    RETURN COALESCE(said #>> '{period,end}', said #>> '{delivery,date}')::date;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END
$$;

-- A column, and no index on the function: with row-level security, PostgreSQL would not look into an index for what a function says.
-- The tables are as new as this one: nobody waits.
ALTER TABLE invoice_contents ADD COLUMN tax_point date NOT NULL GENERATED ALWAYS AS (COALESCE(invoice_tax_point(content), issue_date)) STORED;
CREATE INDEX invoice_contents_tax_point_idx ON invoice_contents (tenant_id, tax_point);
CREATE INDEX invoice_contents_issue_date_idx ON invoice_contents (tenant_id, issue_date, series, position);
CREATE INDEX payments_received_on_idx ON payments (tenant_id, received_on, created_at, id);
