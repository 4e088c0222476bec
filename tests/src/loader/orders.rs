//! Makes one order of one invoice: places it without the rows that the API refuses, then brings it to its final state. Every
//! step can be repeated without taking effect twice.

use std::sync::Arc;

use serde_json::{Value, json};

use super::books::Sold;
use super::catalogue::{Article, customer_code};
use super::outcome::{Outcome, Problem, Refusal, idempotency_key, item_with, take_refused};
use super::rows::{Invoice, RefusedRow, Row};
use super::sales::{Placed, pair};
use super::steps::{leaves_in_two, next_step};
use super::{Load, amounts};

/// More steps than an order has states, so that the loop always ends.
const STEPS_AT_MOST: usize = 10;

/// What an order is placed with.
struct Request<'a> {
    number: &'a str,
    /// The customer's id.
    customer: String,
    ordered_on: Option<String>,
}

/// A row and the id of its product.
struct Line {
    row: Row,
    product_id: String,
}

/// A row that is a line of an order.
struct Held {
    row: Row,
    /// Counts from 1.
    position: usize,
}

pub(super) async fn load_invoice(load: &Load, invoice: Invoice) -> Result<Outcome, Problem> {
    let Invoice { number, rows } = invoice;
    let mut outcome = Outcome::default();
    if load.parts.has_order(&number) {
        let message = format!("an earlier part of the file is order {number}, which gets no further rows");
        let refusal = Refusal::new("order_reference_taken", message);
        outcome.refused.extend(rows.into_iter().map(|row| refusal.of_row(row)));
        return Ok(outcome);
    }
    let Some(first) = rows.first() else { return Ok(outcome) };
    let (code, ordered_on) = (customer_code(first), load.calendar.moved(&first.date));
    let (first_line, is_consumer) = (first.line, first.customer.is_empty());
    let customer = load.catalogue.customer(&load.client, first).await;
    let customer = match customer {
        Ok(id) => id,
        Err(Problem::Refused(refusal)) => {
            outcome.refused.extend(rows.into_iter().map(|row| refusal.of_row(row)));
            return Ok(outcome);
        }
        Err(problem) => return Err(problem),
    };
    let mut lines = Vec::new();
    for row in rows {
        let article = Article::of(&row, load.is_stocked(&row.sku));
        let product = load.catalogue.product(&load.client, article).await;
        match product {
            Ok(product_id) => lines.push(Line { row, product_id }),
            Err(Problem::Refused(refusal)) => outcome.refused.push(refusal.of_row(row)),
            Err(problem) => return Err(problem),
        }
    }
    let request = Request { number: &number, customer, ordered_on };
    if let Some((order, held)) = place(load, &request, lines, &mut outcome.refused).await? {
        load.parts.have_order(&number);
        let Some(id) = order["id"].as_str().map(str::to_owned) else {
            return Err(Problem::Failed(format!("order {number}: the API answered without an id")));
        };
        let placed = Arc::new(Placed { id, number: number.clone(), on: request.ordered_on.clone() });
        for Held { row, position } in held {
            if let Some(quantity) = amounts::positive(&row.quantity) {
                load.shelf.sell(&row.sku, &quantity);
                load.sales.note(&pair(&code, &row.sku), row.line, &placed, position, quantity);
            }
        }
        let shipped_on = request.ordered_on.as_deref();
        let status = bring_forward(load, &placed, order, shipped_on).await?;
        if status == "delivered" {
            let Request { customer, ordered_on: on, .. } = request;
            load.books.sold(Sold { on, line: first_line, order: placed, customer, is_consumer });
        }
        outcome.status = Some(status);
    }
    Ok(outcome)
}

/// Places the order with the lines that the API accepts. Returns `None` if it accepts none.
async fn place(
    load: &Load,
    request: &Request<'_>,
    mut lines: Vec<Line>,
    refused: &mut Vec<RefusedRow>,
) -> Result<Option<(Value, Vec<Held>)>, Problem> {
    while !lines.is_empty() {
        let body = order_body(request, &lines);
        let key = idempotency_key(request.number, &body);
        let answer = load.client.post("/orders", Some(&key), Some(&body)).await?;
        match answer.status {
            201 => {
                let held = (1..).zip(lines).map(|(position, line)| Held { row: line.row, position });
                return Ok(Some((answer.body, held.collect())));
            }
            409 if answer.code() == "order_reference_taken" => {
                return adopt(load, request.number, lines, refused).await;
            }
            400..=499 => {
                let taken = take_refused(&answer, &mut lines);
                refused.extend(taken.into_iter().map(|(line, refusal)| refusal.of_row(line.row)));
            }
            _ => return Err(Problem::unexpected("/orders", &answer)),
        }
    }
    Ok(None)
}

/// Adopts an existing order with this number that was placed from other rows, such as by an earlier run with other refusals. It is
/// adopted if it has only rows of this invoice. Rows that it lacks are refused, because an order does not grow.
async fn adopt(
    load: &Load,
    number: &str,
    lines: Vec<Line>,
    refused: &mut Vec<RefusedRow>,
) -> Result<Option<(Value, Vec<Held>)>, Problem> {
    let list = load.client.get("/orders", &[("reference", number)]).await?.body;
    let Some(id) = item_with(&list, "reference", number).and_then(|order| order["id"].as_str()) else {
        return Err(Problem::Failed(format!(
            "order {number}: its reference is taken, but it cannot be found"
        )));
    };
    let order = load.client.get(&format!("/orders/{id}"), &[]).await?.body;
    let mut existing: Vec<(usize, &Value)> =
        (1..).zip(order["lines"].as_array().into_iter().flatten()).collect();
    let mut held = Vec::new();
    let missing = format!("order {number} exists and does not hold this row");
    let refusal = Refusal::new("order_reference_taken", missing);
    for line in lines {
        match existing.iter().position(|(_, there)| is_same(there, &line)) {
            Some(index) => held.push(Held { row: line.row, position: existing.remove(index).0 }),
            None => refused.push(refusal.of_row(line.row)),
        }
    }
    let is_ours = existing.is_empty();
    Ok(is_ours.then_some((order, held)))
}

fn is_same(existing: &Value, line: &Line) -> bool {
    let number = |text: &str| text.parse::<bigdecimal::BigDecimal>().ok();
    let equal = |name: &str, ours: &str| {
        existing[name].as_str().and_then(number).is_some_and(|theirs| Some(theirs) == number(ours))
    };
    existing["product_id"] == line.product_id.as_str()
        && equal("quantity", &line.row.quantity)
        && equal("unit_price", &line.row.unit_price)
}

/// Confirms, ships and delivers the order. Returns its final state.
async fn bring_forward(
    load: &Load,
    placed: &Placed,
    mut order: Value,
    shipped_on: Option<&str>,
) -> Result<String, Problem> {
    let Placed { id, number, .. } = placed;
    let mut first_has_left = false;
    for _ in 0..STEPS_AT_MOST {
        let status = order["status"].as_str().unwrap_or_default();
        let in_two = !first_has_left && leaves_in_two(number, &order);
        let Some(step) = next_step(status, in_two) else { return Ok(status.to_owned()) };
        let path = format!("/orders/{id}/{}", step.path());
        let body = step.body(number, shipped_on, &order);
        let key = idempotency_key(&path, body.as_ref().unwrap_or(&Value::Null));
        let answer = load.client.post(&path, Some(&key), body.as_ref()).await?;
        match (answer.status, answer.code().as_str()) {
            // A shipment: more is to leave, and the order is confirmed until then.
            (201, _) => first_has_left = true,
            (200, _) => order = answer.body,
            // Another client changed it, or an earlier run whose keys are forgotten: go on from there.
            (409, "order_state_conflict" | "shipment_exceeds_order") => {
                order = load.client.get(&format!("/orders/{id}"), &[]).await?.body;
            }
            _ => return Err(Problem::unexpected(&path, &answer)),
        }
    }
    Err(Problem::Failed(format!("order {number} does not reach its final state")))
}

fn order_body(request: &Request<'_>, lines: &[Line]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({
                "product_id": line.product_id,
                "quantity": line.row.quantity,
                "unit_price": line.row.unit_price,
            })
        })
        .collect();
    let mut body = json!({"customer_id": request.customer, "reference": request.number, "lines": lines});
    if let Some(day) = &request.ordered_on {
        body["ordered_on"] = json!(day);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64) -> Line {
        let row = Row {
            line: number,
            invoice: "536365".into(),
            sku: number.to_string(),
            description: String::new(),
            quantity: "2".into(),
            date: String::new(),
            unit_price: "2.50".into(),
            customer: "1".into(),
            country: String::new(),
            original: csv::ByteRecord::new(),
        };
        Line { row, product_id: number.to_string() }
    }

    #[test]
    fn lines_are_the_same_by_value_not_by_spelling() {
        let existing = json!({"product_id": "7", "quantity": "2.000000", "unit_price": "2.5"});
        assert!(is_same(&existing, &line(7)));
        assert!(!is_same(&existing, &line(8)));
        let mut more = line(7);
        more.row.quantity = "3".into();
        assert!(!is_same(&existing, &more));
    }

    #[test]
    fn an_order_says_when_it_was_made_if_the_file_does() {
        let mut request = Request { number: "1", customer: "id".into(), ordered_on: None };
        assert!(order_body(&request, &[line(7)]).get("ordered_on").is_none());
        request.ordered_on = Some("2026-12-01".into());
        assert_eq!(order_body(&request, &[line(7)])["ordered_on"], "2026-12-01");
    }
}
