//! What a consumer gets is what the published contracts say: each event of invoices and payments as it is delivered, not as an example.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::{TimeDelta, Utc};
use comptoir_tests::harness::{Api, Consumer, QueueOptions, World, id, until};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);
/// The events that this is about. Others are delivered and compared as well.
const WANTED: [&str; 8] = [
    "credit_note.issued",
    "invoice.document_ready",
    "invoice.overdue",
    "invoice.paid",
    "invoice.sent",
    "invoice.validated",
    "payment.received",
    "payment.reversed",
];

async fn done(api: &Api, path: &str) -> Result<Value> {
    let answer = api.http.command(path).await?;
    ensure!(answer.status == 200, "{path}: {}", answer.text);
    Ok(answer.json)
}

/// Drafts what the path makes, and gives it its number.
async fn validated(api: &Api, path: &str, body: &Value) -> Result<Value> {
    let draft = api.created(path, body).await?;
    done(api, &format!("/invoices/{}/validate", id(&draft))).await
}

/// All that can happen to invoices and payments.
async fn trade(api: &Api, consumer: &Consumer) -> Result<()> {
    api.seller().await?;
    let (customer, product) = (api.buyer("C-1").await?, api.product("P-1").await?);
    let today = Utc::now().date_naive();
    let late = json!({
        "customer_id": customer["id"], "issue_date": today - TimeDelta::days(40), "due_on": today - TimeDelta::days(10),
        "lines": [
            {"product_id": product["id"], "quantity": "2"},
            // What is no product, at another rate.
            {"name": "Livre", "nature": "goods", "quantity": "1", "unit": "C62", "unit_price": "20", "vat": {"rate": "5.5"}},
        ],
    });
    let late = validated(api, "/invoices", &late).await?;
    until("the invoice to be overdue", LIMIT, async || {
        ensure!(!consumer.of_type("invoice.overdue").is_empty(), "it is not told of yet");
        Ok(())
    })
    .await?;
    let sent = format!("/invoices/{}/sent", id(&late));
    let sent = api.http.post(&sent, &json!({"channel": "download"})).await?;
    ensure!(sent.status == 200, "{}", sent.text);

    // A deposit that is paid, the invoice that takes it off, and a credit note of all of that.
    let order = api.order(&customer, &product).await?;
    let path = format!("/orders/{}", id(&order));
    done(api, &format!("{path}/confirm")).await?;
    let deposit = validated(api, &format!("{path}/deposits"), &json!({"percent": "30"})).await?;
    let payment = json!({
        "customer_id": customer["id"], "method": "transfer", "amount": deposit["gross_total"],
        "invoices": [{"invoice_id": deposit["id"]}],
    });
    api.created("/payments", &payment).await?;
    api.created(&format!("{path}/shipments"), &json!({})).await?;
    let last = validated(api, "/invoices/from-orders", &json!({"order_ids": [order["id"]]})).await?;
    validated(api, &format!("/invoices/{}/credit-notes", id(&last)), &json!({})).await?;

    // More than is open, with a reference; all of it is undone.
    let payment =
        json!({"customer_id": customer["id"], "method": "cheque", "amount": "500.00", "reference": "VIR 7"});
    let payment = api.created("/payments", &payment).await?;
    let reverse = format!("/payments/{}/reverse", id(&payment));
    api.created(&reverse, &json!({"reason": "unpaid"})).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_of_invoices_and_payments_is_delivered_as_its_contract_says() {
    World::run(async |world| {
        let options = QueueOptions { contracts: true, ..QueueOptions::default() };
        let consumer = Consumer::attach(&world.vhost().url, options).await?;
        let services = [
            ("COMPTOIR__SERVICES__INVOICE_DOCUMENTS__ENABLED", "true"),
            ("COMPTOIR__SERVICES__OVERDUE__INTERVAL_MS", "300"),
        ];
        let (api, _relay) = (Api::start(world, &services).await?, world.relay().await?);
        trade(&api, &consumer).await?;
        let sql = world.sql().await?;
        until("all documents to be made", LIMIT, async || {
            let left: i64 = sql.query_one("SELECT count(*) FROM invoice_document_queue", &[]).await?.get(0);
            ensure!(left == 0, "{left} are left");
            Ok(())
        })
        .await?;
        world.everything_arrives(&consumer, LIMIT).await?;
        let types: BTreeSet<String> =
            consumer.messages().into_iter().map(|message| message.routing_key).collect();
        let missing: Vec<_> = WANTED.iter().filter(|wanted| !types.contains(**wanted)).collect();
        assert!(missing.is_empty(), "{missing:?} were not delivered: {types:?}");
        let misfits = consumer.misfits();
        assert_eq!(misfits.count, 0, "{:#?}", misfits.first);
        Ok(())
    })
    .await;
}
