-- Imports: files of customers, suppliers or products, worked off row by row after they have arrived.

CREATE TABLE imports (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    version         bigint      NOT NULL CHECK (version > 0),
    kind            text        NOT NULL CHECK (kind IN ('customers', 'suppliers', 'products')),
    -- Whether a row whose resource is there already is refused, or changes it.
    mode            text        NOT NULL CHECK (mode IN ('create', 'upsert')),
    file_name       text,
    -- receiving: its rows are arriving; waiting: for somebody to work it off.
    state           text        NOT NULL CHECK (state IN ('receiving', 'waiting', 'running', 'finished', 'stopped', 'cancelled')),
    -- Why it stopped.
    reason          text,
    rows            integer     NOT NULL CHECK (rows >= 0),
    created         integer     NOT NULL CHECK (created >= 0),
    updated         integer     NOT NULL CHECK (updated >= 0),
    unchanged       integer     NOT NULL CHECK (unchanged >= 0),
    refused         integer     NOT NULL CHECK (refused >= 0),
    -- With whose rights the rows are worked off: a session's or an API key's; neither for an operator.
    session_id      uuid,
    api_key_id      uuid,
    created_by      text        NOT NULL,
    correlation_id  text        NOT NULL,
    -- The process that works on it, and until when it is believed to.
    worker          uuid,
    leased_until    timestamptz,
    created_at      timestamptz NOT NULL,
    started_at      timestamptz,
    finished_at     timestamptz,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT imports_one_credential CHECK (session_id IS NULL OR api_key_id IS NULL)
);
CREATE INDEX imports_created_at_idx ON imports (tenant_id, created_at, id);
CREATE INDEX imports_due_idx ON imports (leased_until) WHERE state IN ('waiting', 'running');
CREATE INDEX imports_updated_at_idx ON imports (updated_at);
CALL comptoir_protect('imports'::regclass);
INSERT INTO runtime_privileges VALUES ('imports', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE import_rows (
    tenant_id   uuid    NOT NULL,
    import_id   uuid    NOT NULL,
    -- Counts from 1.
    number      integer NOT NULL CHECK (number > 0),
    -- The row as a JSON object; erased once it was accepted.
    content     text,
    -- NULL until it was worked off.
    outcome     text    CHECK (outcome IN ('created', 'updated', 'unchanged', 'refused')),
    resource_id uuid,
    -- What was wrong, as in a problem's errors.
    errors      jsonb,
    PRIMARY KEY (tenant_id, import_id, number),
    CONSTRAINT import_rows_import_fkey FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX import_rows_refused_idx ON import_rows (tenant_id, import_id, number) WHERE outcome = 'refused';
CALL comptoir_protect('import_rows'::regclass);
INSERT INTO runtime_privileges VALUES ('import_rows', 'SELECT, INSERT, UPDATE');

-- For the services: the imports of all tenants that wait for a worker, or whose worker has gone. An operator's are worked off at
-- the command line.
CREATE FUNCTION due_imports(most bigint) RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT i.tenant_id, i.id FROM imports AS i
        WHERE i.state IN ('waiting', 'running') AND COALESCE(i.session_id, i.api_key_id) IS NOT NULL
            AND COALESCE(i.leased_until, '-infinity'::timestamptz) < pg_catalog.now()
        ORDER BY i.created_at LIMIT most;
    END;

-- For the services: deletes imports that nothing has changed for so many days, a day at least, and those that never arrived as a
-- whole after a day.
CREATE FUNCTION prune_imports(days integer, most bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        WITH over AS (
            SELECT i.tenant_id, i.id FROM imports AS i
            WHERE i.updated_at < pg_catalog.now() - pg_catalog.make_interval(days => 1)
                AND (i.state = 'receiving' OR i.updated_at < pg_catalog.now() - pg_catalog.make_interval(days => GREATEST(prune_imports.days, 1)))
            LIMIT most FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM imports AS i USING over WHERE i.tenant_id = over.tenant_id AND i.id = over.id RETURNING 1
        )
        SELECT pg_catalog.count(*) FROM gone;
    END;
REVOKE EXECUTE ON FUNCTION due_imports, prune_imports FROM PUBLIC;

CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports TO %s', services);
END
$$;
