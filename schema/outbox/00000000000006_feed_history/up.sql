-- The history by commit and by tenant. Nothing that is there already is in these indexes, so making them is one look through it.
-- Until that is over, relays publish and wait to settle: writers do not notice. An index on partitions cannot be made concurrently.

-- What became visible since a snapshot, by whatever tenant.
CREATE INDEX outbox_history_transaction_id_idx ON outbox_history (transaction_id, seq) WHERE transaction_id IS NOT NULL;
-- One tenant's events, page by page.
CREATE INDEX outbox_history_tenant_idx ON outbox_history (tenant_id, seq) WHERE transaction_id IS NOT NULL;
