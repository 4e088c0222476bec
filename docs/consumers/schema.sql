-- The tables of the example consumers, in a database of the consumer's own. Run once: psql "$DATABASE_URL" -f schema.sql

-- One row for every message that was processed. The primary key is what makes a repeat a repeat.
CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);
-- For the job that deletes what is older than the longest replay (docs/consumers.md).
CREATE INDEX inbox_received_at ON inbox (received_at);

-- What the example makes of the events: the last state of each order, and a count that an event applied twice would spoil.
CREATE TABLE orders_seen (
    order_id text PRIMARY KEY,
    aggregate_version bigint NOT NULL,
    status text NOT NULL,
    gross_total numeric,
    events bigint NOT NULL DEFAULT 1
);

-- A log of what was applied, in the order in which it was: the tests read it. late: an event of a later version was there before.
CREATE TABLE applied (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id text NOT NULL,
    order_id text NOT NULL,
    aggregate_version bigint NOT NULL,
    event_type text NOT NULL,
    late boolean NOT NULL,
    replayed boolean NOT NULL,
    worker text NOT NULL
);
