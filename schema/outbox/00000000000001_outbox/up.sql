-- The outbox: events that wait to be published, those that were, those that never will be, and who publishes what.
--
-- The first three tables are a contract for any writer (docs/relay.md); the others belong to the relay. This set of
-- migrations stands alone: it needs nothing of the commercial part, makes no role and needs no right to make one.
--
-- Here and in every migration: what is called has exactly the types that the system's own operator or function takes, or is
-- named with pg_catalog. What needed a conversion would lose to something that a stranger put into the schema and that needs
-- none, and a column, a constraint or an index keeps for good what it found on the day it was made. `schema/guard.sql` shuts
-- the schema and looks for such objects before the first migration; it cannot where the schema belongs to somebody else.

-- AMQP limits a header's name, and the correlation id property, to 255 bytes. Called only for headers that are long
-- enough to break the limit.
CREATE FUNCTION outbox_headers_fit(headers jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN COALESCE(octet_length(headers ->> 'correlation-id'::text), 0) <= 255
        AND NOT EXISTS (SELECT FROM jsonb_object_keys(headers) AS name WHERE octet_length(name) > 255);

CREATE TABLE outbox_events (
    -- The writing transaction. Must stay in front of `seq`: defaults are evaluated in column order, so a transaction
    -- has its id before it draws its first seq, and the relay can tell rows that were committed late (ADR 0003).
    transaction_id    bigint      NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    seq               bigint      GENERATED ALWAYS AS IDENTITY (CACHE 1),
    id                uuid        NOT NULL DEFAULT gen_random_uuid(),
    tenant_id         uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    aggregate_type    text        NOT NULL,
    aggregate_id      text        NOT NULL,
    aggregate_version bigint,
    event_type        text        NOT NULL,
    schema_version    smallint    NOT NULL DEFAULT 1,
    -- json, not jsonb: the text is the message body, kept digit by digit.
    payload           json        NOT NULL,
    headers           jsonb       NOT NULL DEFAULT '{}',
    occurred_at       timestamptz NOT NULL DEFAULT now(),
    shard             smallint    NOT NULL GENERATED ALWAYS AS ((hashtextextended(aggregate_id, 0::bigint) & 63::bigint)::smallint) STORED,
    retry_count       integer     NOT NULL DEFAULT 0,
    next_attempt_at   timestamptz,
    last_error        text,
    PRIMARY KEY (shard, seq),
    CONSTRAINT outbox_events_id_key UNIQUE (id),
    CONSTRAINT outbox_events_aggregate_type_length CHECK (char_length(aggregate_type) BETWEEN 1 AND 100),
    CONSTRAINT outbox_events_aggregate_id_length CHECK (char_length(aggregate_id) BETWEEN 1 AND 100),
    CONSTRAINT outbox_events_event_type_length
        CHECK (char_length(event_type) BETWEEN 1 AND 200 AND octet_length(event_type) <= 255),
    CONSTRAINT outbox_events_payload_present CHECK (json_typeof(payload) <> 'null'),
    CONSTRAINT outbox_events_headers_is_object CHECK (jsonb_typeof(headers) = 'object'),
    -- An AMQP header frame must fit the negotiated frame, 128 KiB by default.
    CONSTRAINT outbox_events_headers_size CHECK (octet_length(headers::text) <= 60000),
    -- Headers whose whole text is short have no name that is too long: the function is seldom called.
    CONSTRAINT outbox_events_headers_names
        CHECK (CASE WHEN octet_length(headers::text) <= 255 THEN true ELSE outbox_headers_fit(headers) END),
    CONSTRAINT outbox_events_retry_count_positive CHECK (retry_count >= 0),
    -- The header `occurred-at` is RFC 3339, whose years have four digits; PostgreSQL's infinities and later years have no
    -- place in it, and a row that no relay can read would stop its shard.
    CONSTRAINT outbox_events_occurred_at_range
        CHECK (occurred_at >= '0001-01-01 00:00:00+00' AND occurred_at < '10000-01-01 00:00:00+00')
) WITH (
    -- A queue: every row is deleted soon. Vacuum by the number of rows, not by a share of the table.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 100000
);

-- Finds the rows that became visible behind the relay's cursor, without visiting those in front of it. `seq + 0` matches
-- no other index: the planner cannot choose a worse one when the statistics are those of an empty table (ADR 0003).
CREATE INDEX outbox_events_transaction_id_idx ON outbox_events (transaction_id, (seq + 0));

-- Find the events that were refused, and nothing else: while nothing waits they are empty and cost no writer anything (ADR 15).
-- By aggregate: whether an event stands behind a refused one.
CREATE INDEX outbox_events_refused_idx ON outbox_events (aggregate_id, (seq + 0)) WHERE next_attempt_at IS NOT NULL;
-- By time: whose next attempt is due. The condition holds for every time; written so, it is no other index's, and the planner
-- has no choice.
CREATE INDEX outbox_events_due_idx ON outbox_events ((shard + 0), next_attempt_at) WHERE next_attempt_at <= 'infinity';

-- Stored as it is, because the relay bounds its memory by the stored size and the row is soon gone.
ALTER TABLE outbox_events ALTER COLUMN payload SET STORAGE EXTERNAL;

-- What was published, for replay. Days become partitions of their own; the default one takes what has none.
CREATE TABLE outbox_history (
    seq               bigint      NOT NULL,
    id                uuid        NOT NULL,
    tenant_id         uuid        NOT NULL,
    aggregate_type    text        NOT NULL,
    aggregate_id      text        NOT NULL,
    aggregate_version bigint,
    event_type        text        NOT NULL,
    schema_version    smallint    NOT NULL,
    payload           json        NOT NULL,
    headers           jsonb       NOT NULL,
    occurred_at       timestamptz NOT NULL,
    shard             smallint    NOT NULL,
    retry_count       integer     NOT NULL,
    next_attempt_at   timestamptz,
    last_error        text,
    published_at      timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (published_at);

CREATE TABLE outbox_history_default PARTITION OF outbox_history DEFAULT;

-- Rows arrive in the order of published_at: a block range index finds them and costs the drain next to nothing.
CREATE INDEX outbox_history_published_at_idx ON outbox_history USING brin (published_at);

-- What will not be tried again until somebody decides.
CREATE TABLE outbox_dead_letters (
    id                uuid        PRIMARY KEY,
    seq               bigint      NOT NULL,
    tenant_id         uuid        NOT NULL,
    aggregate_type    text        NOT NULL,
    aggregate_id      text        NOT NULL,
    aggregate_version bigint,
    event_type        text        NOT NULL,
    schema_version    smallint    NOT NULL,
    payload           json        NOT NULL,
    headers           jsonb       NOT NULL,
    occurred_at       timestamptz NOT NULL,
    shard             smallint    NOT NULL,
    retry_count       integer     NOT NULL,
    next_attempt_at   timestamptz,
    last_error        text,
    reason            text        NOT NULL,
    failed_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_dead_letters_failed_at_idx ON outbox_dead_letters (failed_at);

-- Who may publish from a shard. The epoch rises with every change of hands, so that a late write by a former owner
-- finds that it is not the owner any more.
CREATE TABLE relay_shards (
    shard      smallint    PRIMARY KEY CHECK (shard BETWEEN 0 AND 63),
    owner      uuid,
    epoch      bigint      NOT NULL DEFAULT 0,
    expires_at timestamptz
) WITH (fillfactor = 50);

INSERT INTO relay_shards (shard) SELECT generate_series(0, 63);

CREATE TABLE relay_replicas (
    id           uuid        PRIMARY KEY,
    name         text        NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    -- The broker has asked this replica to stop publishing: a memory or disk alarm.
    blocked      boolean     NOT NULL DEFAULT false,
    -- Replicas must agree on the lease time, and differ in their version only during an upgrade: `relay check` and
    -- `relay status` show both.
    version      text,
    lease_ttl_ms bigint,
    -- When this replica last heard the broker. Whoever heard it much longer ago than another cannot publish while others
    -- can, and gives its shards up. NULL: never.
    broker_heard_at timestamptz
) WITH (fillfactor = 50);

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
