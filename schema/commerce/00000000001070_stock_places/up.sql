-- Locations split what is on hand (ADR 31). Levels of which nothing lies in a location stay as they were, and cost nothing.

-- What of on hand lies in locations: the sum of the level's places.
ALTER TABLE stock_levels ADD COLUMN located numeric(19, 6) NOT NULL DEFAULT 0::numeric;
ALTER TABLE stock_levels ADD CONSTRAINT stock_levels_located CHECK (0::numeric <= located AND located <= on_hand) NOT VALID;
-- As the product has it now, so that the list is filtered by itself; 1071 fills it.
ALTER TABLE stock_levels ADD COLUMN category_id uuid;

-- What of a level lies in a location; there is no row where nothing does. Written under the lock of its level, by who holds the location:
-- neither is ever deleted, and foreign keys would lock both once more.
CREATE TABLE stock_places (
    tenant_id    uuid           NOT NULL,
    stock_id     uuid           NOT NULL,
    location_id  uuid           NOT NULL,
    -- Those of the level, which never change.
    warehouse_id uuid           NOT NULL,
    product_id   uuid           NOT NULL,
    on_hand      numeric(19, 6) NOT NULL CHECK (on_hand > 0::numeric),
    PRIMARY KEY (tenant_id, stock_id, location_id)
);
CREATE INDEX stock_places_location_idx ON stock_places (tenant_id, location_id, stock_id);

-- Everything that changed what lies in a location. Nobody changes a row.
CREATE TABLE stock_location_movements (
    tenant_id      uuid           NOT NULL,
    id             uuid           NOT NULL,
    stock_id       uuid           NOT NULL,
    location_id    uuid           NOT NULL,
    warehouse_id   uuid           NOT NULL,
    product_id     uuid           NOT NULL,
    change         numeric(19, 6) NOT NULL CHECK (change <> 0::numeric),
    -- What lay there afterwards.
    on_hand        numeric(19, 6) NOT NULL CHECK (on_hand >= 0::numeric),
    reason         text,
    document_type  text           NOT NULL,
    document_id    uuid           NOT NULL,
    document_line  smallint,
    actor_type     text           NOT NULL,
    actor_id       uuid,
    actor_name     text           NOT NULL,
    correlation_id text           NOT NULL,
    business_date  date           NOT NULL,
    recorded_at    timestamptz    NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX stock_location_movements_recorded_at_idx ON stock_location_movements (tenant_id, recorded_at, id);
CREATE INDEX stock_location_movements_location_idx ON stock_location_movements (tenant_id, location_id, recorded_at, id);
CREATE INDEX stock_location_movements_product_idx ON stock_location_movements (tenant_id, product_id, recorded_at, id);
CREATE INDEX stock_location_movements_document_idx ON stock_location_movements (tenant_id, document_id, recorded_at, id);

CREATE FUNCTION stock_location_movements_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a movement of a location is never changed or removed: post another one that corrects it'
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER stock_location_movements_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON stock_location_movements
    FOR EACH STATEMENT EXECUTE FUNCTION stock_location_movements_are_kept();

-- Goods are put into a location, or from one into another. Documents of before have one of the kinds of before: there is no row to look at.
ALTER TABLE stock_documents
    DROP CONSTRAINT stock_documents_kind_check,
    ADD CONSTRAINT stock_documents_kind_check CHECK (kind IN ('receipt', 'adjustment', 'write_off', 'transfer', 'relocation')) NOT VALID;

-- Only what lies in these locations is counted. NULL for the other scopes.
ALTER TABLE inventory_counts ADD COLUMN location_ids uuid[];
ALTER TABLE inventory_counts ADD CONSTRAINT inventory_counts_locations CHECK (location_ids IS NULL
    OR (pg_catalog.cardinality(location_ids) > 0 AND category_ids IS NULL)) NOT VALID;
-- Of a count of locations: where the product lies. Zeros otherwise, for it is a part of the key.
ALTER TABLE inventory_count_lines ADD COLUMN location_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'::uuid;
-- As the location was called when the line was made.
ALTER TABLE inventory_count_lines ADD COLUMN location_code text;
-- That of the product, unless the line is one of a location: then its own. It makes the order of lines with one SKU. 1071 fills it.
ALTER TABLE inventory_count_lines ADD COLUMN id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'::uuid;
ALTER TABLE inventory_count_entries ADD COLUMN location_id uuid;

CALL comptoir_protect('stock_places'::regclass);
CALL comptoir_protect('stock_location_movements'::regclass);
INSERT INTO runtime_privileges VALUES
    ('stock_places', 'SELECT, INSERT, UPDATE, DELETE'),
    ('stock_location_movements', 'SELECT, INSERT');
