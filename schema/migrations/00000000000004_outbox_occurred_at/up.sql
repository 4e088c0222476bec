-- The header `occurred-at` is RFC 3339, whose years have four digits; PostgreSQL's infinities and later years have no
-- place in it, and a row that no relay can read would stop its shard.
ALTER TABLE outbox_events ADD CONSTRAINT outbox_events_occurred_at_range
    CHECK (occurred_at >= '0001-01-01 00:00:00+00' AND occurred_at < '10000-01-01 00:00:00+00');
