//! Stock: what lies in the warehouses, what of it is promised, and the ledger that explains both. Every test ends with the proof.

mod documents;
mod events;
mod ledger;
mod levels;
mod orders;
mod places;
mod queue;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{Days, Utc};
use comptoir_tests::harness::{Answer, Api, amounts, amounts_of, events_of, id, order_of, rows, stock_of};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_postgres::Client;

const LIMIT: Duration = Duration::from_secs(10);
/// An id that nothing has.
const NOBODY: &str = "01900000-0000-7000-8000-0000000000ff";

async fn stock_in(api: &Api, product: &Value, warehouse: &Value) -> Result<Value> {
    let path = format!("/stock?product_id={}&warehouse_id={}", id(product), id(warehouse));
    rows(&api.http.get(&path).await?)?.pop().context("no stock")
}

/// The same as a back order.
fn waiting(mut order: Value) -> Value {
    order["back_order"] = json!(true);
    order
}

/// The body of a receipt, a write-off or a transfer of these lines; `more` is added to it.
fn document_of(more: Value, lines: &[(&Value, &str)]) -> Value {
    let line =
        |(product, quantity): &(&Value, &str)| json!({"product_id": product["id"], "quantity": quantity});
    let mut document = more;
    document["lines"] = lines.iter().map(line).collect();
    document
}

async fn step(api: &Api, order: &Value, step: &str) -> Result<Answer> {
    let path = format!("/orders/{}/{step}", id(order));
    let body = match step {
        "ship" => Some(json!({"tracking_number": "TRACK-1"})),
        "cancel" => Some(json!({"reason": "changed their mind"})),
        _ => None,
    };
    api.http.send(Method::POST, &path, &[], body.as_ref()).await
}

/// Confirms the order and ships it.
async fn shipped(api: &Api, order: &Value) -> Result<Value> {
    for name in ["confirm", "ship"] {
        let answer = step(api, order, name).await?;
        ensure!(answer.status == 200, "{name}: {} {}", answer.status, answer.text);
    }
    read(api, order).await
}

/// The order as it is now.
async fn read(api: &Api, order: &Value) -> Result<Value> {
    let answer = api.http.get(&format!("/orders/{}", id(order))).await?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
    Ok(answer.json)
}

/// What each line of an order has, and what it waits for.
fn held(order: &Value) -> Vec<String> {
    let lines = order["lines"].as_array().into_iter().flatten();
    lines
        .map(|line| ["reserved", "waiting"].map(|name| line[name].as_str().unwrap_or("?")).join(" "))
        .collect()
}

async fn held_by(api: &Api, order: &Value) -> Result<Vec<String>> {
    Ok(held(&read(api, order).await?))
}

/// The lines for which there is too little, each with what there is.
fn shortages(answer: &Answer) -> Vec<String> {
    let errors = answer.json["errors"].as_array().into_iter().flatten();
    errors
        .map(|error| ["pointer", "available"].map(|name| error[name].as_str().unwrap_or("?")).join(" "))
        .collect()
}

/// The ledger, the oldest first.
async fn movements(api: &Api, filter: &str) -> Result<Vec<Value>> {
    let and = if filter.is_empty() { "" } else { "&" };
    rows(&api.http.get(&format!("/stock-movements?sort=recorded_at{and}{filter}")).await?)
}

/// A day as the business counts, before today.
fn days_ago(days: u64) -> String {
    (Utc::now().date_naive() - Days::new(days)).to_string()
}

/// How many events of this type there are.
async fn number_of(sql: &Client, event_type: &str) -> Result<i64> {
    let query = "SELECT count(*) FROM outbox_events WHERE event_type = $1";
    Ok(sql.query_one(query, &[&event_type]).await?.get(0))
}

/// How much of stock and orders there is in the database. Levels are told of later, too.
async fn written(sql: &Client) -> Result<(i64, i64, i64, i64)> {
    let query = "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM stock_documents), (SELECT count(*) FROM stock_movements),
        (SELECT count(*) FROM outbox_events WHERE event_type <> 'stock.level_changed')";
    let row = sql.query_one(query, &[]).await?;
    Ok((row.get(0), row.get(1), row.get(2), row.get(3)))
}
