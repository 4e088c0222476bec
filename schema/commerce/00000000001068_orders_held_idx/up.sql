-- What waits for approval.
CREATE INDEX CONCURRENTLY orders_held_idx ON orders (tenant_id, held_for_approval, placed_at, id) WHERE held_for_approval;
