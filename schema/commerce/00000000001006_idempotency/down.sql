DROP FUNCTION prune_idempotency_records;
DROP TABLE idempotency_records;
