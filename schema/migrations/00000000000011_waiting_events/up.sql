-- Finds the events that were refused, and nothing else: while nothing waits these indexes are empty and cost no writer anything.
--
-- By aggregate: whether an event stands behind a refused one. `seq + 0`: see outbox_events_transaction_id_idx.
CREATE INDEX outbox_events_refused_idx ON outbox_events (aggregate_id, (seq + 0)) WHERE next_attempt_at IS NOT NULL;
-- By time: whose next attempt is due. The condition holds for every time; written so, it is no other index's, and the planner
-- has no choice (ADR 0003).
CREATE INDEX outbox_events_due_idx ON outbox_events ((shard + 0), next_attempt_at) WHERE next_attempt_at <= 'infinity';
