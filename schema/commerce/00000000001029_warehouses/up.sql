-- Warehouses, and the places in them: where goods lie.

CREATE TABLE warehouses (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    version     bigint      NOT NULL CHECK (version > 0),
    external_id text,
    code        text        NOT NULL,
    name        text        NOT NULL,
    address     jsonb       CHECK (jsonb_typeof(address) = 'object'),
    -- Whether it is meant where no warehouse is named.
    is_default  boolean     NOT NULL,
    archived_at timestamptz,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT warehouses_code_key UNIQUE (tenant_id, code),
    CONSTRAINT warehouses_default_not_archived CHECK (archived_at IS NULL OR NOT is_default)
);
-- At most one in a company.
CREATE UNIQUE INDEX warehouses_default_key ON warehouses (tenant_id) WHERE is_default;
CREATE UNIQUE INDEX warehouses_external_id_key ON warehouses (tenant_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX warehouses_name_idx ON warehouses (tenant_id, name, id);
CREATE INDEX warehouses_created_at_idx ON warehouses (tenant_id, created_at, id);
CREATE INDEX warehouses_updated_at_idx ON warehouses (tenant_id, updated_at, id);
-- As for products: each filter has an index in each order of the list. Warehouses are written seldom.
CREATE INDEX warehouses_in_use_code_idx ON warehouses (tenant_id, code, id) WHERE archived_at IS NULL;
CREATE INDEX warehouses_in_use_name_idx ON warehouses (tenant_id, name, id) WHERE archived_at IS NULL;
CREATE INDEX warehouses_in_use_created_at_idx ON warehouses (tenant_id, created_at, id) WHERE archived_at IS NULL;
CREATE INDEX warehouses_archived_code_idx ON warehouses (tenant_id, code, id) WHERE archived_at IS NOT NULL;
CREATE INDEX warehouses_archived_name_idx ON warehouses (tenant_id, name, id) WHERE archived_at IS NOT NULL;
CREATE INDEX warehouses_archived_created_at_idx ON warehouses (tenant_id, created_at, id) WHERE archived_at IS NOT NULL;
CALL comptoir_protect('warehouses'::regclass);

-- A place in a warehouse: an aisle, a shelf.
CREATE TABLE locations (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    version      bigint      NOT NULL CHECK (version > 0),
    warehouse_id uuid        NOT NULL,
    external_id  text,
    code         text        NOT NULL,
    name         text,
    archived_at  timestamptz,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT locations_warehouse_fkey FOREIGN KEY (tenant_id, warehouse_id) REFERENCES warehouses (tenant_id, id),
    -- Every warehouse may have its own A-01.
    CONSTRAINT locations_code_key UNIQUE (tenant_id, warehouse_id, code)
);
CREATE UNIQUE INDEX locations_external_id_key ON locations (tenant_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX locations_code_idx ON locations (tenant_id, code, id);
CREATE INDEX locations_warehouse_code_idx ON locations (tenant_id, warehouse_id, code, id);
CREATE INDEX locations_created_at_idx ON locations (tenant_id, created_at, id);
CREATE INDEX locations_updated_at_idx ON locations (tenant_id, updated_at, id);
CREATE INDEX locations_warehouse_created_at_idx ON locations (tenant_id, warehouse_id, created_at, id);
-- Those of one warehouse: after years most of them are archived, or few are.
CREATE INDEX locations_in_use_code_idx ON locations (tenant_id, warehouse_id, code, id) WHERE archived_at IS NULL;
CREATE INDEX locations_in_use_created_at_idx ON locations (tenant_id, warehouse_id, created_at, id) WHERE archived_at IS NULL;
CREATE INDEX locations_archived_code_idx ON locations (tenant_id, warehouse_id, code, id) WHERE archived_at IS NOT NULL;
CREATE INDEX locations_archived_created_at_idx ON locations (tenant_id, warehouse_id, created_at, id) WHERE archived_at IS NOT NULL;
CALL comptoir_protect('locations'::regclass);

-- They are archived, never deleted.
INSERT INTO runtime_privileges VALUES ('warehouses', 'SELECT, INSERT, UPDATE'), ('locations', 'SELECT, INSERT, UPDATE');

-- What is searched of each list, as in migration 1011.
CREATE FUNCTION warehouse_words(tenant uuid, code text, external_id text, name text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN comptoir_words(tenant, code || ' '::text || COALESCE(external_id, ''::text), name);
CREATE INDEX warehouses_words_idx ON warehouses USING gin (warehouse_words(tenant_id, code, external_id, name));

CREATE FUNCTION location_words(tenant uuid, code text, external_id text, name text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN comptoir_words(tenant, code || ' '::text || COALESCE(external_id, ''::text), COALESCE(name, ''::text));
CREATE INDEX locations_words_idx ON locations USING gin (location_words(tenant_id, code, external_id, name));

DO $install$
BEGIN
    EXECUTE pg_catalog.replace($function$
CREATE FUNCTION search_warehouses(texts text, most bigint) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT id FROM @schema@.warehouses WHERE @schema@.warehouse_words(tenant_id, code, external_id, name) @@ @schema@.comptoir_search(texts)
        AND (tenant_id = @schema@.comptoir_tenant()) IS TRUE LIMIT most
$$;
CREATE FUNCTION search_locations(texts text, most bigint) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT id FROM @schema@.locations WHERE @schema@.location_words(tenant_id, code, external_id, name) @@ @schema@.comptoir_search(texts)
        AND (tenant_id = @schema@.comptoir_tenant()) IS TRUE LIMIT most
$$;
    $function$, '@schema@', pg_catalog.quote_ident(current_schema()::text));
END
$install$;
REVOKE EXECUTE ON FUNCTION search_warehouses, search_locations FROM PUBLIC;

CREATE OR REPLACE PROCEDURE comptoir_grant_runtime(runtime regrole) LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), runtime);
    FOR granted IN SELECT p.table_name, p.privileges FROM runtime_privileges AS p LOOP
        EXECUTE pg_catalog.format('GRANT %s ON %I TO %s', granted.privileges, granted.table_name, runtime);
    END LOOP;
    EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION outbox_append, audit_append, find_login, find_user_token, find_refresh_token,
        find_api_key, search_customers, search_suppliers, search_products, search_orders, search_categories, search_warehouses,
        search_locations, outbox_feed_page TO %s', runtime);
END
$$;

-- The companies that are there get the warehouse with which new ones begin. No event tells of it.
INSERT INTO warehouses (tenant_id, id, version, code, name, is_default, created_at, updated_at)
SELECT t.id, pg_catalog.gen_random_uuid(), 1, 'MAIN', CASE WHEN t.language = 'en'::text THEN 'Main warehouse' ELSE 'Entrepôt principal' END,
    true, pg_catalog.now(), pg_catalog.now()
FROM tenants AS t;
