-- Who decided what about events, and when: `relay dead-letters requeue|discard` and `relay replay` write here.

CREATE TABLE outbox_operations (
    id          uuid        PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    -- As the operator gave it, or user@host.
    operator    text        NOT NULL,
    host        text        NOT NULL,
    operation   text        NOT NULL,
    -- What was asked for: ids, event type, aggregate, times.
    filter      jsonb       NOT NULL,
    -- Events concerned so far, counted in the transactions that concern them.
    count       bigint      NOT NULL DEFAULT 0,
    -- NULL while it runs, and for ever if it was killed.
    finished_at timestamptz,
    CONSTRAINT outbox_operations_operation_known CHECK (operation IN ('requeue', 'discard', 'replay')),
    CONSTRAINT outbox_operations_operator_length CHECK (char_length(operator) BETWEEN 1 AND 200)
);
CREATE INDEX outbox_operations_at_idx ON outbox_operations (at);

-- Which events a requeue or a discard concerned. A replay may concern the whole history: its filter says which.
CREATE TABLE outbox_operation_events (
    operation_id uuid NOT NULL REFERENCES outbox_operations ON DELETE CASCADE,
    event_id     uuid NOT NULL,
    PRIMARY KEY (operation_id, event_id)
);
-- What happened to this event?
CREATE INDEX outbox_operation_events_event_id_idx ON outbox_operation_events (event_id);
