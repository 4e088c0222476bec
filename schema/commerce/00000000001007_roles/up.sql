-- Who may do what with a company's data: docs/roles.md. `api migrate` makes the runtime role of this database where it
-- may, and calls the first of these; the owner calls the others for roles that are there already. Calling again does no
-- harm, and is what an upgrade wants that brings a new table. Everything in them is named so that nothing which a stranger put
-- into the schema is called in its place: the owner runs them.

-- How the runtime role appends events: for the tenant of its transaction, and in no other way. It runs as its owner: its
-- search path is the system's catalogue alone, its tables are named with their schema (@schema@).
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION outbox_append(
    ids uuid[], aggregate_types text[], aggregate_ids text[], aggregate_versions bigint[], event_types text[],
    schema_versions smallint[], payloads text[], headers text[], occurred_at timestamptz[]
) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own_tenant uuid := @schema@.comptoir_tenant();
BEGIN
    IF own_tenant IS NULL THEN
        RAISE EXCEPTION 'this transaction is bound to no tenant: SET LOCAL comptoir.tenant_id first';
    END IF;
    INSERT INTO @schema@.outbox_events (id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type,
        schema_version, payload, headers, occurred_at)
    SELECT e.id, own_tenant, e.aggregate_type, e.aggregate_id, e.aggregate_version, e.event_type,
        e.schema_version, e.payload::json, e.headers::jsonb, e.occurred_at
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
        WITH ORDINALITY AS e (id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version, payload, headers,
            occurred_at, position)
    ORDER BY e.position;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION outbox_append FROM PUBLIC;

-- What the API works as. Nobody logs in as this role: log-ins become it.
CREATE PROCEDURE comptoir_grant_runtime(runtime regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), runtime);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON customers, products, user_tokens, rate_limit_counts, login_throttles
        TO %s', runtime);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE ON orders, tenants, users, sessions, refresh_tokens, api_keys TO %s', runtime);
    EXECUTE pg_catalog.format('GRANT SELECT, INSERT ON order_lines, idempotency_records TO %s', runtime);
    EXECUTE pg_catalog.format('GRANT SELECT ON audit_events, __diesel_schema_migrations TO %s', runtime);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_append, audit_append, find_login, find_user_token, find_refresh_token,
        find_api_key TO %s', runtime);
END
$$;

-- Makes the runtime role where it is missing, and grants it what it needs. PostgreSQL would cut a longer name off: two databases
-- whose names begin alike would share the role.
CREATE PROCEDURE comptoir_make_runtime(runtime text) LANGUAGE plpgsql AS $$
BEGIN
    IF octet_length(runtime) > 63 THEN
        RAISE EXCEPTION 'the name % of the runtime role has % bytes, and a role''s name has at most 63: set api.database_role to a '
            'shorter one (by itself it is <database>_runtime: enough for a database''s name of 55 bytes)',
            runtime, octet_length(runtime);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = runtime) THEN
        BEGIN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', runtime);
            -- Who made it may become it, so that a trial works with one log-in. It inherits nothing from it where PostgreSQL can
            -- say so (16 and later); before, what it inherits is less than what an owner has.
            EXECUTE pg_catalog.format('GRANT %I TO CURRENT_USER %s', runtime,
                CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 160000 THEN 'WITH INHERIT FALSE, SET TRUE' END);
        EXCEPTION
            -- Roles belong to the whole server: somebody else is making it.
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the role % is missing and % may not create it; as somebody who may: CREATE ROLE % NOLOGIN; '
                    'then api migrate again', runtime, current_user, pg_catalog.quote_ident(runtime);
        END;
    END IF;
    CALL comptoir_grant_runtime(pg_catalog.quote_ident(runtime)::regrole);
END
$$;

-- A log-in for what works across tenants: upkeep, and reading the outbox for the services that act on it. It changes a tenant's
-- data by commands alone, as the runtime role, which its log-in may become: GRANT runtime TO services.
CREATE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions TO %s', services);
END
$$;

-- Who reads the audit trail of all companies and verifies it (`api audit verify`), and can do nothing else.
CREATE PROCEDURE comptoir_grant_auditor(auditor regrole) LANGUAGE plpgsql AS $$
DECLARE
    audited text;
    policy  text := pg_catalog.format('auditor %s', auditor);
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), auditor);
    FOREACH audited IN ARRAY ARRAY['tenants', 'audit_events', 'audit_chains'] LOOP
        EXECUTE pg_catalog.format('GRANT SELECT ON %I TO %s', audited, auditor);
        EXECUTE pg_catalog.format('DROP POLICY IF EXISTS %I ON %I', policy, audited);
        EXECUTE pg_catalog.format('CREATE POLICY %I ON %I FOR SELECT TO %s USING (true)', policy, audited, auditor);
    END LOOP;
END
$$;

REVOKE EXECUTE ON PROCEDURE comptoir_grant_runtime, comptoir_make_runtime, comptoir_grant_services, comptoir_grant_auditor
    FROM PUBLIC;
