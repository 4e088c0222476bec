// @generated automatically by Diesel CLI.

diesel::table! {
    api_keys (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        name -> Text,
        prefix -> Text,
        key_hash -> Bytea,
        permissions -> Array<Nullable<Text>>,
        created_by -> Nullable<Uuid>,
        owner_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    audit_chains (tenant_id, chain) {
        tenant_id -> Uuid,
        chain -> Int2,
        position -> Int8,
        hash -> Bytea,
    }
}

diesel::table! {
    audit_events (tenant_id, chain, position) {
        tenant_id -> Uuid,
        chain -> Int2,
        position -> Int8,
        id -> Uuid,
        occurred_at -> Timestamptz,
        actor_type -> Text,
        actor_id -> Nullable<Uuid>,
        actor_name -> Text,
        session_id -> Nullable<Uuid>,
        action -> Text,
        resource_type -> Text,
        resource_id -> Text,
        before -> Nullable<Jsonb>,
        after -> Nullable<Jsonb>,
        salt -> Nullable<Uuid>,
        before_digest -> Nullable<Bytea>,
        after_digest -> Nullable<Bytea>,
        request_id -> Text,
        client_address -> Nullable<Text>,
        previous_hash -> Bytea,
        hash -> Bytea,
    }
}

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
        external_id -> Nullable<Text>,
    }
}

diesel::table! {
    idempotency_records (tenant_id, principal_id, key) {
        tenant_id -> Uuid,
        principal_id -> Uuid,
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
    import_rows (tenant_id, import_id, number) {
        tenant_id -> Uuid,
        import_id -> Uuid,
        number -> Int4,
        content -> Nullable<Text>,
        outcome -> Nullable<Text>,
        resource_id -> Nullable<Uuid>,
        errors -> Nullable<Jsonb>,
    }
}

diesel::table! {
    imports (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        kind -> Text,
        mode -> Text,
        file_name -> Nullable<Text>,
        state -> Text,
        reason -> Nullable<Text>,
        rows -> Int4,
        created -> Int4,
        updated -> Int4,
        unchanged -> Int4,
        refused -> Int4,
        session_id -> Nullable<Uuid>,
        api_key_id -> Nullable<Uuid>,
        created_by -> Text,
        correlation_id -> Text,
        worker -> Nullable<Uuid>,
        leased_until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    login_throttles (subject) {
        subject -> Bytea,
        failures -> Float8,
        attempted_at -> Timestamptz,
        locked_until -> Nullable<Timestamptz>,
        ticket -> Uuid,
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
        external_id -> Nullable<Text>,
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
        first_transaction_id -> Nullable<Int8>,
        first_seq -> Nullable<Int8>,
        origin -> Nullable<Jsonb>,
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
        external_id -> Nullable<Text>,
    }
}

diesel::table! {
    rate_limit_counts (limit_name, subject, window_number, replica_id) {
        limit_name -> Text,
        subject -> Text,
        window_number -> Int8,
        replica_id -> Uuid,
        requests -> Int8,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    refresh_tokens (token_hash) {
        tenant_id -> Uuid,
        token_hash -> Bytea,
        session_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
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
        broker_heard_at -> Nullable<Timestamptz>,
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

diesel::table! {
    relay_upkeep (task) {
        task -> Text,
        claimed_until -> Timestamptz,
        retention_days -> Nullable<Int4>,
    }
}

diesel::table! {
    service_commands (id) {
        id -> Uuid,
        service -> Text,
        action -> Text,
        parameters -> Jsonb,
        priority -> Int2,
        process -> Nullable<Uuid>,
        correlation_id -> Uuid,
        asked_by -> Text,
        asked_at -> Timestamptz,
        deadline -> Timestamptz,
        repeatable -> Bool,
        state -> Text,
        owner -> Nullable<Uuid>,
        epoch -> Int8,
        lease_expires_at -> Nullable<Timestamptz>,
        started_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        progress_done -> Nullable<Int8>,
        progress_total -> Nullable<Int8>,
        answer -> Nullable<Jsonb>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    service_events (process, number) {
        process -> Uuid,
        number -> Int8,
        at -> Timestamptz,
        event -> Jsonb,
    }
}

diesel::table! {
    service_leases (service) {
        service -> Text,
        owner -> Nullable<Uuid>,
        epoch -> Int8,
        expires_at -> Nullable<Timestamptz>,
        next_run_at -> Nullable<Timestamptz>,
        last_run_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    service_processes (id) {
        id -> Uuid,
        program -> Text,
        name -> Text,
        version -> Text,
        started_at -> Timestamptz,
        last_seen_at -> Timestamptz,
    }
}

diesel::table! {
    service_states (process, service) {
        process -> Uuid,
        service -> Text,
        status -> Jsonb,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    sessions (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        user_id -> Uuid,
        stamp -> Int8,
        client_address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        end_reason -> Nullable<Text>,
    }
}

diesel::table! {
    suppliers (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        code -> Text,
        name -> Text,
        vat_number -> Nullable<Text>,
        addresses -> Jsonb,
        payment_days -> Nullable<Int2>,
        payment_end_of_month -> Nullable<Bool>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        external_id -> Nullable<Text>,
    }
}

diesel::table! {
    tenants (id) {
        id -> Uuid,
        version -> Int8,
        short_name -> Text,
        name -> Text,
        registration_scheme -> Text,
        registration_number -> Nullable<Text>,
        vat_number -> Nullable<Text>,
        address -> Nullable<Jsonb>,
        currency -> Text,
        time_zone -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    user_tokens (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        purpose -> Text,
        token_hash -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    users (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        email -> Text,
        folded_email -> Text,
        name -> Text,
        role -> Text,
        granted -> Array<Nullable<Text>>,
        revoked -> Array<Nullable<Text>>,
        password_hash -> Nullable<Text>,
        email_verified_at -> Nullable<Timestamptz>,
        disabled_at -> Nullable<Timestamptz>,
        last_login_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::joinable!(outbox_operation_events -> outbox_operations (operation_id));
diesel::joinable!(service_states -> service_processes (process));

diesel::allow_tables_to_appear_in_same_query!(
    api_keys,
    audit_chains,
    audit_events,
    customers,
    idempotency_records,
    import_rows,
    imports,
    login_throttles,
    order_lines,
    orders,
    outbox_events,
    outbox_operation_events,
    outbox_operations,
    products,
    rate_limit_counts,
    refresh_tokens,
    relay_replicas,
    relay_shards,
    relay_upkeep,
    service_commands,
    service_events,
    service_leases,
    service_processes,
    service_states,
    sessions,
    suppliers,
    tenants,
    user_tokens,
    users,
);
