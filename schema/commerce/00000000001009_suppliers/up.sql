-- Suppliers: the companies from which products are bought.

CREATE TABLE suppliers (
    tenant_id            uuid        NOT NULL,
    id                   uuid        NOT NULL,
    version              bigint      NOT NULL CHECK (version > 0),
    code                 text        NOT NULL,
    name                 text        NOT NULL,
    vat_number           text,
    addresses            jsonb       NOT NULL CHECK (jsonb_typeof(addresses) = 'array'),
    -- The days after an invoice's date until which it is to be paid; NULL if nothing was agreed.
    payment_days         smallint    CHECK (payment_days BETWEEN 0::smallint AND 365::smallint),
    -- Whether it is due at the end of the month in which these days end.
    payment_end_of_month boolean,
    created_at           timestamptz NOT NULL,
    updated_at           timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT suppliers_code_key UNIQUE (tenant_id, code),
    CONSTRAINT suppliers_terms_complete CHECK ((payment_days IS NULL) = (payment_end_of_month IS NULL))
);
CREATE INDEX suppliers_name_idx ON suppliers (tenant_id, name, id);
CREATE INDEX suppliers_created_at_idx ON suppliers (tenant_id, created_at, id);
CALL comptoir_protect('suppliers'::regclass);
INSERT INTO runtime_privileges VALUES ('suppliers', 'SELECT, INSERT, UPDATE, DELETE');
