-- What runs beside the requests and beside the drain loop: docs/background-services.md. The relay's parts are services too, so the
-- tables belong to what `relay migrate` makes. They hold no company's data.

-- The processes that run services. One that was not seen for its lease time has gone.
CREATE TABLE service_processes (
    -- Random at each start: a host's name may come again.
    id           uuid        PRIMARY KEY,
    program      text        NOT NULL CHECK (char_length(program) <= 100),
    -- For people: host and process id.
    name         text        NOT NULL CHECK (char_length(name) <= 300),
    version      text        NOT NULL CHECK (char_length(version) <= 100),
    started_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- What each service does in each process, as that process last said.
CREATE TABLE service_states (
    process    uuid        NOT NULL REFERENCES service_processes ON DELETE CASCADE,
    service    text        NOT NULL CHECK (char_length(service) <= 100),
    status     jsonb       NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (process, service)
) WITH (fillfactor = 50);

-- For services that run in one of all processes: which one, and when the next run is. The epoch rises with each new holder; what a
-- holder writes is fenced by it.
CREATE TABLE service_leases (
    service     text        PRIMARY KEY CHECK (char_length(service) <= 100),
    owner       uuid,
    epoch       bigint      NOT NULL DEFAULT 0,
    expires_at  timestamptz,
    next_run_at timestamptz,
    last_run_at timestamptz
) WITH (fillfactor = 50);

-- What somebody asks of a service. Whichever process runs the service takes it.
CREATE TABLE service_commands (
    id               uuid        PRIMARY KEY,
    service          text        NOT NULL CHECK (char_length(service) <= 100),
    action           text        NOT NULL CHECK (char_length(action) <= 100),
    parameters       jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
    -- Smaller ones go first.
    priority         smallint    NOT NULL DEFAULT 1,
    -- Only this process may take it; NULL: any.
    process          uuid,
    correlation_id   uuid        NOT NULL,
    asked_by         text        NOT NULL CHECK (char_length(asked_by) <= 300),
    asked_at         timestamptz NOT NULL DEFAULT now(),
    -- Not begun by then: expired. Not ended by then: failed.
    deadline         timestamptz NOT NULL,
    -- Another process may begin it anew if the one that ran it has gone.
    repeatable       boolean     NOT NULL,
    state            text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'expired')),
    owner            uuid,
    epoch            bigint      NOT NULL DEFAULT 0,
    lease_expires_at timestamptz,
    started_at       timestamptz,
    ended_at         timestamptz,
    progress_done    bigint,
    progress_total   bigint,
    answer           jsonb,
    error            text        CHECK (char_length(error) <= 10000),
    CHECK ((state IN ('waiting', 'running')) = (ended_at IS NULL)),
    CHECK ((state = 'running') = (owner IS NOT NULL))
);
-- What waits or runs is little, whatever is kept.
CREATE INDEX service_commands_open_idx ON service_commands (priority, asked_at) WHERE state IN ('waiting', 'running');
CREATE INDEX service_commands_ended_idx ON service_commands (ended_at) WHERE ended_at IS NOT NULL;

-- What happened in services, for subscribers in other processes. `number` rises within a process without gaps.
CREATE TABLE service_events (
    process uuid        NOT NULL,
    number  bigint      NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    event   jsonb       NOT NULL,
    PRIMARY KEY (process, number)
);
CREATE INDEX service_events_at_idx ON service_events (at);

-- For whoever runs services: the relay's log-in and the log-in of the API's services.
CREATE PROCEDURE outbox_grant_service_host(host regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), host);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON service_processes, service_states, service_commands TO %s', host);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE ON service_leases TO %s', host);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, DELETE ON service_events TO %s', host);
END
$$;
REVOKE EXECUTE ON PROCEDURE outbox_grant_service_host FROM PUBLIC;

CREATE OR REPLACE PROCEDURE outbox_grant_relay(relay regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), relay);
    EXECUTE pg_catalog.format('GRANT SELECT, DELETE ON outbox_events TO %s', relay);
    -- Whose turn it is and what went wrong. What an event says is nobody's to change.
    EXECUTE pg_catalog.format('GRANT UPDATE (transaction_id, retry_count, next_attempt_at, last_error) ON outbox_events TO %s', relay);
    -- Requeueing; the rest has its default.
    EXECUTE pg_catalog.format('GRANT INSERT (id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version,
        payload, headers, occurred_at) ON outbox_events TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT ON outbox_history TO %s', relay);
    -- Days that never had a partition of their own.
    EXECUTE pg_catalog.format('GRANT SELECT, DELETE ON outbox_history_default TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_dead_letters, relay_replicas TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT, UPDATE ON relay_shards, relay_upkeep TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE ON outbox_operations TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT ON outbox_operation_events TO %s', relay);
    EXECUTE pg_catalog.format('GRANT SELECT ON __diesel_schema_migrations TO %s', relay);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_history_make_day, outbox_history_exclude_day,
        outbox_history_prove_exclusion, outbox_history_end_exclusions, outbox_history_drop_day TO %s', relay);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), relay::text);
END
$$;

-- A relay that was granted its privileges before goes on without a further step.
DO $$
DECLARE
    relay pg_catalog.oid;
BEGIN
    FOR relay IN
        SELECT DISTINCT acl.grantee FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS acl
        WHERE c.oid OPERATOR(pg_catalog.=) 'relay_shards'::pg_catalog.regclass AND acl.privilege_type OPERATOR(pg_catalog.=) 'UPDATE'::pg_catalog.text
            AND acl.grantee OPERATOR(pg_catalog.<>) c.relowner AND acl.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
    LOOP
        EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), relay::pg_catalog.regrole::text);
    END LOOP;
END
$$;
