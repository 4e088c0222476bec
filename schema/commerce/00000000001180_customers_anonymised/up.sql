-- Customers of whom nothing is left that says who they were (docs/retention.md), and what the export of a whole company reads (api tenants export).

-- NULL for everybody else.
ALTER TABLE customers ADD COLUMN anonymised_at timestamptz;

-- Bound to the company by the tables' policies.
UPDATE runtime_privileges SET privileges = 'SELECT, INSERT' WHERE table_name = 'order_steps';
INSERT INTO runtime_privileges VALUES ('invoice_chain', 'SELECT') ON CONFLICT (table_name) DO NOTHING;
