-- The credit notes of an invoice.
CREATE INDEX CONCURRENTLY invoices_corrects_idx ON invoices (tenant_id, corrects) WHERE corrects IS NOT NULL;
