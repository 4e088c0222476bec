-- E-mails: queued in the transaction of their cause, sent by the service `mailer`.

-- In which language the company writes, and from which address: NULL is the installation's own.
ALTER TABLE tenants
    ADD COLUMN language       text NOT NULL DEFAULT 'fr'::text CHECK (language IN ('fr', 'en')),
    ADD COLUMN email_from     text,
    ADD COLUMN email_reply_to text;

CREATE TABLE emails (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL,
    version        bigint      NOT NULL CHECK (version > 0),
    -- Open: a process leaves alone what it does not know.
    kind           text        NOT NULL,
    -- waiting: for its time, or for another attempt; sending: a process is at it, until due_at.
    state          text        NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'dead', 'discarded')),
    recipient      text        NOT NULL,
    recipient_name text        NOT NULL,
    -- The domain of the recipient's address, in lower case.
    destination    text        COLLATE "C" NOT NULL,
    -- What it says, but for secrets.
    content        jsonb       NOT NULL CHECK (jsonb_typeof(content) = 'object'),
    -- Whom it is about, and the token that it hands over: once that does not hold any more, the e-mail is not sent.
    user_id        uuid,
    token_id       uuid,
    -- Rises when it is requeued with another secret: part of its Message-ID.
    edition        integer     NOT NULL DEFAULT 1 CHECK (edition > 0),
    -- When to look at it next.
    due_at         timestamptz NOT NULL,
    -- It is of no use after this.
    deadline       timestamptz NOT NULL,
    -- Rises with every attempt. Whoever writes down how an attempt went names its epoch.
    epoch          bigint      NOT NULL DEFAULT 0 CHECK (epoch >= 0),
    worker         uuid,
    -- Since it was queued, or requeued.
    attempts       integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    last_error     text,
    -- Why it is dead or discarded.
    reason         text,
    correlation_id text        NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT emails_reason_given CHECK ((state IN ('dead', 'discarded')) = (reason IS NOT NULL)),
    CONSTRAINT emails_finished CHECK ((state IN ('sent', 'dead', 'discarded')) = (finished_at IS NOT NULL))
);
CREATE INDEX emails_created_at_idx ON emails (tenant_id, created_at, id);
CREATE INDEX emails_state_created_at_idx ON emails (tenant_id, state, created_at, id);
CREATE INDEX emails_due_idx ON emails (tenant_id, destination, due_at, id) WHERE state IN ('waiting', 'sending');
CREATE INDEX emails_deadline_idx ON emails (deadline) WHERE state IN ('waiting', 'sending');
CREATE INDEX emails_worker_idx ON emails (worker) WHERE state = 'sending';
CREATE INDEX emails_over_idx ON emails (updated_at) WHERE state IN ('sent', 'dead', 'discarded');
CALL comptoir_protect('emails'::regclass);
INSERT INTO runtime_privileges VALUES ('emails', 'SELECT, INSERT, UPDATE');

-- The secret that an e-mail hands over, until it is sent or never will be. The runtime role writes it and cannot read it.
CREATE TABLE email_secrets (
    tenant_id uuid NOT NULL,
    email_id  uuid NOT NULL,
    secret    text NOT NULL,
    PRIMARY KEY (tenant_id, email_id),
    CONSTRAINT email_secrets_email_fkey FOREIGN KEY (tenant_id, email_id) REFERENCES emails (tenant_id, id) ON DELETE CASCADE
);
CALL comptoir_protect('email_secrets'::regclass);
INSERT INTO runtime_privileges VALUES ('email_secrets', 'SELECT (tenant_id, email_id), INSERT, DELETE');

-- Every attempt to send an e-mail. One without an end is under way, or its process ended first.
CREATE TABLE email_attempts (
    tenant_id   uuid        NOT NULL,
    email_id    uuid        NOT NULL,
    epoch       bigint      NOT NULL,
    destination text        COLLATE "C" NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    -- refused: for good; failed: for now; unknown: the server may have accepted it; over: not sent, its cause is over.
    outcome     text        CHECK (outcome IN ('accepted', 'refused', 'failed', 'unknown', 'over')),
    detail      text,
    PRIMARY KEY (tenant_id, email_id, epoch),
    CONSTRAINT email_attempts_email_fkey FOREIGN KEY (tenant_id, email_id) REFERENCES emails (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT email_attempts_ended CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX email_attempts_started_at_idx ON email_attempts (started_at);
CALL comptoir_protect('email_attempts'::regclass);
INSERT INTO runtime_privileges VALUES ('email_attempts', 'SELECT');

-- For the services, which send the e-mails of all tenants. The functions whose bodies are parsed here and now (BEGIN ATOMIC) never
-- call what others put into the schema later; the others name their tables with their schema (@schema@).

-- Whose e-mails are due, to which domains, and how many: those that wait longest first.
CREATE FUNCTION due_emails(kinds text[], most bigint) RETURNS TABLE (tenant_id uuid, destination text, number bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT e.tenant_id, e.destination, pg_catalog.count(*) FROM emails AS e
        WHERE e.state IN ('waiting', 'sending') AND e.due_at <= pg_catalog.now() AND e.kind = ANY (kinds)
        GROUP BY e.tenant_id, e.destination ORDER BY pg_catalog.min(e.due_at) LIMIT most;
    END;

-- How many attempts began in the last minute.
CREATE FUNCTION recent_emails() RETURNS TABLE (tenant_id uuid, destination text, number bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT a.tenant_id, a.destination, pg_catalog.count(*) FROM email_attempts AS a
        WHERE a.started_at > pg_catalog.now() - pg_catalog.make_interval(mins => 1)
        GROUP BY a.tenant_id, a.destination;
    END;

-- What waits, and what nobody has looked at yet.
CREATE FUNCTION email_overview() RETURNS TABLE (state text, number bigint, oldest timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT e.state, pg_catalog.count(*), pg_catalog.min(e.created_at) FROM emails AS e
        WHERE e.state IN ('waiting', 'sending', 'dead') GROUP BY e.state;
    END;

-- Takes e-mails that are due for a process: so many of each tenant to each domain.
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION claim_emails(worker uuid, lease_ms bigint, kinds text[], tenants uuid[], destinations text[], numbers bigint[])
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
                AND e.due_at <= now() AND e.kind = ANY ($3)
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

-- Writes down how an attempt went, and what becomes of the e-mail. False if the e-mail is not this attempt's any more: another
-- process has taken it over. The secret goes with the last attempt.
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION settle_email(tenant uuid, email uuid, attempt bigint, how text, what text, next_state text, why text, retry_ms bigint)
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    is_over boolean := $6 <> 'waiting';
    is_own  boolean;
BEGIN
    UPDATE @schema@.email_attempts AS a SET ended_at = now(), outcome = $4, detail = $5
    WHERE a.tenant_id = $1 AND a.email_id = $2 AND a.epoch = $3;
    UPDATE @schema@.emails AS e
    SET state = $6, version = e.version + 1, worker = NULL, reason = $7, last_error = $5, updated_at = now(),
        due_at = now() + make_interval(secs => $8 / 1000.0), finished_at = CASE WHEN is_over THEN now() END
    WHERE e.tenant_id = $1 AND e.id = $2 AND e.epoch = $3 AND e.state = 'sending';
    is_own := FOUND;
    IF is_own AND is_over THEN
        DELETE FROM @schema@.email_secrets AS s WHERE s.tenant_id = $1 AND s.email_id = $2;
    END IF;
    RETURN is_own;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;

-- Prolongs the lease of what a process is at: the e-mails that are still its own.
CREATE FUNCTION renew_emails(worker uuid, lease_ms bigint) RETURNS TABLE (tenant_id uuid, id uuid, epoch bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        UPDATE emails AS e SET due_at = pg_catalog.now() + pg_catalog.make_interval(secs => renew_emails.lease_ms / 1000.0)
        WHERE e.worker = renew_emails.worker AND e.state = 'sending'
        RETURNING e.tenant_id, e.id, e.epoch;
    END;

-- What was not sent by its deadline is dead.
CREATE FUNCTION expire_emails(most bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        WITH late AS (
            SELECT e.tenant_id, e.id FROM emails AS e
            WHERE e.state IN ('waiting', 'sending') AND e.deadline <= pg_catalog.now()
                -- A process may be at it.
                AND (e.state = 'waiting' OR e.due_at <= pg_catalog.now())
            LIMIT most FOR UPDATE SKIP LOCKED
        ), gone AS (
            UPDATE email_attempts AS a SET ended_at = pg_catalog.now(), outcome = 'unknown', detail = 'the process ended'
            FROM late WHERE a.tenant_id = late.tenant_id AND a.email_id = late.id AND a.ended_at IS NULL
        ), dead AS (
            UPDATE emails AS e SET state = 'dead', reason = 'deadline', version = e.version + 1, worker = NULL,
                updated_at = pg_catalog.now(), finished_at = pg_catalog.now()
            FROM late WHERE e.tenant_id = late.tenant_id AND e.id = late.id RETURNING e.tenant_id, e.id
        ), wiped AS (
            DELETE FROM email_secrets AS s USING dead WHERE s.tenant_id = dead.tenant_id AND s.email_id = dead.id
        )
        SELECT pg_catalog.count(*) FROM dead;
    END;

-- Deletes e-mails that are over for so many days, a day at least, with their attempts.
CREATE FUNCTION prune_emails(days integer, most bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        WITH over AS (
            SELECT e.tenant_id, e.id FROM emails AS e
            WHERE e.state IN ('sent', 'dead', 'discarded')
                AND e.updated_at < pg_catalog.now() - pg_catalog.make_interval(days => GREATEST(prune_emails.days, 1))
            LIMIT most FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM emails AS e USING over WHERE e.tenant_id = over.tenant_id AND e.id = over.id RETURNING 1
        )
        SELECT pg_catalog.count(*) FROM gone;
    END;
REVOKE EXECUTE ON FUNCTION due_emails, recent_emails, email_overview, claim_emails, settle_email, renew_emails, expire_emails, prune_emails
    FROM PUBLIC;

CREATE OR REPLACE PROCEDURE comptoir_grant_services(services regrole) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), services);
    EXECUTE pg_catalog.format('GRANT SELECT ON outbox_events, outbox_history, outbox_dead_letters TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION prune_idempotency_records, prune_sessions, due_imports, prune_imports TO %s', services);
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION due_emails, recent_emails, email_overview, claim_emails, settle_email, renew_emails,
        expire_emails, prune_emails TO %s', services);
END
$$;
