DROP TABLE outbox_operation_events;
DROP TABLE outbox_operations;
