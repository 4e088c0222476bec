-- Who is in a group; most customers are in none, and need no entry.
CREATE INDEX CONCURRENTLY customers_group_idx ON customers (tenant_id, group_id) WHERE group_id IS NOT NULL;
