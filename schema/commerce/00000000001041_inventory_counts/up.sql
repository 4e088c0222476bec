-- Inventory counts: what lies in a warehouse as somebody counted it, beside what the books say.

-- From its start to its end nothing on hand in its scope moves (core/src/commerce/stock/gate.rs, ADR 28).
CREATE TABLE inventory_counts (
    tenant_id           uuid           NOT NULL,
    id                  uuid           NOT NULL,
    version             bigint         NOT NULL CHECK (version > 0),
    reference           text,
    warehouse_id        uuid           NOT NULL,
    -- Only what is in these categories and below them; NULL is the whole warehouse.
    category_ids        uuid[]         CHECK (pg_catalog.cardinality(category_ids) > 0),
    -- These categories and all that were below them when the count was started.
    scope               uuid[],
    -- Whether those who count do not see what is expected.
    blind               boolean        NOT NULL,
    status              text           NOT NULL CHECK (status IN ('open', 'counting', 'review', 'closed', 'cancelled')),
    created_by          text           NOT NULL,
    -- Of a closed count: the date of its movements, how many lines differed, and what that was worth at average cost.
    business_date       date,
    differing           integer        CHECK (differing >= 0),
    value_gained        numeric(19, 2) CHECK (value_gained >= 0::numeric),
    value_lost          numeric(19, 2) CHECK (value_lost >= 0::numeric),
    cancellation_reason text,
    started_at          timestamptz,
    closed_at           timestamptz,
    cancelled_at        timestamptz,
    created_at          timestamptz    NOT NULL,
    updated_at          timestamptz    NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT inventory_counts_reference_key UNIQUE (tenant_id, reference),
    CONSTRAINT inventory_counts_warehouse_fkey FOREIGN KEY (tenant_id, warehouse_id) REFERENCES warehouses (tenant_id, id),
    CONSTRAINT inventory_counts_closed CHECK ((status = 'closed'::text) = (business_date IS NOT NULL)
        AND (business_date IS NULL) = (differing IS NULL) AND (differing IS NULL) = (value_gained IS NULL)
        AND (value_gained IS NULL) = (value_lost IS NULL))
);
-- One at a time in a warehouse. Whoever moves goods looks here.
CREATE UNIQUE INDEX inventory_counts_running_key ON inventory_counts (tenant_id, warehouse_id) WHERE status IN ('counting', 'review');
-- Counts are written seldom: each filter of the list has its index.
CREATE INDEX inventory_counts_created_at_idx ON inventory_counts (tenant_id, created_at, id);
CREATE INDEX inventory_counts_warehouse_idx ON inventory_counts (tenant_id, warehouse_id, created_at, id);
CREATE INDEX inventory_counts_status_idx ON inventory_counts (tenant_id, status, created_at, id);
CREATE INDEX inventory_counts_warehouse_status_idx ON inventory_counts (tenant_id, warehouse_id, status, created_at, id);

-- A product that is to be counted, or was. It is written in the transactions of its count, which is never deleted: a foreign key would
-- look the count up for each of 50,000 lines.
CREATE TABLE inventory_count_lines (
    tenant_id    uuid           NOT NULL,
    count_id     uuid           NOT NULL,
    product_id   uuid           NOT NULL,
    -- As the product was called when the line was made.
    sku          text           NOT NULL,
    name         text           NOT NULL,
    state        text           NOT NULL CHECK (state IN ('to_count', 'counted', 'to_recount')),
    -- What was on hand when it was counted last.
    expected     numeric(19, 6) CHECK (expected >= 0::numeric),
    counted      numeric(19, 6) CHECK (counted >= 0::numeric),
    -- Of a line that differed when the count was closed.
    average_cost numeric(19, 6) CHECK (average_cost >= 0::numeric),
    -- How often it was counted.
    entries      integer        NOT NULL CHECK (entries >= 0),
    counted_at   timestamptz,
    PRIMARY KEY (tenant_id, count_id, product_id),
    CONSTRAINT inventory_count_lines_counted CHECK ((expected IS NULL) = (counted IS NULL) AND (counted IS NULL) = (counted_at IS NULL)
        AND (counted IS NULL) = (state = 'to_count'::text))
) WITH (fillfactor = 80);
CREATE INDEX inventory_count_lines_sku_idx ON inventory_count_lines (tenant_id, count_id, sku, product_id);
CREATE INDEX inventory_count_lines_state_idx ON inventory_count_lines (tenant_id, count_id, state, sku, product_id);
-- What differs is little, and what is looked at.
CREATE INDEX inventory_count_lines_differing_idx ON inventory_count_lines (tenant_id, count_id, sku, product_id) WHERE counted <> expected;
CREATE INDEX inventory_count_lines_differing_state_idx ON inventory_count_lines (tenant_id, count_id, state, sku, product_id)
    WHERE counted <> expected;

-- Who counted what, and when. A line that is counted again has another entry; nobody changes one.
CREATE TABLE inventory_count_entries (
    tenant_id      uuid           NOT NULL,
    count_id       uuid           NOT NULL,
    id             uuid           NOT NULL,
    product_id     uuid           NOT NULL,
    counted        numeric(19, 6) NOT NULL CHECK (counted >= 0::numeric),
    -- What was on hand at that moment.
    expected       numeric(19, 6) NOT NULL CHECK (expected >= 0::numeric),
    actor_type     text           NOT NULL,
    actor_id       uuid,
    actor_name     text           NOT NULL,
    correlation_id text           NOT NULL,
    recorded_at    timestamptz    NOT NULL,
    PRIMARY KEY (tenant_id, count_id, id)
);
CREATE INDEX inventory_count_entries_recorded_at_idx ON inventory_count_entries (tenant_id, count_id, recorded_at, id);
CREATE INDEX inventory_count_entries_product_idx ON inventory_count_entries (tenant_id, count_id, product_id, recorded_at, id);

CREATE FUNCTION inventory_count_entries_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was counted is never changed or removed: count it again'
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER inventory_count_entries_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON inventory_count_entries
    FOR EACH STATEMENT EXECUTE FUNCTION inventory_count_entries_are_kept();

CALL comptoir_protect('inventory_counts'::regclass);
CALL comptoir_protect('inventory_count_lines'::regclass);
CALL comptoir_protect('inventory_count_entries'::regclass);
INSERT INTO runtime_privileges VALUES
    ('inventory_counts', 'SELECT, INSERT, UPDATE'),
    ('inventory_count_lines', 'SELECT, INSERT, UPDATE'),
    ('inventory_count_entries', 'SELECT, INSERT');
