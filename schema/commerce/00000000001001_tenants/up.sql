-- Companies, and how their data is kept apart.
--
-- The API works as the runtime role of this database (docs/roles.md), which owns nothing: the policies below hold for it
-- whatever SQL it sends. Each of its transactions says for which tenant it works: SET LOCAL comptoir.tenant_id. One that does
-- not sees nothing. They do not hold for the owner, who migrates and does nothing else.

-- The tenant for which this transaction works, or NULL.
CREATE FUNCTION comptoir_tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(pg_catalog.current_setting('comptoir.tenant_id', true), '')::uuid;

-- Every table of a tenant's data is protected by this, in the migration that makes it.
CREATE PROCEDURE comptoir_protect(protected regclass) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
    EXECUTE pg_catalog.format('CREATE POLICY tenant ON %s USING (tenant_id = comptoir_tenant())', protected);
END
$$;
REVOKE EXECUTE ON PROCEDURE comptoir_protect FROM PUBLIC;

-- A company.
CREATE TABLE tenants (
    id                  uuid        PRIMARY KEY,
    version             bigint      NOT NULL CHECK (version > 0),
    -- What people name their company by when they log in; it never changes.
    short_name          text        COLLATE "C" NOT NULL
        CHECK (short_name ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(short_name) <= 40),
    name                text        NOT NULL,
    -- How the company is registered: its SIREN or SIRET (INSEE), or a number of another country's register.
    registration_scheme text        NOT NULL CHECK (registration_scheme IN ('siren', 'siret', 'foreign', 'none')),
    registration_number text,
    vat_number          text,
    address             jsonb       CHECK (jsonb_typeof(address) = 'object'),
    -- ISO 4217. What its amounts are in; it never changes.
    currency            text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- A name of the IANA time zone database.
    time_zone           text        NOT NULL,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    CONSTRAINT tenants_short_name_key UNIQUE (short_name),
    CONSTRAINT tenants_registration_complete CHECK ((registration_scheme = 'none') = (registration_number IS NULL))
);
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tenants USING (id = comptoir_tenant());

-- Nothing references tenants: a foreign key would have every insert lock the one row of its tenant.
