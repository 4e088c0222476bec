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
    outbox_events (shard, seq) {
        transaction_id -> Int8,
        seq -> Int8,
        id -> Uuid,
        tenant_id -> Uuid,
        aggregate_type -> Text,
        aggregate_id -> Text,
        aggregate_version -> Nullable<Int8>,
        event_type -> Text,
        schema_version -> Int2,
        payload -> Json,
        headers -> Jsonb,
        occurred_at -> Timestamptz,
        shard -> Int2,
        retry_count -> Int4,
        next_attempt_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
    }
}

diesel::table! {
    outbox_operation_events (operation_id, event_id) {
        operation_id -> Uuid,
        event_id -> Uuid,
    }
}

diesel::table! {
    outbox_operations (id) {
        id -> Uuid,
        at -> Timestamptz,
        operator -> Text,
        host -> Text,
        operation -> Text,
        filter -> Jsonb,
        count -> Int8,
        finished_at -> Nullable<Timestamptz>,
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

diesel::table! {
    relay_replicas (id) {
        id -> Uuid,
        name -> Text,
        started_at -> Timestamptz,
        last_seen_at -> Timestamptz,
        blocked -> Bool,
        version -> Nullable<Text>,
        lease_ttl_ms -> Nullable<Int8>,
    }
}

diesel::table! {
    relay_shards (shard) {
        shard -> Int2,
        owner -> Nullable<Uuid>,
        epoch -> Int8,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(outbox_operation_events -> outbox_operations (operation_id));

diesel::allow_tables_to_appear_in_same_query!(
    customers,
    idempotency_records,
    order_lines,
    orders,
    outbox_events,
    outbox_operation_events,
    outbox_operations,
    products,
    relay_replicas,
    relay_shards,
);
