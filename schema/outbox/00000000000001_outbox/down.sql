DROP TABLE outbox_operation_events;
DROP TABLE outbox_operations;
DROP TABLE relay_replicas;
DROP TABLE relay_shards;
DROP TABLE outbox_dead_letters;
DROP TABLE outbox_history;
DROP TABLE outbox_events;
DROP FUNCTION outbox_headers_fit(jsonb);
