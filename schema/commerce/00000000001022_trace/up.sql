-- For operators: what one correlation id went through, in every company, in the order of time. The window bounds what is read: nobody
-- keeps an index of correlation ids up to date for this, on tables that every command writes.
CREATE FUNCTION trace_correlation(correlation text, since timestamptz, until timestamptz, most bigint)
    RETURNS TABLE (at timestamptz, source text, tenant_id uuid, id text, name text, state text, took_ms bigint, detail text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        WITH events AS (
            SELECT e.occurred_at, NULL::timestamptz AS ended_at, e.tenant_id, e.id, e.event_type, e.aggregate_type, e.aggregate_id, 'waiting' AS state,
                e.last_error, e.headers
            FROM outbox_events AS e
            WHERE e.occurred_at >= since AND e.occurred_at < until AND (e.headers OPERATOR(pg_catalog.->>) 'correlation-id') = correlation
            UNION ALL
            SELECT e.occurred_at, e.published_at, e.tenant_id, e.id, e.event_type, e.aggregate_type, e.aggregate_id, 'published', e.last_error, e.headers
            FROM outbox_history AS e
            WHERE e.published_at >= since AND e.occurred_at >= since AND e.occurred_at < until
                AND (e.headers OPERATOR(pg_catalog.->>) 'correlation-id') = correlation
            UNION ALL
            SELECT e.occurred_at, e.failed_at, e.tenant_id, e.id, e.event_type, e.aggregate_type, e.aggregate_id, 'dead letter', e.last_error, e.headers
            FROM outbox_dead_letters AS e
            WHERE e.occurred_at >= since AND e.occurred_at < until AND (e.headers OPERATOR(pg_catalog.->>) 'correlation-id') = correlation
        ), requests AS (
            SELECT correlation AS id UNION SELECT (e.headers OPERATOR(pg_catalog.->>) 'causation-id') FROM events AS e
        ), found AS (
            SELECT a.occurred_at AS at, 'command' AS source, a.tenant_id, a.request_id AS id, a.action AS name, 'done' AS state, NULL::bigint AS took_ms,
                pg_catalog.concat(a.resource_type, ' ', a.resource_id, ' by ', a.actor_name) AS detail
            FROM tenants AS t, LATERAL (
                SELECT * FROM audit_events AS a WHERE a.tenant_id = t.id AND a.occurred_at >= since AND a.occurred_at < until
            ) AS a
            WHERE a.request_id IN (SELECT r.id FROM requests AS r)
            UNION ALL
            SELECT e.occurred_at, 'event', e.tenant_id, e.id::text, e.event_type, e.state,
                (EXTRACT(epoch FROM e.ended_at - e.occurred_at) * 1000::numeric)::bigint,
                pg_catalog.concat_ws('; ', pg_catalog.concat(e.aggregate_type, ' ', e.aggregate_id), e.last_error)
            FROM events AS e
            UNION ALL
            SELECT m.created_at, 'mail', m.tenant_id, m.id::text, m.kind, m.state,
                (EXTRACT(epoch FROM m.finished_at - m.created_at) * 1000::numeric)::bigint,
                pg_catalog.concat_ws('; ', pg_catalog.concat(m.attempts, ' attempts'), m.last_error)
            FROM emails AS m WHERE m.created_at >= since AND m.created_at < until AND m.correlation_id = correlation
            UNION ALL
            SELECT p.received_at, 'projection', p.tenant_id, p.id::text, p.event_type, p.state,
                (EXTRACT(epoch FROM p.applied_at - p.received_at) * 1000::numeric)::bigint,
                pg_catalog.concat_ws('; ', pg_catalog.concat(p.aggregate_type, ' ', p.aggregate_id), p.last_error)
            FROM projection_inbox AS p WHERE p.received_at >= since AND p.received_at < until AND p.correlation_id = correlation
            UNION ALL
            SELECT c.asked_at, 'service', NULL::uuid, c.id::text, pg_catalog.concat(c.service, ' ', c.action), c.state,
                (EXTRACT(epoch FROM c.ended_at - c.asked_at) * 1000::numeric)::bigint, pg_catalog.concat_ws('; ', pg_catalog.concat('by ', c.asked_by), c.error)
            FROM service_commands AS c WHERE c.asked_at >= since AND c.asked_at < until AND c.correlation_id::text = correlation
        )
        SELECT f.at, f.source, f.tenant_id, f.id, f.name, f.state, f.took_ms, f.detail FROM found AS f ORDER BY f.at, f.source LIMIT most;
    END;
REVOKE EXECUTE ON FUNCTION trace_correlation FROM PUBLIC;

-- The verification of the audit trail reads all chains, as an auditor does.
CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT SELECT ON SEQUENCE outbox_events_seq_seq TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION due_emails, recent_emails, email_overview, claim_emails, settle_email, renew_emails,
        expire_emails, prune_emails TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION trace_correlation TO %s', services);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_projections(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_auditor(%L::pg_catalog.regrole)', current_schema(), services::text);
END
$$;
