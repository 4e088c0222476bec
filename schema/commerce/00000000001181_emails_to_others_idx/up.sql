-- The e-mails to who is no user: customers. Those to one who is anonymised are found by it.
CREATE INDEX CONCURRENTLY emails_to_others_idx ON emails (tenant_id, recipient) WHERE user_id IS NULL;
