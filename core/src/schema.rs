// @generated automatically by Diesel CLI.

diesel::table! {
    customers (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        code -> Text,
        name -> Text,
        email -> Text,
        vat_number -> Nullable<Text>,
        addresses -> Jsonb,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_records (tenant_id, key) {
        tenant_id -> Uuid,
        key -> Text,
        fingerprint -> Bytea,
        status -> Int2,
        location -> Nullable<Text>,
        etag -> Nullable<Text>,
        body -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    order_lines (tenant_id, order_id, position) {
        tenant_id -> Uuid,
        order_id -> Uuid,
        position -> Int2,
        product_id -> Uuid,
        sku -> Text,
        name -> Text,
        quantity -> Numeric,
        unit_price -> Numeric,
        vat_rate -> Numeric,
        net_amount -> Numeric,
    }
}

diesel::table! {
    orders (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        reference -> Nullable<Text>,
        customer_id -> Uuid,
        status -> Text,
        currency -> Text,
        net_total -> Numeric,
        vat_total -> Numeric,
        gross_total -> Numeric,
        tracking_number -> Nullable<Text>,
        cancellation_reason -> Nullable<Text>,
        placed_at -> Timestamptz,
        confirmed_at -> Nullable<Timestamptz>,
        shipped_at -> Nullable<Timestamptz>,
        delivered_at -> Nullable<Timestamptz>,
        cancelled_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    products (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        sku -> Text,
        name -> Text,
        unit_price -> Numeric,
        vat_rate -> Numeric,
        ordered -> Bool,
        archived_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}
