-- Customers, products, orders.
--
-- Every table starts with its tenant: no query, key or reference can cross from one company to another.

CREATE TABLE customers (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    version    bigint      NOT NULL CHECK (version > 0),
    code       text        NOT NULL,
    name       text        NOT NULL,
    email      text        NOT NULL,
    vat_number text,
    addresses  jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(addresses) = 'array'),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT customers_code_key UNIQUE (tenant_id, code)
);
CREATE INDEX customers_name_idx ON customers (tenant_id, name, id);
-- Here and below: each filter of a list has an index in each of its orders, so that a page reads the rows that it returns.
CREATE INDEX customers_email_code_idx ON customers (tenant_id, email, code, id);
CREATE INDEX customers_email_name_idx ON customers (tenant_id, email, name, id);
CREATE INDEX customers_email_created_at_idx ON customers (tenant_id, email, created_at, id);
CREATE INDEX customers_created_at_idx ON customers (tenant_id, created_at, id);

CREATE TABLE products (
    tenant_id   uuid           NOT NULL,
    id          uuid           NOT NULL,
    version     bigint         NOT NULL CHECK (version > 0),
    sku         text           NOT NULL,
    name        text           NOT NULL,
    unit_price  numeric(19, 6) NOT NULL CHECK (unit_price >= 0::numeric),
    vat_rate    numeric(5, 2)  NOT NULL CHECK (vat_rate BETWEEN 0::numeric AND 100::numeric),
    -- Set by the first order that names the product; from then on it can be archived but not deleted.
    ordered     boolean        NOT NULL DEFAULT false,
    archived_at timestamptz,
    created_at  timestamptz    NOT NULL,
    updated_at  timestamptz    NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT products_sku_key UNIQUE (tenant_id, sku)
);
CREATE INDEX products_name_idx ON products (tenant_id, name, id);
CREATE INDEX products_created_at_idx ON products (tenant_id, created_at, id);
-- Products are written seldom. After years most of them are archived, or few are.
CREATE INDEX products_on_sale_sku_idx ON products (tenant_id, sku, id) WHERE archived_at IS NULL;
CREATE INDEX products_on_sale_name_idx ON products (tenant_id, name, id) WHERE archived_at IS NULL;
CREATE INDEX products_on_sale_created_at_idx ON products (tenant_id, created_at, id) WHERE archived_at IS NULL;
CREATE INDEX products_archived_sku_idx ON products (tenant_id, sku, id) WHERE archived_at IS NOT NULL;
CREATE INDEX products_archived_name_idx ON products (tenant_id, name, id) WHERE archived_at IS NOT NULL;
CREATE INDEX products_archived_created_at_idx ON products (tenant_id, created_at, id) WHERE archived_at IS NOT NULL;

CREATE TABLE orders (
    tenant_id           uuid           NOT NULL,
    id                  uuid           NOT NULL,
    version             bigint         NOT NULL CHECK (version > 0),
    reference           text,
    customer_id         uuid           NOT NULL,
    status              text           NOT NULL
        CHECK (status IN ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled')),
    currency            text           NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    net_total           numeric(19, 2) NOT NULL,
    vat_total           numeric(19, 2) NOT NULL,
    gross_total         numeric(19, 2) NOT NULL CHECK (gross_total = net_total + vat_total),
    tracking_number     text,
    cancellation_reason text,
    placed_at           timestamptz    NOT NULL,
    confirmed_at        timestamptz,
    shipped_at          timestamptz,
    delivered_at        timestamptz,
    cancelled_at        timestamptz,
    updated_at          timestamptz    NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT orders_reference_key UNIQUE (tenant_id, reference),
    CONSTRAINT orders_customer_fkey FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id),
    CONSTRAINT orders_shipped_with_tracking CHECK (shipped_at IS NULL OR tracking_number IS NOT NULL),
    CONSTRAINT orders_cancelled_with_reason CHECK ((cancelled_at IS NULL) = (cancellation_reason IS NULL))
);
CREATE INDEX orders_placed_at_idx ON orders (tenant_id, placed_at, id);
CREATE INDEX orders_status_idx ON orders (tenant_id, status, placed_at, id);
CREATE INDEX orders_customer_idx ON orders (tenant_id, customer_id, placed_at, id);
CREATE INDEX orders_customer_status_idx ON orders (tenant_id, customer_id, status, placed_at, id);

-- What was sold, as it was when it was sold: a product's later price or name does not change an order.
--
-- There is no foreign key to products: placing an order holds a key-share lock on each product that it names, and
-- deleting a product takes the row exclusively and refuses once `ordered` is set. A foreign key would check the same
-- thing once more for every line and need an index here only for the rare deletion.
CREATE TABLE order_lines (
    tenant_id  uuid           NOT NULL,
    order_id   uuid           NOT NULL,
    position   smallint       NOT NULL CHECK (position > 0),
    product_id uuid           NOT NULL,
    sku        text           NOT NULL,
    name       text           NOT NULL,
    quantity   numeric(19, 6) NOT NULL CHECK (quantity > 0::numeric),
    unit_price numeric(19, 6) NOT NULL CHECK (unit_price >= 0::numeric),
    vat_rate   numeric(5, 2)  NOT NULL CHECK (vat_rate BETWEEN 0::numeric AND 100::numeric),
    net_amount numeric(19, 2) NOT NULL,
    PRIMARY KEY (tenant_id, order_id, position),
    CONSTRAINT order_lines_order_fkey FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id)
);

CALL comptoir_protect('customers'::regclass);
CALL comptoir_protect('products'::regclass);
CALL comptoir_protect('orders'::regclass);
CALL comptoir_protect('order_lines'::regclass);
