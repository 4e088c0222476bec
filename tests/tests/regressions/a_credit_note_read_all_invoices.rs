//! Seen: whoever credited a return looked at every invoice of the company for those of one order, by a subquery that PostgreSQL ran
//! anew for each: 0.3 ms became 260 with the 24,000 invoices of a year, and a second under load, while the customer was locked. And whoever
//! validated an invoice read every order of the company, to note in one of them that nothing is left to invoice: 40 ms.
//!
//! Here an order goes from its lines to money and back in a company with as many orders, shipments and invoices of others: no statement of
//! any command on the way, and of nothing that runs beside, reads more than a small part of them.

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{Api, Plan, Plans, PrivateServices, World};
use serde_json::{Value, json};

const INVOICES: u32 = 20_000;
/// A tenth of them: far more than an order of two lines needs.
const MOST: f64 = 2_000.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_from_order_to_credit_note_reads_the_orders_and_invoices_of_others() -> Result<()> {
    let server = PrivateServices::start_postgres()?;
    let world = World::new(server.services.clone()).await?;
    let tenant = world.tenant().await?.id.to_string();
    let mut plans = Plans::of(&world, &server).await?;
    let api = Api::start(&world, &[]).await?;
    api.seller().await?;
    let (customer, other) = (api.buyer("C-1").await?, api.buyer("C-2").await?);
    let (tea, pot) = (api.product_in_stock("TEA", "10").await?, api.product("POT").await?);
    let of_others = others().replace("TENANT", &tenant).replace("CUSTOMER", id(&other));
    let sql = world.sql().await?;
    sql.batch_execute(&of_others).await.context("the orders and invoices of others")?;
    sql.batch_execute("VACUUM ANALYZE").await?;
    plans.forget()?;

    let post = async |path: &str, body: &Value| {
        let answer = api.http.post(path, body).await?;
        ensure!(answer.status < 300, "{path}: {}", answer.text);
        Ok(answer.json)
    };
    let lines =
        json!([{"product_id": tea["id"], "quantity": "5"}, {"product_id": pot["id"], "quantity": "2"}]);
    let order = post("/orders", &json!({"customer_id": customer["id"], "lines": lines})).await?;
    for step in ["confirm", "ship", "deliver"] {
        post(&format!("/orders/{}/{step}", id(&order)), &json!({})).await?;
    }
    let draft = post("/invoices/from-orders", &json!({"order_ids": [order["id"]]})).await?;
    let invoice = post(&format!("/invoices/{}/validate", id(&draft)), &json!({})).await?;
    let paid = json!({
        "customer_id": customer["id"], "method": "transfer", "amount": "10",
        "invoices": [{"invoice_id": invoice["id"], "amount": "10"}],
    });
    post("/payments", &paid).await?;
    let back = json!({"reason": "too much", "lines": [{"position": 1, "quantity": "1", "restock": true}]});
    let back = post(&format!("/orders/{}/returns", id(&order)), &back).await?;
    post(&format!("/returns/{}/credit-note", id(&back)), &json!({})).await?;

    // The last command has ended: what it looked for is in the log.
    let looks_for_those_of_the_order = |plan: &Plan| plan.reads("invoices") && plan.reads("invoice_claims");
    let read = plans.until(looks_for_those_of_the_order).await?;
    for plan in &read {
        ensure!(
            plan.read() <= MOST,
            "{} rows were read by\n{}\n{:#}",
            plan.read(),
            plan.statement,
            plan.root
        );
    }
    ensure!(read.len() > 50, "{} plans are not those of nine commands", read.len());
    Ok(())
}

/// Orders of another customer, each of one line that was shipped, delivered and invoiced.
fn others() -> String {
    format!(
        "WITH ordered AS (
            INSERT INTO orders (tenant_id, id, version, reference, customer_id, status, currency, net_total, vat_total, gross_total, placed_at,
                updated_at, to_invoice)
            SELECT 'TENANT', gen_random_uuid(), 1, 'R-' || n, 'CUSTOMER', 'delivered', 'EUR', 10, 2, 12, now(), now(), 'none'
            FROM generate_series(1, {INVOICES}) AS n
            RETURNING tenant_id, id),
        lines AS (
            INSERT INTO order_lines (tenant_id, order_id, position, product_id, sku, name, quantity, unit_price, vat_rate, net_amount)
            SELECT tenant_id, id, 1, gen_random_uuid(), 'OLD', 'Old', 1, 10, 20, 10 FROM ordered),
        shipped AS (
            INSERT INTO shipments (tenant_id, id, version, order_id, number, status, parcels, shipped_on, delivered_on, created_by, dispatched_at,
                delivered_at, updated_at)
            SELECT tenant_id, gen_random_uuid(), 2, id, 1, 'delivered', '[]', '2026-01-01', '2026-01-02', 'Ada', now(), now(), now() FROM ordered
            RETURNING tenant_id, id),
        boxes AS (
            INSERT INTO shipment_lines (tenant_id, shipment_id, position, quantity) SELECT tenant_id, id, 1, 1 FROM shipped),
        invoiced AS (
            INSERT INTO invoices (tenant_id, id, version, kind, state, customer_id, reference, number, series, issue_date, due_on, gross_total,
                paid, credited, created_at, updated_at)
            SELECT 'TENANT', gen_random_uuid(), 1, 'invoice', 'paid', 'CUSTOMER', 'PO-' || n, 'OLD-2026-' || n, 'OLD', date '2026-01-01',
                date '2026-01-31', 12, 12, 0, now(), now()
            FROM generate_series(1, {INVOICES}) AS n
            RETURNING tenant_id, id)
        INSERT INTO invoice_claims (tenant_id, invoice_id, line, order_id, position, quantity)
        SELECT i.tenant_id, i.id, 1, o.id, 1, 1
        FROM (SELECT *, row_number() OVER () AS n FROM invoiced) AS i JOIN (SELECT *, row_number() OVER () AS n FROM ordered) AS o USING (n)"
    )
}

fn id(resource: &Value) -> &str {
    resource["id"].as_str().unwrap_or_default()
}
