// @generated automatically by Diesel CLI.

diesel::table! {
    accounting_accounts (tenant_id, position) {
        tenant_id -> Uuid,
        position -> Int2,
        purpose -> Text,
        category -> Nullable<Text>,
        rate -> Nullable<Numeric>,
        number -> Text,
        label -> Text,
    }
}

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
    categories (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        external_id -> Nullable<Text>,
        code -> Text,
        name -> Text,
        parent_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    credit_allocations (tenant_id, credit_note_id, number) {
        tenant_id -> Uuid,
        credit_note_id -> Uuid,
        number -> Int2,
        invoice_id -> Uuid,
        amount -> Numeric,
        allocated_at -> Timestamptz,
    }
}

diesel::table! {
    customer_activity (generation, tenant_id, customer_id) {
        tenant_id -> Uuid,
        generation -> Int4,
        customer_id -> Uuid,
        code -> Nullable<Text>,
        name -> Nullable<Text>,
        currency -> Nullable<Text>,
        orders -> Int8,
        cancelled_orders -> Int8,
        gross_total -> Numeric,
        first_order_at -> Nullable<Timestamptz>,
        last_order_at -> Nullable<Timestamptz>,
        last_activity_at -> Timestamptz,
    }
}

diesel::table! {
    customer_credits (tenant_id, payment_id) {
        tenant_id -> Uuid,
        payment_id -> Uuid,
        customer_id -> Uuid,
        received_on -> Date,
        amount -> Numeric,
    }
}

diesel::table! {
    customer_groups (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        code -> Text,
        name -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
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
        credit_limit -> Nullable<Numeric>,
        kind -> Nullable<Text>,
        legal_form -> Nullable<Text>,
        registration_scheme -> Nullable<Text>,
        registration_number -> Nullable<Text>,
        electronic_scheme -> Nullable<Text>,
        electronic_address -> Nullable<Text>,
        language -> Nullable<Text>,
        payment_days -> Nullable<Int2>,
        payment_end_of_month -> Nullable<Bool>,
        group_id -> Nullable<Uuid>,
        invoice_channel -> Nullable<Text>,
        reminders -> Bool,
        anonymised_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    document_styles (tenant_id) {
        tenant_id -> Uuid,
        accent -> Nullable<Text>,
        footer -> Nullable<Text>,
        logo -> Nullable<Bytea>,
        logo_digest -> Nullable<Bytea>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    email_attempts (tenant_id, email_id, epoch) {
        tenant_id -> Uuid,
        email_id -> Uuid,
        epoch -> Int8,
        destination -> Text,
        started_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        outcome -> Nullable<Text>,
        detail -> Nullable<Text>,
    }
}

diesel::table! {
    email_secrets (tenant_id, email_id) {
        tenant_id -> Uuid,
        email_id -> Uuid,
        secret -> Text,
    }
}

diesel::table! {
    emails (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        kind -> Text,
        state -> Text,
        recipient -> Text,
        recipient_name -> Text,
        destination -> Text,
        content -> Jsonb,
        user_id -> Nullable<Uuid>,
        token_id -> Nullable<Uuid>,
        edition -> Int4,
        due_at -> Timestamptz,
        deadline -> Timestamptz,
        epoch -> Int8,
        worker -> Nullable<Uuid>,
        attempts -> Int4,
        last_error -> Nullable<Text>,
        reason -> Nullable<Text>,
        correlation_id -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        invoice_id -> Nullable<Uuid>,
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
    inventory_count_entries (tenant_id, count_id, id) {
        tenant_id -> Uuid,
        count_id -> Uuid,
        id -> Uuid,
        product_id -> Uuid,
        counted -> Numeric,
        expected -> Numeric,
        actor_type -> Text,
        actor_id -> Nullable<Uuid>,
        actor_name -> Text,
        correlation_id -> Text,
        recorded_at -> Timestamptz,
        location_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    inventory_count_lines (tenant_id, count_id, product_id, location_id) {
        tenant_id -> Uuid,
        count_id -> Uuid,
        product_id -> Uuid,
        sku -> Text,
        name -> Text,
        state -> Text,
        expected -> Nullable<Numeric>,
        counted -> Nullable<Numeric>,
        average_cost -> Nullable<Numeric>,
        entries -> Int4,
        counted_at -> Nullable<Timestamptz>,
        location_id -> Uuid,
        location_code -> Nullable<Text>,
        id -> Uuid,
    }
}

diesel::table! {
    inventory_counts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        reference -> Nullable<Text>,
        warehouse_id -> Uuid,
        category_ids -> Nullable<Array<Nullable<Uuid>>>,
        scope -> Nullable<Array<Nullable<Uuid>>>,
        blind -> Bool,
        status -> Text,
        created_by -> Text,
        business_date -> Nullable<Date>,
        differing -> Nullable<Int4>,
        value_gained -> Nullable<Numeric>,
        value_lost -> Nullable<Numeric>,
        cancellation_reason -> Nullable<Text>,
        started_at -> Nullable<Timestamptz>,
        closed_at -> Nullable<Timestamptz>,
        cancelled_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        location_ids -> Nullable<Array<Nullable<Uuid>>>,
    }
}

diesel::table! {
    invoice_chain (tenant_id, series, position) {
        tenant_id -> Uuid,
        series -> Text,
        position -> Int8,
        kind -> Text,
        subject_id -> Uuid,
        occurred_at -> Timestamptz,
        digest -> Bytea,
        previous_hash -> Bytea,
        hash -> Bytea,
    }
}

diesel::table! {
    invoice_claims (tenant_id, invoice_id, line) {
        tenant_id -> Uuid,
        invoice_id -> Uuid,
        line -> Int2,
        order_id -> Uuid,
        position -> Int2,
        quantity -> Numeric,
    }
}

diesel::table! {
    invoice_contents (tenant_id, invoice_id) {
        tenant_id -> Uuid,
        invoice_id -> Uuid,
        series -> Text,
        year -> Int2,
        position -> Int8,
        issue_date -> Date,
        content -> Text,
        digest -> Bytea,
        validated_at -> Timestamptz,
        tax_point -> Date,
    }
}

diesel::table! {
    invoice_counters (tenant_id, series, year) {
        tenant_id -> Uuid,
        series -> Text,
        year -> Int2,
        last -> Int8,
        latest -> Date,
    }
}

diesel::table! {
    invoice_credits (tenant_id, invoice_id, line) {
        tenant_id -> Uuid,
        invoice_id -> Uuid,
        line -> Int2,
        original_id -> Uuid,
        original_line -> Nullable<Int2>,
        quantity -> Nullable<Numeric>,
        net -> Numeric,
        order_id -> Nullable<Uuid>,
        order_position -> Nullable<Int2>,
        return_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    invoice_document_queue (tenant_id, invoice_id) {
        tenant_id -> Uuid,
        invoice_id -> Uuid,
        state -> Text,
        attempts -> Int4,
        due_at -> Timestamptz,
        last_error -> Nullable<Text>,
        queued_at -> Timestamptz,
    }
}

diesel::table! {
    invoice_documents (tenant_id, invoice_id) {
        tenant_id -> Uuid,
        invoice_id -> Uuid,
        pages -> Int4,
        pdf -> Bytea,
        pdf_digest -> Bytea,
        xml -> Bytea,
        xml_digest -> Bytea,
        rendered_at -> Timestamptz,
    }
}

diesel::table! {
    invoice_drafts (tenant_id, invoice_id) {
        tenant_id -> Uuid,
        invoice_id -> Uuid,
        content -> Jsonb,
    }
}

diesel::table! {
    invoice_lines (tenant_id, invoice_id, position) {
        tenant_id -> Uuid,
        invoice_id -> Uuid,
        position -> Int2,
        product_id -> Nullable<Uuid>,
        order_id -> Nullable<Uuid>,
        order_position -> Nullable<Int2>,
        nature -> Text,
        quantity -> Numeric,
        net -> Numeric,
        category -> Text,
        rate -> Nullable<Numeric>,
        why -> Text,
        deposit -> Bool,
        price_source -> Nullable<Text>,
        price_list_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    invoice_reminders (tenant_id, invoice_id, level) {
        tenant_id -> Uuid,
        invoice_id -> Uuid,
        level -> Int2,
        email_id -> Uuid,
        reminded_at -> Timestamptz,
    }
}

diesel::table! {
    invoice_sendings (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        invoice_id -> Uuid,
        channel -> Text,
        state -> Text,
        email_id -> Nullable<Uuid>,
        attempts -> Int4,
        due_at -> Timestamptz,
        asked_by -> Text,
        asked_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    invoice_series (tenant_id, code) {
        tenant_id -> Uuid,
        code -> Text,
        position -> Int8,
        hash -> Bytea,
    }
}

diesel::table! {
    invoice_transmissions (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        invoice_id -> Uuid,
        channel -> Text,
        status -> Text,
        code -> Nullable<Int2>,
        detail -> Nullable<Text>,
        email_id -> Nullable<Uuid>,
        recorded_by -> Text,
        occurred_at -> Timestamptz,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    invoice_vat (tenant_id, invoice_id, position) {
        tenant_id -> Uuid,
        invoice_id -> Uuid,
        position -> Int2,
        category -> Text,
        rate -> Nullable<Numeric>,
        base -> Numeric,
        tax -> Numeric,
    }
}

diesel::table! {
    invoices (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        kind -> Text,
        state -> Text,
        customer_id -> Uuid,
        reference -> Nullable<Text>,
        number -> Nullable<Text>,
        series -> Nullable<Text>,
        issue_date -> Nullable<Date>,
        due_on -> Nullable<Date>,
        gross_total -> Nullable<Numeric>,
        paid -> Numeric,
        credited -> Numeric,
        sent_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        corrects -> Nullable<Uuid>,
        sent_by -> Nullable<Text>,
        dispute -> Nullable<Text>,
        overdue_on -> Nullable<Date>,
    }
}

diesel::table! {
    locations (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        warehouse_id -> Uuid,
        external_id -> Nullable<Text>,
        code -> Text,
        name -> Nullable<Text>,
        archived_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
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
    operator_refresh_tokens (token_hash) {
        token_hash -> Bytea,
        session_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    operator_sessions (id) {
        id -> Uuid,
        operator_id -> Uuid,
        client_address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        end_reason -> Nullable<Text>,
        in_console -> Bool,
    }
}

diesel::table! {
    operators (id) {
        id -> Uuid,
        version -> Int8,
        email -> Text,
        folded_email -> Text,
        name -> Text,
        password_hash -> Text,
        disabled_at -> Nullable<Timestamptz>,
        last_login_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    order_deposits (tenant_id, invoice_id) {
        tenant_id -> Uuid,
        invoice_id -> Uuid,
        order_id -> Uuid,
        net -> Numeric,
        taken_by -> Nullable<Uuid>,
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
        stocked -> Bool,
        shipped -> Numeric,
        cancelled -> Numeric,
        returned -> Numeric,
        price_source -> Nullable<Text>,
        price_list_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    order_steps (tenant_id, order_id, version) {
        tenant_id -> Uuid,
        order_id -> Uuid,
        version -> Int8,
        event -> Text,
        occurred_at -> Timestamptz,
        tracking_number -> Nullable<Text>,
        request_id -> Nullable<Text>,
        dropped_products -> Nullable<Array<Nullable<Uuid>>>,
    }
}

diesel::table! {
    order_timeline (generation, tenant_id, order_id, version) {
        tenant_id -> Uuid,
        generation -> Int4,
        order_id -> Uuid,
        version -> Int8,
        id -> Uuid,
        event -> Text,
        occurred_at -> Timestamptz,
        reference -> Nullable<Text>,
        customer_id -> Uuid,
        tracking_number -> Nullable<Text>,
        reason -> Nullable<Text>,
        request_id -> Nullable<Text>,
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
        warehouse_id -> Nullable<Uuid>,
        back_order -> Bool,
        ordered_on -> Nullable<Date>,
        waits -> Bool,
        delivery_address -> Nullable<Jsonb>,
        promised_on -> Nullable<Date>,
        held_for_approval -> Bool,
        to_invoice -> Text,
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
    payment_allocations (tenant_id, payment_id, number) {
        tenant_id -> Uuid,
        payment_id -> Uuid,
        number -> Int2,
        invoice_id -> Uuid,
        amount -> Numeric,
        allocated_at -> Timestamptz,
    }
}

diesel::table! {
    payments (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        customer_id -> Uuid,
        method -> Text,
        received_on -> Date,
        amount -> Numeric,
        reference -> Nullable<Text>,
        reverses -> Nullable<Uuid>,
        reason -> Nullable<Text>,
        created_by -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    price_list_entries (tenant_id, list_id, product_id) {
        tenant_id -> Uuid,
        list_id -> Uuid,
        product_id -> Uuid,
        id -> Uuid,
        target -> Uuid,
        valid_from -> Nullable<Date>,
        valid_to -> Nullable<Date>,
        from_quantities -> Array<Nullable<Numeric>>,
        unit_prices -> Array<Nullable<Numeric>>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    price_lists (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        code -> Text,
        name -> Text,
        customer_id -> Nullable<Uuid>,
        group_id -> Nullable<Uuid>,
        valid_from -> Nullable<Date>,
        valid_to -> Nullable<Date>,
        entries -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    product_barcodes (tenant_id, gtin) {
        tenant_id -> Uuid,
        gtin -> Text,
        product_id -> Uuid,
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
        unit -> Text,
        quantity_decimals -> Int2,
        stocked -> Bool,
        category_id -> Nullable<Uuid>,
        barcodes -> Array<Nullable<Text>>,
        nature -> Text,
    }
}

diesel::table! {
    projection_inbox (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        consumer -> Text,
        message_id -> Text,
        number -> Int8,
        aggregate_type -> Text,
        aggregate_id -> Text,
        aggregate_version -> Nullable<Int8>,
        event_type -> Text,
        schema_version -> Nullable<Int8>,
        payload -> Bytea,
        correlation_id -> Nullable<Text>,
        causation_id -> Nullable<Text>,
        occurred_at -> Nullable<Timestamptz>,
        received_at -> Timestamptz,
        state -> Text,
        skip -> Bool,
        attempts -> Int4,
        next_attempt_at -> Timestamptz,
        last_error -> Nullable<Text>,
        missing_version -> Nullable<Int8>,
        applied -> Nullable<Int8>,
        applied_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    projection_order_products (generation, tenant_id, order_id, product_id) {
        tenant_id -> Uuid,
        generation -> Int4,
        order_id -> Uuid,
        product_id -> Uuid,
        quantity -> Numeric,
        net_amount -> Numeric,
    }
}

diesel::table! {
    projection_orders (generation, tenant_id, order_id) {
        tenant_id -> Uuid,
        generation -> Int4,
        order_id -> Uuid,
        customer_id -> Uuid,
        currency -> Text,
        net_total -> Numeric,
        vat_total -> Numeric,
        gross_total -> Numeric,
        placed_at -> Timestamptz,
    }
}

diesel::table! {
    projection_positions (generation, tenant_id, aggregate_id) {
        tenant_id -> Uuid,
        generation -> Int4,
        aggregate_id -> Uuid,
        version -> Int8,
    }
}

diesel::table! {
    projection_rebuilds (id) {
        id -> Uuid,
        consumer -> Text,
        generation -> Int4,
        reason -> Text,
        only_compare -> Bool,
        state -> Text,
        phase -> Text,
        after_tenant -> Uuid,
        after_id -> Uuid,
        followed -> Int8,
        done -> Int8,
        total -> Int8,
        differences -> Nullable<Int8>,
        error -> Nullable<Text>,
        started_at -> Timestamptz,
        updated_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        waits_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    projection_state (consumer) {
        consumer -> Text,
        generation -> Int4,
        built_at -> Nullable<Timestamptz>,
        applied -> Int8,
        wanted -> Nullable<Text>,
    }
}

diesel::table! {
    purchase_order_lines (tenant_id, purchase_order_id, position) {
        tenant_id -> Uuid,
        purchase_order_id -> Uuid,
        position -> Int2,
        product_id -> Uuid,
        sku -> Text,
        name -> Text,
        quantity -> Numeric,
        unit_cost -> Nullable<Numeric>,
        expected_on -> Nullable<Date>,
        received -> Numeric,
    }
}

diesel::table! {
    purchase_orders (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        reference -> Nullable<Text>,
        supplier_id -> Uuid,
        warehouse_id -> Uuid,
        state -> Text,
        ordered_on -> Date,
        expected_on -> Nullable<Date>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
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
    receivables (generation, tenant_id, customer_id) {
        tenant_id -> Uuid,
        generation -> Int4,
        customer_id -> Uuid,
        currency -> Nullable<Text>,
        invoiced -> Numeric,
        credited -> Numeric,
        paid -> Numeric,
        open_total -> Numeric,
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
        publishes -> Bool,
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
    return_lines (tenant_id, return_id, number) {
        tenant_id -> Uuid,
        return_id -> Uuid,
        number -> Int2,
        position -> Int2,
        quantity -> Numeric,
        restocked -> Bool,
        reason -> Nullable<Text>,
        location_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    returns (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        order_id -> Uuid,
        reference -> Nullable<Text>,
        reason -> Text,
        received_on -> Date,
        created_by -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sales_by_day (generation, tenant_id, day, currency) {
        tenant_id -> Uuid,
        generation -> Int4,
        day -> Timestamptz,
        currency -> Text,
        id -> Uuid,
        orders -> Int8,
        net_total -> Numeric,
        vat_total -> Numeric,
        gross_total -> Numeric,
        cancelled_orders -> Int8,
        cancelled_gross_total -> Numeric,
    }
}

diesel::table! {
    sales_by_month (generation, tenant_id, month, customer_id) {
        tenant_id -> Uuid,
        generation -> Int4,
        month -> Timestamptz,
        customer_id -> Uuid,
        currency -> Text,
        documents -> Int8,
        net_total -> Numeric,
        vat_total -> Numeric,
    }
}

diesel::table! {
    sales_by_product (generation, tenant_id, product_id) {
        tenant_id -> Uuid,
        generation -> Int4,
        product_id -> Uuid,
        sku -> Text,
        name -> Text,
        archived -> Bool,
        currency -> Nullable<Text>,
        orders -> Int8,
        quantity -> Numeric,
        net_total -> Numeric,
        last_ordered_at -> Nullable<Timestamptz>,
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
        ran_in -> Nullable<Uuid>,
        ran_in_name -> Nullable<Text>,
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
        in_console -> Bool,
    }
}

diesel::table! {
    shipment_lines (tenant_id, shipment_id, position) {
        tenant_id -> Uuid,
        shipment_id -> Uuid,
        position -> Int2,
        quantity -> Numeric,
    }
}

diesel::table! {
    shipments (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        order_id -> Uuid,
        number -> Int2,
        status -> Text,
        tracking_number -> Nullable<Text>,
        parcels -> Jsonb,
        shipped_on -> Date,
        delivered_on -> Nullable<Date>,
        created_by -> Text,
        dispatched_at -> Timestamptz,
        delivered_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    stock_digests (tenant_id, day) {
        tenant_id -> Uuid,
        day -> Date,
    }
}

diesel::table! {
    stock_documents (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        warehouse_id -> Uuid,
        to_warehouse_id -> Nullable<Uuid>,
        supplier_id -> Nullable<Uuid>,
        reference -> Nullable<Text>,
        reason -> Nullable<Text>,
        business_date -> Date,
        lines -> Int2,
        created_by -> Text,
        created_at -> Timestamptz,
        purchase_order_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    stock_levels (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        warehouse_id -> Uuid,
        product_id -> Uuid,
        sku -> Text,
        name -> Text,
        on_hand -> Numeric,
        reserved -> Numeric,
        waiting -> Numeric,
        average_cost -> Numeric,
        reorder_point -> Nullable<Numeric>,
        reorder_quantity -> Nullable<Numeric>,
        low -> Bool,
        told_at -> Nullable<Timestamptz>,
        untold -> Bool,
        movements -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        located -> Numeric,
        category_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    stock_location_movements (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        stock_id -> Uuid,
        location_id -> Uuid,
        warehouse_id -> Uuid,
        product_id -> Uuid,
        change -> Numeric,
        on_hand -> Numeric,
        reason -> Nullable<Text>,
        document_type -> Text,
        document_id -> Uuid,
        document_line -> Nullable<Int2>,
        actor_type -> Text,
        actor_id -> Nullable<Uuid>,
        actor_name -> Text,
        correlation_id -> Text,
        business_date -> Date,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    stock_movements (tenant_id, stock_id, position) {
        tenant_id -> Uuid,
        stock_id -> Uuid,
        position -> Int8,
        id -> Uuid,
        warehouse_id -> Uuid,
        product_id -> Uuid,
        kind -> Text,
        on_hand_change -> Numeric,
        reserved_change -> Numeric,
        unit_cost -> Nullable<Numeric>,
        on_hand -> Numeric,
        reserved -> Numeric,
        average_cost -> Numeric,
        reason -> Nullable<Text>,
        document_type -> Text,
        document_id -> Uuid,
        document_line -> Nullable<Int2>,
        actor_type -> Text,
        actor_id -> Nullable<Uuid>,
        actor_name -> Text,
        correlation_id -> Text,
        business_date -> Date,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    stock_places (tenant_id, stock_id, location_id) {
        tenant_id -> Uuid,
        stock_id -> Uuid,
        location_id -> Uuid,
        warehouse_id -> Uuid,
        product_id -> Uuid,
        on_hand -> Numeric,
    }
}

diesel::table! {
    stock_reservations (tenant_id, order_id, position) {
        tenant_id -> Uuid,
        order_id -> Uuid,
        position -> Int2,
        warehouse_id -> Uuid,
        product_id -> Uuid,
        reserved -> Numeric,
        waiting -> Numeric,
        placed_at -> Timestamptz,
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
        language -> Text,
        email_from -> Nullable<Text>,
        email_reply_to -> Nullable<Text>,
        credit_limit_action -> Text,
        legal_form -> Nullable<Text>,
        share_capital -> Nullable<Numeric>,
        trade_register -> Nullable<Text>,
        vat_scheme -> Text,
        vat_due_on -> Text,
        one_stop_shop -> Bool,
        electronic_scheme -> Nullable<Text>,
        electronic_address -> Nullable<Text>,
        iban -> Nullable<Text>,
        bic -> Nullable<Text>,
        late_interest_rate -> Nullable<Numeric>,
        invoice_series -> Text,
        credit_note_series -> Text,
        issue_dates_in_order -> Bool,
        reminder_levels -> Jsonb,
    }
}

diesel::table! {
    untold_stock_levels (tenant_id, stock_id) {
        tenant_id -> Uuid,
        stock_id -> Uuid,
        told_at -> Timestamptz,
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

diesel::table! {
    warehouses (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int8,
        external_id -> Nullable<Text>,
        code -> Text,
        name -> Text,
        address -> Nullable<Jsonb>,
        is_default -> Bool,
        archived_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::joinable!(operator_refresh_tokens -> operator_sessions (session_id));
diesel::joinable!(operator_sessions -> operators (operator_id));
diesel::joinable!(outbox_operation_events -> outbox_operations (operation_id));
diesel::joinable!(service_states -> service_processes (process));

diesel::allow_tables_to_appear_in_same_query!(
    accounting_accounts,
    api_keys,
    audit_chains,
    audit_events,
    categories,
    credit_allocations,
    customer_activity,
    customer_credits,
    customer_groups,
    customers,
    document_styles,
    email_attempts,
    email_secrets,
    emails,
    idempotency_records,
    import_rows,
    imports,
    inventory_count_entries,
    inventory_count_lines,
    inventory_counts,
    invoice_chain,
    invoice_claims,
    invoice_contents,
    invoice_counters,
    invoice_credits,
    invoice_document_queue,
    invoice_documents,
    invoice_drafts,
    invoice_lines,
    invoice_reminders,
    invoice_sendings,
    invoice_series,
    invoice_transmissions,
    invoice_vat,
    invoices,
    locations,
    login_throttles,
    operator_refresh_tokens,
    operator_sessions,
    operators,
    order_deposits,
    order_lines,
    order_steps,
    order_timeline,
    orders,
    outbox_events,
    outbox_operation_events,
    outbox_operations,
    payment_allocations,
    payments,
    price_list_entries,
    price_lists,
    product_barcodes,
    products,
    projection_inbox,
    projection_order_products,
    projection_orders,
    projection_positions,
    projection_rebuilds,
    projection_state,
    purchase_order_lines,
    purchase_orders,
    rate_limit_counts,
    receivables,
    refresh_tokens,
    relay_replicas,
    relay_shards,
    relay_upkeep,
    return_lines,
    returns,
    sales_by_day,
    sales_by_month,
    sales_by_product,
    service_commands,
    service_events,
    service_leases,
    service_processes,
    service_states,
    sessions,
    shipment_lines,
    shipments,
    stock_digests,
    stock_documents,
    stock_levels,
    stock_location_movements,
    stock_movements,
    stock_places,
    stock_reservations,
    suppliers,
    tenants,
    untold_stock_levels,
    user_tokens,
    users,
    warehouses,
);
