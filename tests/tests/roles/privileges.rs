//! What each role may do, table by table: what docs/roles.md says, and not a privilege more.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use super::installation::Installation;

const NO_AMENDMENTS: &str = include_str!("../../../schema/commerce/00000000001060_order_amendments/down.sql");

/// On tables; of columns only the writer and the relay have some.
const TABLES: &str = "
    SELECT r.rolname::text, c.relname::text, string_agg(p, ',' ORDER BY p)
    FROM pg_roles AS r, pg_class AS c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p
    WHERE starts_with(r.rolname, $1) AND c.relkind IN ('r', 'p', 'v', 'S') AND c.relnamespace = 'public'::regnamespace
        AND c.relkind <> 'S' AND has_table_privilege(r.oid, c.oid, p)
    GROUP BY 1, 2 ORDER BY 1, 2";

const FUNCTIONS: &str = "
    SELECT r.rolname::text, string_agg(p.proname::text, ',' ORDER BY p.proname)
    FROM pg_roles AS r, pg_proc AS p
    WHERE starts_with(r.rolname, $1) AND p.pronamespace = 'public'::regnamespace AND p.prosecdef
        AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
    GROUP BY 1";

/// Columns of waiting events that the relay may change: none of those that say what happened.
const CHANGED: &str = "
    SELECT string_agg(attname::text, ',' ORDER BY attname) FROM pg_attribute
    WHERE attrelid = 'outbox_events'::regclass AND attnum > 0 AND has_column_privilege($1::text::name, attrelid, attnum, 'UPDATE')";

/// All that was granted to a role: a clause for GRANT and REVOKE, of what kind it is, its name.
const GRANTED: &str = "
    SELECT format('%s ON %I', privilege_type, table_name), 'table', table_name::text FROM information_schema.role_table_grants
    WHERE grantee = $1::text::name AND table_schema = 'public'
    UNION ALL
    SELECT format('EXECUTE ON FUNCTION %I', routine_name), 'function', routine_name::text
    FROM information_schema.role_routine_grants
    WHERE grantee = $1::text::name AND routine_schema = 'public'
    ORDER BY 1";

/// Of one role.
fn expected(role: &str) -> &'static [(&'static str, &'static str)] {
    match role {
        "runtime" => &[
            ("__diesel_schema_migrations", "SELECT"),
            ("accounting_accounts", "DELETE,INSERT,SELECT"),
            ("api_keys", "INSERT,SELECT,UPDATE"),
            ("audit_events", "SELECT"),
            ("categories", "DELETE,INSERT,SELECT,UPDATE"),
            ("credit_allocations", "INSERT,SELECT"),
            ("customer_activity", "SELECT"),
            ("customer_credits", "DELETE,INSERT,SELECT,UPDATE"),
            ("customer_groups", "DELETE,INSERT,SELECT,UPDATE"),
            ("customers", "DELETE,INSERT,SELECT,UPDATE"),
            ("document_styles", "INSERT,SELECT,UPDATE"),
            ("email_attempts", "SELECT"),
            // And reads which e-mails have a secret.
            ("email_secrets", "DELETE,INSERT"),
            ("emails", "INSERT,SELECT,UPDATE"),
            ("idempotency_records", "INSERT,SELECT"),
            ("import_rows", "INSERT,SELECT,UPDATE"),
            ("imports", "DELETE,INSERT,SELECT,UPDATE"),
            ("inventory_count_entries", "INSERT,SELECT"),
            ("inventory_count_lines", "INSERT,SELECT,UPDATE"),
            ("inventory_counts", "INSERT,SELECT,UPDATE"),
            ("invoice_chain", "SELECT"),
            ("invoice_claims", "DELETE,INSERT,SELECT"),
            ("invoice_contents", "INSERT,SELECT"),
            ("invoice_credits", "INSERT,SELECT"),
            ("invoice_document_queue", "DELETE,INSERT,SELECT,UPDATE"),
            ("invoice_documents", "INSERT,SELECT"),
            ("invoice_drafts", "DELETE,INSERT,SELECT,UPDATE"),
            ("invoice_lines", "INSERT,SELECT"),
            ("invoice_reminders", "INSERT,SELECT"),
            ("invoice_sendings", "INSERT,SELECT,UPDATE"),
            ("invoice_transmissions", "INSERT,SELECT"),
            ("invoice_vat", "INSERT,SELECT"),
            ("invoices", "DELETE,INSERT,SELECT,UPDATE"),
            ("locations", "INSERT,SELECT,UPDATE"),
            ("login_throttles", "DELETE,INSERT,SELECT,UPDATE"),
            ("operator_refresh_tokens", "INSERT,SELECT,UPDATE"),
            ("operator_sessions", "INSERT,SELECT,UPDATE"),
            ("operators", "INSERT,SELECT,UPDATE"),
            ("order_deposits", "DELETE,INSERT,SELECT,UPDATE"),
            // And changes what became of them.
            ("order_lines", "DELETE,INSERT,SELECT"),
            ("order_steps", "INSERT,SELECT"),
            ("order_timeline", "SELECT"),
            ("orders", "INSERT,SELECT,UPDATE"),
            ("payment_allocations", "INSERT,SELECT"),
            ("payments", "INSERT,SELECT"),
            ("price_list_entries", "DELETE,INSERT,SELECT,UPDATE"),
            ("price_lists", "DELETE,INSERT,SELECT,UPDATE"),
            ("product_barcodes", "DELETE,INSERT,SELECT"),
            ("products", "DELETE,INSERT,SELECT,UPDATE"),
            ("projection_inbox", "SELECT"),
            ("projection_state", "SELECT"),
            ("purchase_order_lines", "DELETE,INSERT,SELECT"),
            ("purchase_orders", "INSERT,SELECT,UPDATE"),
            ("rate_limit_counts", "DELETE,INSERT,SELECT,UPDATE"),
            ("receivables", "SELECT"),
            ("refresh_tokens", "INSERT,SELECT,UPDATE"),
            ("return_lines", "INSERT,SELECT"),
            ("returns", "INSERT,SELECT"),
            ("sales_by_day", "SELECT"),
            ("sales_by_month", "SELECT"),
            ("sales_by_product", "SELECT"),
            ("sessions", "INSERT,SELECT,UPDATE"),
            ("shipment_lines", "INSERT,SELECT"),
            ("shipments", "INSERT,SELECT,UPDATE"),
            ("stock_digests", "DELETE,INSERT,SELECT"),
            ("stock_documents", "INSERT,SELECT"),
            ("stock_levels", "INSERT,SELECT,UPDATE"),
            ("stock_location_movements", "INSERT,SELECT"),
            ("stock_movements", "INSERT,SELECT"),
            ("stock_places", "DELETE,INSERT,SELECT,UPDATE"),
            ("stock_reservations", "DELETE,INSERT,SELECT,UPDATE"),
            ("suppliers", "DELETE,INSERT,SELECT,UPDATE"),
            ("tenants", "INSERT,SELECT,UPDATE"),
            ("user_tokens", "DELETE,INSERT,SELECT,UPDATE"),
            ("users", "INSERT,SELECT,UPDATE"),
            ("warehouses", "INSERT,SELECT,UPDATE"),
        ],
        "services" => &[
            ("audit_chains", "SELECT"),
            ("audit_events", "SELECT"),
            ("customer_activity", "DELETE,INSERT,SELECT,UPDATE"),
            ("order_timeline", "DELETE,INSERT,SELECT,UPDATE"),
            ("outbox_dead_letters", "SELECT"),
            ("outbox_events", "SELECT"),
            ("outbox_history", "SELECT"),
            ("projection_inbox", "DELETE,INSERT,SELECT,UPDATE"),
            ("projection_order_products", "DELETE,INSERT,SELECT,UPDATE"),
            ("projection_orders", "DELETE,INSERT,SELECT,UPDATE"),
            ("projection_positions", "DELETE,INSERT,SELECT,UPDATE"),
            ("projection_rebuilds", "DELETE,INSERT,SELECT,UPDATE"),
            ("projection_state", "SELECT,UPDATE"),
            ("receivables", "DELETE,INSERT,SELECT,UPDATE"),
            ("sales_by_day", "DELETE,INSERT,SELECT,UPDATE"),
            ("sales_by_month", "DELETE,INSERT,SELECT,UPDATE"),
            ("sales_by_product", "DELETE,INSERT,SELECT,UPDATE"),
            ("service_commands", "DELETE,INSERT,SELECT,UPDATE"),
            ("service_events", "DELETE,INSERT,SELECT"),
            ("service_leases", "INSERT,SELECT,UPDATE"),
            ("service_processes", "DELETE,INSERT,SELECT,UPDATE"),
            ("service_states", "DELETE,INSERT,SELECT,UPDATE"),
            ("tenants", "SELECT"),
        ],
        "relay" => &[
            ("__diesel_schema_migrations", "SELECT"),
            ("outbox_dead_letters", "DELETE,INSERT,SELECT,UPDATE"),
            ("outbox_events", "DELETE,SELECT"),
            ("outbox_history", "INSERT,SELECT"),
            ("outbox_history_default", "DELETE,SELECT"),
            ("outbox_operation_events", "INSERT,SELECT"),
            ("outbox_operations", "INSERT,SELECT,UPDATE"),
            ("relay_replicas", "DELETE,INSERT,SELECT,UPDATE"),
            ("relay_shards", "SELECT,UPDATE"),
            ("relay_upkeep", "SELECT,UPDATE"),
            ("service_commands", "DELETE,INSERT,SELECT,UPDATE"),
            ("service_events", "DELETE,INSERT,SELECT"),
            ("service_leases", "INSERT,SELECT,UPDATE"),
            ("service_processes", "DELETE,INSERT,SELECT,UPDATE"),
            ("service_states", "DELETE,INSERT,SELECT,UPDATE"),
        ],
        "auditor" => &[("audit_chains", "SELECT"), ("audit_events", "SELECT"), ("tenants", "SELECT")],
        // Columns alone, and nothing.
        _ => &[],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_has_what_its_program_uses_and_nothing_else() -> Result<()> {
    let own = Installation::new("NOCREATEROLE").await?;
    own.set_up().await?;
    let owner = own.sql("owner").await?;
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let prefix = format!("{}_", own.name);
    for row in owner.query(TABLES, &[&prefix]).await? {
        let role: String = row.get(0);
        found.entry(role.replace(&prefix, "")).or_default().push((row.get(1), row.get(2)));
    }
    found.remove("owner");
    for role in ["runtime", "api", "services", "relay", "writer", "auditor"] {
        let has: Vec<(&str, &str)> = found
            .get(role)
            .into_iter()
            .flatten()
            .map(|(table, may)| (table.as_str(), may.as_str()))
            .collect();
        assert_eq!(has, expected(role), "{role}");
    }
    let mut functions: BTreeMap<String, String> = BTreeMap::new();
    for row in owner.query(FUNCTIONS, &[&prefix]).await? {
        let role: String = row.get(0);
        functions.insert(role.replace(&prefix, ""), row.get(1));
    }
    functions.remove("owner");
    for (role, names) in [
        (
            "runtime",
            "audit_append,find_api_key,find_login,find_refresh_token,find_user_token,invoice_draw,invoice_link,outbox_append,outbox_feed_page,search_categories,\
             search_customer_groups,search_customers,search_invoices,search_locations,search_orders,search_price_lists,search_products,search_purchase_orders,search_stock,search_suppliers,search_warehouses",
        ),
        (
            "services",
            "claim_emails,claim_invoice_documents,companies_that_remind,due_email_lanes,due_imports,email_document,\
             email_overview,email_tenants,emails_of_all,expire_emails,invoice_document_overview,invoices_past_due,\
             invoices_to_send,projection_fill_customers,projection_fill_gone,projection_fill_invoices,projection_fill_orders,\
             projection_fill_payments,projection_fill_products,projection_size,prune_emails,prune_idempotency_records,prune_imports,prune_sessions,\
             recent_emails,renew_emails,requeue_invoice_documents,settle_email,stock_to_digest,stock_to_promise,\
             trace_correlation,untold_stock",
        ),
        (
            "relay",
            "outbox_history_drop_day,outbox_history_end_exclusions,outbox_history_exclude_day,outbox_history_make_day,\
             outbox_history_prove_exclusion",
        ),
    ] {
        assert_eq!(functions.remove(role).as_deref(), Some(names), "{role}");
    }
    assert_eq!(functions, BTreeMap::new(), "functions that run as the owner");

    let changed: String = owner.query_one(CHANGED, &[&format!("{prefix}relay")]).await?.get(0);
    assert_eq!(
        changed,
        "first_seq,first_transaction_id,last_error,next_attempt_at,retry_count,transaction_id"
    );

    let writer = own.sql("writer").await?;
    let columns = "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload, tenant_id, id, aggregate_version,
        schema_version, headers, occurred_at)
        VALUES ('thing', 'a', 'thing.happened', '1', gen_random_uuid(), gen_random_uuid(), 1, 1, '{}', now())";
    writer.batch_execute(columns).await?;
    for refused in [
        "INSERT INTO outbox_events (transaction_id, aggregate_type, aggregate_id, event_type, payload)
            VALUES (1, 'thing', 'a', 'thing.happened', '1')",
        "INSERT INTO outbox_events (retry_count, aggregate_type, aggregate_id, event_type, payload)
            VALUES (1, 'thing', 'a', 'thing.happened', '1')",
        "SELECT FROM outbox_events",
        "DELETE FROM outbox_events",
        "CREATE TABLE mine (a integer)",
        "CALL outbox_grant_relay(current_user::regrole)",
    ] {
        let error = writer.batch_execute(refused).await.expect_err(refused);
        assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{refused}: {error:?}");
    }
    // `COPY` works: no row-level security is in its way.
    let copied = writer
        .copy_in::<_, bytes::Bytes>(
            "COPY outbox_events (aggregate_type, aggregate_id, event_type, payload) FROM STDIN",
        )
        .await;
    ensure!(copied.is_ok(), "COPY is refused");
    drop((copied, writer, owner));
    own.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_misses_each_privilege_that_is_taken_away() -> Result<()> {
    let own = Installation::new("NOCREATEROLE").await?;
    own.set_up().await?;
    let owner = own.sql("owner").await?;
    let services = own.url("services")?;
    let check = async || {
        let mut command = own.command("api", "api", &["check"])?;
        command.env("SERVICES_DATABASE_URL", &services);
        comptoir_tests::harness::run(command, super::installation::LIMIT).await
    };
    for (suffix, at_least) in [("runtime", 50), ("services", 5)] {
        let role = format!("{}_{suffix}", own.name);
        let granted = owner.query(GRANTED, &[&role]).await?;
        ensure!(granted.len() >= at_least, "{suffix}: {} privileges", granted.len());
        for row in granted {
            let (privilege, kind, name): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            owner.batch_execute(&format!("REVOKE {privilege} FROM {role}")).await?;
            let exit = check().await?;
            let refused = format!("permission denied for {kind} {name}");
            // Without which nothing else is tried.
            let unknown = format!("may not read {name}");
            ensure!(
                exit.code == Some(1) && (exit.stdout.contains(&refused) || exit.stdout.contains(&unknown)),
                "{suffix} without {privilege}: {exit:?}"
            );
            owner.batch_execute(&format!("GRANT {privilege} TO {role}")).await?;
        }
    }
    let whole = check().await?;
    ensure!(whole.code == Some(0), "{whole:?}");
    drop(owner);
    own.remove().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_that_delete_what_is_old_refuse_what_is_not() -> Result<()> {
    let own = Installation::new("NOCREATEROLE").await?;
    own.set_up().await?;
    let (owner, services, relay) =
        (own.sql("owner").await?, own.sql("services").await?, own.sql("relay").await?);
    let refused = async |client: &tokio_postgres::Client, statement: &str, text: &str| {
        let error = client.batch_execute(statement).await.expect_err(statement);
        let message = error.as_db_error().map(|error| error.message().to_owned());
        ensure!(message.as_ref().is_some_and(|message| message.contains(text)), "{statement}: {message:?}");
        Ok(())
    };
    for days in ["-100000", "0", "NULL"] {
        refused(&services, &format!("SELECT prune_sessions({days}, 1000000)"), "for a day at least").await?;
        refused(
            &services,
            &format!("SELECT prune_idempotency_records({days}, 1000000)"),
            "for an hour at least",
        )
        .await?;
    }
    services.batch_execute("SELECT prune_sessions(1, 1); SELECT prune_idempotency_records(1, 1)").await?;

    // Years before Christ have the names of those after.
    relay.batch_execute("SET TimeZone = 'UTC'").await?;
    let drop_day = |day: &str| format!("SELECT outbox_history_drop_day(({day})::date)");
    let today = "SELECT to_regclass(to_char(CURRENT_DATE, '\"outbox_history_\"YYYY_MM_DD')) IS NOT NULL";
    if !relay.query_one(today, &[]).await?.get::<_, bool>(0) {
        relay.batch_execute("SELECT outbox_history_make_day(CURRENT_DATE)").await?;
    }
    for (day, text) in [
        ("CURRENT_DATE::text || ' BC'", "before 2000-01-01"),
        ("'-infinity'", "before 2000-01-01"),
        ("'1999-12-31'", "before 2000-01-01"),
        ("CURRENT_DATE", "is not over"),
        ("'infinity'", "is not over"),
    ] {
        refused(&relay, &drop_day(day), text).await?;
    }
    ensure!(relay.query_one(today, &[]).await?.get::<_, bool>(0), "today's events are gone");
    relay.batch_execute(&drop_day("CURRENT_DATE - 1")).await?;

    // Of a role whose name PostgreSQL would cut off, two databases would share one.
    refused(&owner, "CALL comptoir_make_runtime(repeat('x', 64))", "set api.database_role").await?;
    drop((owner, services, relay));
    own.remove().await
}

/// To change `runtime_privileges` takes nothing away from who has it already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_amendments_nobody_deletes_lines_of_orders() -> Result<()> {
    let own = Installation::new("NOCREATEROLE").await?;
    own.set_up().await?;
    let owner = own.sql("owner").await?;
    let (_, rest) = NO_AMENDMENTS.split_once("UPDATE runtime_privileges").context("no such statement")?;
    let (revoke, _) = rest.split_once("ALTER TABLE order_steps").context("no such statement")?;
    let runtime = format!("{}_runtime", own.name);
    let may = "SELECT has_table_privilege($1::text::name, 'order_lines', 'DELETE'), has_table_privilege($1::text::name, 'order_lines', 'INSERT')";
    owner.batch_execute("BEGIN").await?;
    let before = owner.query_one(may, &[&runtime]).await?;
    owner.batch_execute(&format!("UPDATE runtime_privileges{revoke}")).await?;
    let after = owner.query_one(may, &[&runtime]).await?;
    owner.batch_execute("ROLLBACK").await?;
    for (row, expected) in [(before, (true, true)), (after, (false, true))] {
        assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1)), expected);
    }
    Ok(())
}
