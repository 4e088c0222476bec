DROP INDEX payments_received_on_idx;
DROP INDEX invoice_contents_issue_date_idx;
DROP INDEX invoice_contents_tax_point_idx;
ALTER TABLE invoice_contents DROP COLUMN tax_point;
DROP FUNCTION invoice_tax_point;
DELETE FROM runtime_privileges WHERE table_name = 'accounting_accounts';
DROP TABLE accounting_accounts;
