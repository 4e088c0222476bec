DROP INDEX outbox_events_refused_idx;
DROP INDEX outbox_events_due_idx;
