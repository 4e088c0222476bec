-- E-mails of all companies, for operators: which there are, and whose one is. Decisions about them are made in each company's name.

-- The newest of these kinds first, in one state, to one address or to one domain if those are given. Each call is planned for what it
-- asks, so that those in a state that is open are found by their index.
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION emails_of_all(kinds text[], in_state text, to_address text, to_domain text, most bigint)
    RETURNS TABLE (tenant_id uuid, id uuid, version bigint, kind text, state text, recipient text, recipient_name text, user_id uuid,
        attempts integer, last_error text, reason text, due_at timestamptz, deadline timestamptz, correlation_id text,
        created_at timestamptz, finished_at timestamptz, updated_at timestamptz)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT e.tenant_id, e.id, e.version, e.kind, e.state, e.recipient, e.recipient_name, e.user_id, e.attempts, e.last_error, e.reason,
        e.due_at, e.deadline, e.correlation_id, e.created_at, e.finished_at, e.updated_at
    FROM @schema@.emails AS e
    WHERE e.kind = ANY ($1) AND ($2 IS NULL OR e.state = $2) AND ($3 IS NULL OR e.recipient = $3)
        AND ($4 IS NULL OR e.destination = $4)
    ORDER BY e.created_at DESC, e.id DESC LIMIT $5;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;

-- Whose these e-mails are. Those that are nobody's are not there.
CREATE FUNCTION email_tenants(ids uuid[]) RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT e.tenant_id, e.id FROM tenants AS t JOIN emails AS e ON e.tenant_id = t.id AND e.id = ANY (email_tenants.ids);
    END;
REVOKE EXECUTE ON FUNCTION emails_of_all, email_tenants FROM PUBLIC;

-- Whoever may call the one may call the other: the services' log-in needs no further step.
DO $$
DECLARE
    services pg_catalog.oid;
BEGIN
    FOR services IN
        SELECT DISTINCT acl.grantee FROM pg_catalog.pg_proc AS p, pg_catalog.aclexplode(p.proacl) AS acl
        WHERE p.oid OPERATOR(pg_catalog.=) 'due_email_lanes'::pg_catalog.regproc::pg_catalog.oid
            AND acl.privilege_type OPERATOR(pg_catalog.=) 'EXECUTE'::pg_catalog.text
            AND acl.grantee OPERATOR(pg_catalog.<>) p.proowner AND acl.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION emails_of_all, email_tenants TO %s', services::pg_catalog.regrole);
    END LOOP;
END
$$;

CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT SELECT ON SEQUENCE outbox_events_seq_seq TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION due_email_lanes, recent_emails, email_overview, claim_emails, settle_email, renew_emails,
        expire_emails, prune_emails, emails_of_all, email_tenants TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION trace_correlation TO %s', services);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_projections(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_auditor(%L::pg_catalog.regrole)', current_schema(), services::text);
END
$$;
