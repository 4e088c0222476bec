-- What can be shipped now: confirmed, and nothing of it waits. An order is in it until it has left. The column that says whether it
-- waits is part of the order, so that no other index gives that order (ADR 17).
CREATE INDEX CONCURRENTLY orders_to_prepare_idx ON orders (tenant_id, waits, placed_at, id) WHERE status = 'confirmed'::text;
