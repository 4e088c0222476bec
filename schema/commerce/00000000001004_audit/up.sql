-- The audit trail: one row for each command that changed something, chained by hash. A tenant has 64 chains, so that
-- its writers do not wait for each other; a row's place is its chain and its position there.
CREATE TABLE audit_chains (
    tenant_id uuid     NOT NULL,
    chain     smallint NOT NULL CHECK (chain BETWEEN 0 AND 63),
    -- Of its last row.
    position  bigint   NOT NULL,
    hash      bytea    NOT NULL,
    PRIMARY KEY (tenant_id, chain)
) WITH (fillfactor = 50);
CALL comptoir_protect('audit_chains'::regclass);

CREATE TABLE audit_events (
    tenant_id      uuid        NOT NULL,
    chain          smallint    NOT NULL,
    position       bigint      NOT NULL,
    id             uuid        NOT NULL,
    occurred_at    timestamptz NOT NULL,
    actor_type     text        NOT NULL CHECK (actor_type IN ('user', 'api_key', 'operator', 'anonymous')),
    -- NULL for an operator at the command line, and for somebody who did not say who they are.
    actor_id       uuid,
    -- An e-mail address, the name of a key, or user@host, as it was.
    actor_name     text        NOT NULL,
    session_id     uuid,
    action         text        NOT NULL,
    resource_type  text        NOT NULL,
    resource_id    text        NOT NULL,
    -- NULL for what was not there, and for what was erased: then its digest is there.
    before         jsonb,
    after          jsonb,
    -- Random. Without it, a text that was erased could be guessed from its digest. Erased together with the texts.
    salt           uuid,
    before_digest  bytea,
    after_digest   bytea,
    request_id     text        NOT NULL,
    client_address text,
    previous_hash  bytea       NOT NULL,
    hash           bytea       NOT NULL,
    PRIMARY KEY (tenant_id, chain, position)
);
CREATE INDEX audit_events_occurred_at_idx ON audit_events (tenant_id, occurred_at, id);
-- Every command writes an entry of each of these: one for each filter, one for what somebody did of one kind. Other combinations
-- are looked through, a bounded number of rows for each page. A resource's id says its type.
CREATE INDEX audit_events_resource_idx ON audit_events (tenant_id, resource_id, occurred_at, id);
CREATE INDEX audit_events_resource_type_idx ON audit_events (tenant_id, resource_type, occurred_at, id);
CREATE INDEX audit_events_action_idx ON audit_events (tenant_id, action, occurred_at, id);
CREATE INDEX audit_events_actor_idx ON audit_events (tenant_id, actor_id, occurred_at, id);
CREATE INDEX audit_events_actor_action_idx ON audit_events (tenant_id, actor_id, action, occurred_at, id);
CALL comptoir_protect('audit_events'::regclass);

-- Written with every command and seldom read: lz4 costs a fraction of pglz's processor time. A server that was built without it
-- goes on with pglz.
DO $$
BEGIN
    ALTER TABLE audit_events ALTER COLUMN before SET COMPRESSION lz4, ALTER COLUMN after SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4: the audit trail is compressed with pglz, which takes longer';
END
$$;

-- What the row's hash is made of instead of a text, so that the text can be erased and the hash still be verified.
CREATE FUNCTION audit_digest(salt uuid, which text, value jsonb) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(pg_catalog.convert_to(salt::text || ' ' || which || ' ' || value::text, 'UTF8'));

-- What a row's hash is made of; docs/audit.md says it in words. Every value has its length in front, so that no two rows
-- read alike. Written out, in PL/pgSQL: its plan is kept, where functions in SQL would be planned anew in every call.
CREATE FUNCTION audit_hash(
    previous_hash bytea, tenant_id uuid, chain smallint, "position" bigint, id uuid, occurred_at timestamptz,
    actor_type text, actor_id uuid, actor_name text, session_id uuid, action text, resource_type text, resource_id text,
    before_digest bytea, after_digest bytea, request_id text, client_address text
) RETURNS bytea
    LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    micros      text := (extract(epoch FROM occurred_at) * 1000000)::bigint;
    before_text text := encode(before_digest, 'hex');
    after_text  text := encode(after_digest, 'hex');
BEGIN
    RETURN sha256(previous_hash || convert_to(
        COALESCE(octet_length(tenant_id::text) || ':' || tenant_id::text, '-')
        || COALESCE(octet_length(chain::text) || ':' || chain::text, '-')
        || COALESCE(octet_length("position"::text) || ':' || "position"::text, '-')
        || COALESCE(octet_length(id::text) || ':' || id::text, '-')
        || COALESCE(octet_length(micros) || ':' || micros, '-')
        || COALESCE(octet_length(actor_type) || ':' || actor_type, '-')
        || COALESCE(octet_length(actor_id::text) || ':' || actor_id::text, '-')
        || COALESCE(octet_length(actor_name) || ':' || actor_name, '-')
        || COALESCE(octet_length(session_id::text) || ':' || session_id::text, '-')
        || COALESCE(octet_length(action) || ':' || action, '-')
        || COALESCE(octet_length(resource_type) || ':' || resource_type, '-')
        || COALESCE(octet_length(resource_id) || ':' || resource_id, '-')
        || COALESCE(octet_length(before_text) || ':' || before_text, '-')
        || COALESCE(octet_length(after_text) || ':' || after_text, '-')
        || COALESCE(octet_length(request_id) || ':' || request_id, '-')
        || COALESCE(octet_length(client_address) || ':' || client_address, '-'),
        'UTF8'));
END
$$;

-- The one way to write the trail: the runtime role can call this, and can neither insert nor change nor delete rows.
-- The tenant is that of the transaction. Call it last: from here to the commit, the chain belongs to this session.
-- It runs as its owner: its search path is the system's catalogue alone, its tables are named with their schema (@schema@).
DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION audit_append(
    id uuid, occurred_at timestamptz, actor_type text, actor_id uuid, actor_name text, session_id uuid, action text,
    resource_type text, resource_id text, before jsonb, after jsonb, request_id text, client_address text
) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    own_tenant    uuid := @schema@.comptoir_tenant();
    -- Sessions of one server have process ids that follow one another: few share a chain.
    own_chain     smallint := pg_backend_pid() % 64;
    own_salt      uuid := CASE WHEN $10 IS NOT NULL OR $11 IS NOT NULL THEN gen_random_uuid() END;
    before_digest bytea := @schema@.audit_digest(own_salt, 'before', $10);
    after_digest  bytea := @schema@.audit_digest(own_salt, 'after', $11);
    head          @schema@.audit_chains;
    own_hash      bytea;
BEGIN
    LOOP
        SELECT * INTO head FROM @schema@.audit_chains WHERE tenant_id = own_tenant AND chain = own_chain FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO @schema@.audit_chains VALUES (own_tenant, own_chain, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    END LOOP;
    own_hash := @schema@.audit_hash(head.hash, own_tenant, own_chain, head.position + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9,
        before_digest, after_digest, $12, $13);
    INSERT INTO @schema@.audit_events VALUES
        (own_tenant, own_chain, head.position + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, own_salt, before_digest,
        after_digest, $12, $13, head.hash, own_hash);
    UPDATE @schema@.audit_chains SET position = head.position + 1, hash = own_hash WHERE tenant_id = own_tenant AND chain = own_chain;
END
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION audit_append FROM PUBLIC;
