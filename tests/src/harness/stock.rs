//! What tests about goods and their documents send and read.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::{Answer, Api};

/// Returns the id of a resource, or an empty text.
pub fn id(resource: &Value) -> &str {
    resource["id"].as_str().unwrap_or_default()
}

/// Returns the rows of a list.
///
/// # Errors
/// Fails if the answer is none.
pub fn rows(answer: &Answer) -> Result<Vec<Value>> {
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
    answer.json["data"].as_array().cloned().with_context(|| answer.text.clone())
}

/// Returns the body of an order of these lines.
pub fn order_of(customer: &Value, lines: &[(&Value, &str)]) -> Value {
    let line =
        |(product, quantity): &(&Value, &str)| json!({"product_id": product["id"], "quantity": quantity});
    json!({"customer_id": customer["id"], "lines": lines.iter().map(line).collect::<Vec<_>>()})
}

/// Returns the warehouse with which a company begins.
///
/// # Errors
/// Fails if there is none.
pub async fn main_warehouse(api: &Api) -> Result<Value> {
    rows(&api.http.get("/warehouses?code=MAIN").await?)?.pop().context("no default warehouse")
}

/// Returns the stock of a product that is in one warehouse only.
///
/// # Errors
/// Fails if it is in none, or in several.
pub async fn stock_of(api: &Api, product: &Value) -> Result<Value> {
    let mut found = rows(&api.http.get(&format!("/stock?product_id={}", id(product))).await?)?;
    ensure!(found.len() == 1, "{found:?}");
    found.pop().context("no stock")
}

/// Returns what is on hand, reserved and waited for.
pub fn amounts(stock: &Value) -> String {
    ["on_hand", "reserved", "waiting"].map(|name| stock[name].as_str().unwrap_or("?")).join(" ")
}

/// Returns what is on hand, reserved and waited for of a product that is in one warehouse only.
///
/// # Errors
/// Fails if it is in none, or in several.
pub async fn amounts_of(api: &Api, product: &Value) -> Result<String> {
    Ok(amounts(&stock_of(api, product).await?))
}

/// Returns the types of the events of an aggregate, in their order.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn events_of(sql: &Client, aggregate: &Value) -> Result<String> {
    let query = "SELECT COALESCE(string_agg(event_type, ' ' ORDER BY seq), '') FROM outbox_events WHERE aggregate_id = $1";
    Ok(sql.query_one(query, &[&id(aggregate)]).await?.get(0))
}
