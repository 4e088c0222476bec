//! What belongs to one company is not there for another: not through the API, and not through the database either.

use anyhow::{Result, ensure};
use comptoir_tests::harness::{RUNTIME_ROLE, Tenant, World, connect, order_body};
use tokio_postgres::Client;

/// Tables and partitions with rows of tenants. The outbox has none of its own: the runtime role has no privilege on it.
const OF_TENANTS: &str = "
    SELECT c.oid::regclass::text,
        (c.relrowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid))
            OR NOT has_table_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, DELETE'),
        has_table_privilege($1, c.oid, 'SELECT'), has_table_privilege($1, c.oid, 'INSERT')
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace ORDER BY 1";

struct Table {
    name: String,
    readable: bool,
    writable: bool,
}

/// All of them; each must be protected.
async fn tables(sql: &Client) -> Result<Vec<Table>> {
    let rows = sql.query(OF_TENANTS, &[&RUNTIME_ROLE]).await?;
    rows.iter()
        .map(|row| {
            let (name, is_protected): (String, bool) = (row.get(0), row.get(1));
            ensure!(is_protected, "{name} has no policy of row-level security");
            Ok(Table { name, readable: row.get(2), writable: row.get(3) })
        })
        .collect()
}

/// A session as the API has it.
async fn runtime(world: &World) -> Result<Client> {
    let client = connect(&world.database.api_url).await?;
    client.batch_execute(&format!("SET ROLE {RUNTIME_ROLE}")).await?;
    Ok(client)
}

/// Data of every kind for the world's tenant.
pub(super) async fn fill(world: &World) -> Result<()> {
    let api = world.api().await?;
    let (customer, product) = (api.customer("C-1").await?, api.product("P-1").await?);
    let body = order_body(&customer, &product);
    let supplier = api.supplier("S-1").await?;
    let group = api.customer_group("G-1").await?;
    let list = api.price_list("PL-1", &serde_json::json!({"group_id": group["id"]})).await?;
    api.set_price(&list, &product, &[("0", "9.00")]).await?;
    let category = api.category("K-1", None).await?;
    let tea = serde_json::json!({
        "sku": "P-2", "name": "Tea", "unit_price": "1", "vat_rate": "20", "category_id": category["id"], "barcodes": ["3017620422003"],
    });
    api.created("/products", &tea).await?;
    let warehouse = api.warehouse("W-1").await?;
    let location = api.location(&warehouse, "L-1").await?;
    let counted = api.stocked_product("P-3").await?;
    let line =
        serde_json::json!({"product_id": counted["id"], "quantity": "1", "location_id": location["id"]});
    let receipt = serde_json::json!({"warehouse_id": warehouse["id"], "lines": [line]});
    api.created("/stock-receipts", &receipt).await?;
    api.purchase_order(&supplier, &counted).await?;
    let count =
        api.created("/inventory-counts", &serde_json::json!({"warehouse_id": warehouse["id"]})).await?;
    let path = format!("/inventory-counts/{}", count["id"].as_str().unwrap_or_default());
    let entries = serde_json::json!({"entries": [{"product_id": counted["id"], "counted": "1"}]});
    for (step, body) in [("start", serde_json::json!({})), ("entries", entries)] {
        let answer = api.http.post(&format!("{path}/{step}"), &body).await?;
        ensure!(answer.status == 200, "{step}: {}", answer.text);
    }
    let answer = api.http.post_with_key("/orders", "a-key", &body).await?;
    ensure!(answer.status == 201, "{}", answer.text);
    let order = format!("/orders/{}", answer.field("id"));
    api.http.command(&format!("{order}/confirm")).await?;
    let part = serde_json::json!({"position": 1, "quantity": "1"});
    api.created(&format!("{order}/shipments"), &serde_json::json!({"lines": [part]})).await?;
    api.created(&format!("{order}/deposits"), &serde_json::json!({"percent": "10"})).await?;
    let line = serde_json::json!({"position": 1, "quantity": "1", "restock": true});
    let back = serde_json::json!({"reason": "a test", "lines": [line]});
    api.created(&format!("{order}/returns"), &back).await?;
    api.seller().await?;
    let buyer = api.buyer("C-2").await?;
    api.invoice(&buyer, &product).await?;
    let invoice = api.invoice(&buyer, &product).await?;
    let path = format!("/invoices/{}/validate", invoice["id"].as_str().unwrap_or_default());
    let answer = api.http.command(&path).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    let style = serde_json::json!({"accent": "#1f4e79", "footer": null});
    let answer = api.http.send(reqwest::Method::PUT, "/tenant/document-style", &[], Some(&style)).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    let path = format!("/invoices/{}/send", invoice["id"].as_str().unwrap_or_default());
    let answer = api.http.post(&path, &serde_json::json!({})).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    let credited = api.invoice(&buyer, &product).await?;
    for (path, status) in [("validate", 200), ("credit-notes", 201)] {
        let path = format!("/invoices/{}/{path}", credited["id"].as_str().unwrap_or_default());
        let answer = api.http.post(&path, &serde_json::json!({})).await?;
        ensure!(answer.status == status, "{path}: {}", answer.text);
        if status == 201 {
            let answer = api.http.command(&format!("/invoices/{}/validate", answer.field("id"))).await?;
            ensure!(answer.status == 200, "{}", answer.text);
        }
    }
    let payment = serde_json::json!({"customer_id": buyer["id"], "method": "transfer", "amount": "100.00"});
    api.created("/payments", &payment).await?;
    let account = serde_json::json!({"purpose": "goods", "number": "707100", "label": "Tea"});
    let accounts = serde_json::json!({"accounts": [account]});
    let answer = api.http.send(reqwest::Method::PUT, "/accounting/accounts", &[], Some(&accounts)).await?;
    ensure!(answer.status == 200, "{}", answer.text);
    let file = b"code,name\nS-2,A\n".to_vec();
    let headers = [("Content-Type", "text/csv")];
    let answer = api.http.raw(reqwest::Method::POST, "/imports?kind=suppliers", &headers, Some(file)).await?;
    ensure!(answer.status == 202, "{}", answer.text);
    let user = serde_json::json!({"email": "own@example.com", "name": "Somebody", "role": "sales"});
    api.created("/users", &user).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_of_tenants_is_protected_and_the_runtime_role_owns_nothing() {
    World::run(async |world| {
        let sql = world.sql().await?;
        let tables = tables(&sql).await?;
        for expected in [
            "customers",
            "suppliers",
            "customer_groups",
            "price_lists",
            "price_list_entries",
            "categories",
            "product_barcodes",
            "warehouses",
            "locations",
            "purchase_orders",
            "purchase_order_lines",
            "inventory_counts",
            "inventory_count_lines",
            "inventory_count_entries",
            "stock_places",
            "stock_location_movements",
            "invoices",
            "invoice_drafts",
            "invoice_contents",
            "invoice_document_queue",
            "document_styles",
            "invoice_lines",
            "invoice_vat",
            "invoice_reminders",
            "invoice_sendings",
            "invoice_transmissions",
            "payments",
            "payment_allocations",
            "invoice_credits",
            "credit_allocations",
            "order_deposits",
            "customer_credits",
            "accounting_accounts",
            "orders",
            "order_steps",
            "shipments",
            "shipment_lines",
            "returns",
            "return_lines",
            "imports",
            "emails",
            "email_secrets",
            "email_attempts",
            "outbox_events",
            "outbox_history_default",
            "audit_events",
            "api_keys",
        ] {
            assert!(tables.iter().any(|table| table.name == expected), "{expected} is not looked at");
        }
        let owned = "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = $1";
        assert_eq!(sql.query_one(owned, &[&RUNTIME_ROLE]).await?.get::<_, i64>(0), 0);
        let role = "SELECT rolsuper OR rolbypassrls OR rolcanlogin FROM pg_roles WHERE rolname = $1";
        assert!(!sql.query_one(role, &[&RUNTIME_ROLE]).await?.get::<_, bool>(0));

        // The guard itself: a table that somebody forgets to protect is found.
        sql.batch_execute(&format!(
            "CREATE TABLE forgotten (tenant_id uuid); GRANT SELECT ON forgotten TO {RUNTIME_ROLE}"
        ))
        .await?;
        assert!(self::tables(&sql).await.is_err(), "a table without a policy passes");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_session_of_another_tenant_sees_and_changes_nothing() {
    World::run(async |world| {
        fill(world).await?;
        let sql = world.sql().await?;
        let (own, other) = (world.tenant().await?.id, Tenant::create(&sql, "Other").await?.id);
        let runtime = runtime(world).await?;
        let tables = tables(&sql).await?;
        for stranger in [None, Some(other)] {
            for Table { name, readable, writable } in &tables {
                runtime.batch_execute("BEGIN").await?;
                if let Some(tenant) = stranger {
                    runtime.batch_execute(&format!("SET LOCAL comptoir.tenant_id = '{tenant}'")).await?;
                }
                let of_own = format!("WHERE tenant_id = '{own}'");
                if *readable {
                    let seen = runtime.query_one(&format!("SELECT count(*) FROM {name} {of_own}"), &[]).await?;
                    assert_eq!(seen.get::<_, i64>(0), 0, "{name} shows another tenant's rows");
                }
                let attempts = [
                    format!("UPDATE {name} SET tenant_id = tenant_id {of_own}"),
                    format!("DELETE FROM {name} {of_own}"),
                ];
                for attempt in attempts {
                    runtime.batch_execute("SAVEPOINT attempt").await?;
                    match runtime.execute(&attempt, &[]).await {
                        Ok(changed) => assert_eq!(changed, 0, "{attempt}"),
                        Err(error) => assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{attempt}: {error:?}"),
                    }
                    runtime.batch_execute("ROLLBACK TO attempt").await?;
                }
                if *writable {
                    // The policy speaks before the constraints do.
                    let columns = "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
                        WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''";
                    let columns: String = sql.query_one(columns, &[name]).await?.get(0);
                    let row = sql.query_one(&format!("SELECT to_jsonb(t)::text FROM {name} t {of_own} LIMIT 1"), &[]).await;
                    if let Ok(row) = row {
                        let row: String = row.get(0);
                        let insert = format!(
                            "INSERT INTO {name} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{name}, '{}'::jsonb)",
                            row.replace('\'', "''")
                        );
                        let refused = runtime.execute(&insert, &[]).await.expect_err("another tenant's row was inserted");
                        assert_eq!(refused.code().map(|code| code.code()), Some("42501"), "{name}: {refused:?}");
                    }
                }
                runtime.batch_execute("ROLLBACK").await?;
            }
            let shown = runtime.query_one("SELECT count(*) FROM tenants", &[]).await?;
            assert_eq!(shown.get::<_, i64>(0), 0, "companies are seen outside any transaction of theirs");
        }
        // What is refused above is possible for the tenant itself.
        runtime.batch_execute(&format!("BEGIN; SET LOCAL comptoir.tenant_id = '{own}'")).await?;
        for table in [
            "customers",
            "suppliers",
            "customer_groups",
            "price_lists",
            "price_list_entries",
            "categories",
            "product_barcodes",
            "warehouses",
            "locations",
            "purchase_orders",
            "purchase_order_lines",
            "inventory_counts",
            "inventory_count_lines",
            "inventory_count_entries",
            "stock_places",
            "stock_location_movements",
            "invoices",
            "invoice_drafts",
            "invoice_contents",
            "invoice_document_queue",
            "document_styles",
            "invoice_lines",
            "invoice_vat",
            "invoice_sendings",
            "invoice_transmissions",
            "payments",
            "payment_allocations",
            "invoice_credits",
            "credit_allocations",
            "order_deposits",
            "customer_credits",
            "accounting_accounts",
            "orders",
            "order_lines",
            "shipments",
            "shipment_lines",
            "returns",
            "return_lines",
            "idempotency_records",
            "imports",
            "import_rows",
            "emails",
            "audit_events",
            "api_keys",
        ] {
            let seen = runtime.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?;
            assert!(seen.get::<_, i64>(0) > 0, "{table} is empty for its own tenant");
        }
        Ok(())
    })
    .await;
}
