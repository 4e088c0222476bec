-- The queue of e-mails: nothing leaves after its deadline, no company hides another, and the database's clock alone decides.

-- As before, but what is past its deadline is left to expire_emails, however much of it there is.
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE OR REPLACE FUNCTION claim_emails(worker uuid, lease_ms bigint, kinds text[], tenants uuid[], destinations text[], numbers bigint[])
    RETURNS TABLE (tenant_id uuid, id uuid, epoch bigint, kind text, destination text, recipient text, recipient_name text,
        content jsonb, secret text, edition integer, attempts integer, created_at timestamptz, deadline timestamptz, is_over boolean,
        correlation_id text, company text, language text, time_zone text, email_from text, email_reply_to text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH lane AS (
        SELECT l.tenant, l.domain, l.most FROM unnest($4, $5, $6) AS l (tenant, domain, most)
    ), due AS (
        SELECT d.tenant_id, d.id FROM lane CROSS JOIN LATERAL (
            SELECT e.tenant_id, e.id FROM @schema@.emails AS e
            WHERE e.tenant_id = lane.tenant AND e.destination = lane.domain AND e.state IN ('waiting', 'sending')
                AND e.due_at <= now() AND e.deadline > now() AND e.kind = ANY ($3)
            ORDER BY e.due_at, e.id LIMIT lane.most FOR UPDATE SKIP LOCKED
        ) AS d
    ), gone AS (
        UPDATE @schema@.email_attempts AS a
        SET ended_at = now(), outcome = 'unknown', detail = 'the process ended, or was away for longer than its lease'
        FROM due WHERE a.tenant_id = due.tenant_id AND a.email_id = due.id AND a.ended_at IS NULL
    ), claimed AS (
        UPDATE @schema@.emails AS e
        SET state = 'sending', version = e.version + 1, epoch = e.epoch + 1, worker = $1, attempts = e.attempts + 1,
            due_at = now() + make_interval(secs => $2 / 1000.0), updated_at = now()
        FROM due WHERE e.tenant_id = due.tenant_id AND e.id = due.id RETURNING e.*
    ), begun AS (
        INSERT INTO @schema@.email_attempts (tenant_id, email_id, epoch, destination, started_at)
        SELECT c.tenant_id, c.id, c.epoch, c.destination, now() FROM claimed AS c
    )
    SELECT c.tenant_id, c.id, c.epoch, c.kind, c.destination, c.recipient, c.recipient_name, c.content, s.secret, c.edition,
        c.attempts, c.created_at, c.deadline,
        c.token_id IS NOT NULL AND NOT EXISTS (SELECT FROM @schema@.user_tokens AS t
            WHERE t.tenant_id = c.tenant_id AND t.id = c.token_id AND t.used_at IS NULL AND t.expires_at > now()),
        c.correlation_id, o.name, o.language, o.time_zone, o.email_from, o.email_reply_to
    FROM claimed AS c JOIN @schema@.tenants AS o ON o.id = c.tenant_id
        LEFT JOIN @schema@.email_secrets AS s ON s.tenant_id = c.tenant_id AND s.email_id = c.id;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));

-- As before, with two differences. What would be tried again after its deadline, by this clock, is dead. And the e-mail is locked before
-- its attempt, as it is where it is claimed or expires: two that meet wait for each other, and never both.
    EXECUTE pg_catalog.replace($function$
CREATE OR REPLACE FUNCTION settle_email(tenant uuid, email uuid, attempt bigint, how text, what text, next_state text, why text, retry_ms bigint)
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    next_due timestamptz := now() + make_interval(secs => $8 / 1000.0);
    is_over  boolean;
    is_own   boolean;
BEGIN
    UPDATE @schema@.emails AS e
    SET state = CASE WHEN $6 = 'waiting' AND next_due >= e.deadline THEN 'dead' ELSE $6 END,
        reason = CASE WHEN $6 = 'waiting' AND next_due >= e.deadline THEN 'deadline' ELSE $7 END,
        finished_at = CASE WHEN $6 <> 'waiting' OR next_due >= e.deadline THEN now() END,
        version = e.version + 1, worker = NULL, last_error = $5, updated_at = now(), due_at = next_due
    WHERE e.tenant_id = $1 AND e.id = $2 AND e.epoch = $3 AND e.state = 'sending'
    RETURNING e.state <> 'waiting' INTO is_over;
    is_own := FOUND;
    UPDATE @schema@.email_attempts AS a SET ended_at = now(), outcome = $4, detail = $5
    WHERE a.tenant_id = $1 AND a.email_id = $2 AND a.epoch = $3;
    IF is_own AND is_over THEN
        DELETE FROM @schema@.email_secrets AS s WHERE s.tenant_id = $1 AND s.email_id = $2;
    END IF;
    RETURN is_own;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;

-- Whose e-mails are due, to which domains, and how many; of one company or to one domain, if those are given. Everybody's longest
-- waiting domain comes before anybody's second one: where there are more than `most`, nobody is missing for another's sake.
-- Replicas of the version before go on with due_emails, which goes once there are none of them.
CREATE FUNCTION due_email_lanes(kinds text[], tenant uuid, domain text, most bigint)
    RETURNS TABLE (tenant_id uuid, destination text, number bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        WITH lane AS (
            SELECT e.tenant_id, e.destination, pg_catalog.count(*) AS number, pg_catalog.min(e.due_at) AS since FROM emails AS e
            WHERE e.state IN ('waiting', 'sending') AND e.due_at <= pg_catalog.now() AND e.deadline > pg_catalog.now()
                AND e.kind = ANY (due_email_lanes.kinds)
                AND (due_email_lanes.tenant IS NULL OR e.tenant_id = due_email_lanes.tenant)
                AND (due_email_lanes.domain IS NULL OR e.destination = due_email_lanes.domain)
            GROUP BY e.tenant_id, e.destination
        ), placed AS (
            SELECT l.tenant_id, l.destination, l.number, l.since,
                pg_catalog.row_number() OVER (PARTITION BY l.tenant_id ORDER BY l.since, l.destination) AS place
            FROM lane AS l
        )
        SELECT p.tenant_id, p.destination, p.number FROM placed AS p ORDER BY p.place, p.since LIMIT due_email_lanes.most;
    END;
REVOKE EXECUTE ON FUNCTION due_email_lanes FROM PUBLIC;

-- Whoever may call the one may call the other: the services' log-in needs no further step.
DO $$
DECLARE
    services pg_catalog.oid;
BEGIN
    FOR services IN
        SELECT DISTINCT acl.grantee FROM pg_catalog.pg_proc AS p, pg_catalog.aclexplode(p.proacl) AS acl
        WHERE p.oid OPERATOR(pg_catalog.=) 'due_emails'::pg_catalog.regproc::pg_catalog.oid
            AND acl.privilege_type OPERATOR(pg_catalog.=) 'EXECUTE'::pg_catalog.text
            AND acl.grantee OPERATOR(pg_catalog.<>) p.proowner AND acl.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION due_email_lanes TO %s', services::pg_catalog.regrole);
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
        expire_emails, prune_emails TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION trace_correlation TO %s', services);
    EXECUTE pg_catalog.format('CALL %I.outbox_grant_service_host(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_projections(%L::pg_catalog.regrole)', current_schema(), services::text);
    EXECUTE pg_catalog.format('CALL %I.comptoir_grant_auditor(%L::pg_catalog.regrole)', current_schema(), services::text);
END
$$;
