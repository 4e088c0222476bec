-- On which days a company was told what is low in stock: once on each, whoever comes to tell it.
CREATE TABLE stock_digests (
    tenant_id uuid NOT NULL,
    day       date NOT NULL,
    PRIMARY KEY (tenant_id, day)
);
CALL comptoir_protect('stock_digests'::regclass);
INSERT INTO runtime_privileges VALUES ('stock_digests', 'SELECT, INSERT, DELETE');

DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
-- Companies that have something low and were not told on this day. Each is found by one step along the index of what is low.
CREATE FUNCTION stock_to_digest(day date, most bigint) RETURNS TABLE (tenant_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE company AS (
        (SELECT s.tenant_id FROM @schema@.stock_levels AS s WHERE s.low ORDER BY s.tenant_id LIMIT 1)
        UNION ALL
        SELECT next.tenant_id FROM company, LATERAL (
            SELECT s.tenant_id FROM @schema@.stock_levels AS s WHERE s.low AND s.tenant_id > company.tenant_id
            ORDER BY s.tenant_id LIMIT 1
        ) AS next
    )
    SELECT c.tenant_id FROM company AS c
    WHERE NOT EXISTS (SELECT FROM @schema@.stock_digests AS d WHERE d.tenant_id = c.tenant_id AND d.day = $1) LIMIT $2
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION stock_to_digest FROM PUBLIC;

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
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION stock_to_digest TO %s', services::pg_catalog.regrole);
    END LOOP;
END
$$;

CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT SELECT ON SEQUENCE outbox_events_seq_seq TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports, untold_stock,
        stock_to_promise, stock_to_digest TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION due_email_lanes, recent_emails, email_overview, claim_emails, settle_email, renew_emails,
        expire_emails, prune_emails, emails_of_all, email_tenants TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION trace_correlation TO %s', services);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_projections(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_auditor(%L::pg_catalog.regrole)', current_schema(), services::text);
END
$$;
