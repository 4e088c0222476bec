//! Takes goods back that an invoice cancels: one return for each order that they come from.

use std::sync::Arc;

use bigdecimal::BigDecimal;
use serde_json::{Value, json};

use super::books::Back;
use super::outcome::{
    Outcome, Problem, REASON_AT_MOST, REFERENCE_AT_MOST, fitted, idempotency_key, item_with, take_refused,
};
use super::parts::Parts;
use super::rows::{RefusedRow, Row};
use super::sales::Placed;
use super::{Load, amounts};

/// The most returns of one order among which one is looked up: a page.
const PAGE: &str = "200";

/// What comes back of a line of an order, by a row of the file.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) position: usize,
    pub(super) quantity: BigDecimal,
    pub(super) row: Row,
}

/// What an invoice takes back of an order: a return.
#[derive(Debug)]
pub(super) struct OfOrder {
    pub(super) order: Arc<Placed>,
    /// Unique, because an invoice can cancel parts of several orders.
    reference: String,
    pub(super) parts: Vec<Part>,
}

/// What an invoice takes back.
#[derive(Debug)]
pub(super) struct Returning {
    pub(super) number: String,
    pub(super) received_on: Option<String>,
    pub(super) by_order: Vec<OfOrder>,
    /// Rows that are not met, or not to their end.
    pub(super) refused: Vec<RefusedRow>,
}

impl Returning {
    pub(super) fn new(number: String, received_on: Option<String>) -> Self {
        Self { number, received_on, by_order: Vec::new(), refused: Vec::new() }
    }

    pub(super) fn add(&mut self, order: &Arc<Placed>, part: Part) {
        match self.by_order.iter_mut().find(|known| known.order.id == order.id) {
            Some(known) => known.parts.push(part),
            None => {
                let reference = format!("{}/{}", self.number, order.number);
                self.by_order.push(OfOrder { order: Arc::clone(order), reference, parts: vec![part] });
            }
        }
    }

    /// Gives the returns references of their own: an earlier part of this invoice may take something back of the same orders.
    pub(super) fn tell_apart(&mut self, parts: &Parts) {
        for of_order in &mut self.by_order {
            let reference = std::mem::take(&mut of_order.reference);
            of_order.reference = parts.reference(&self.number, reference);
        }
    }
}

pub(super) async fn receive(load: &Load, returning: Returning) -> Result<Outcome, Problem> {
    let Returning { number, received_on, by_order, refused } = returning;
    let mut outcome = Outcome { refused, ..Outcome::default() };
    for OfOrder { order, reference, mut parts } in by_order {
        let path = format!("/orders/{}/returns", order.id);
        let reference = fitted(reference, REFERENCE_AT_MOST);
        let received_on = not_before(received_on.as_deref(), order.on.as_deref());
        while !parts.is_empty() {
            let body = body(&number, &reference, received_on, &parts);
            let answer = load.client.post(&path, Some(&idempotency_key(&path, &body)), Some(&body)).await?;
            // Of an order of which all has come back, the API says that first.
            let taken = answer.status == 409
                && matches!(answer.code().as_str(), "return_reference_taken" | "return_exceeds_shipment");
            let id = match answer.status {
                201 => answer.body["id"].as_str().map(str::to_owned),
                _ if taken => find_received(load, &order, &reference, &body).await?,
                _ => None,
            };
            if let Some(id) = id {
                parts.iter().for_each(|part| load.shelf.put_back(&part.row.sku, &part.quantity));
                let line = parts.iter().map(|part| part.row.line).min().unwrap_or_default();
                load.books.back(Back { on: received_on.map(str::to_owned), line, id, reference });
                outcome.returns += 1;
                break;
            }
            if !(400..500).contains(&answer.status) {
                return Err(Problem::unexpected(&path, &answer));
            }
            let refused = take_refused(&answer, &mut parts);
            outcome.refused.extend(refused.into_iter().map(|(part, refusal)| refusal.of_row(part.row)));
        }
    }
    Ok(outcome)
}

/// Returns the day on which goods came back: not before they left, whatever the order of a file's days is. The API takes today if the file
/// does not say when they left.
fn not_before<'a>(day: Option<&'a str>, left: Option<&'a str>) -> Option<&'a str> {
    // As they are written, days are in the order of their texts.
    Some(day?.max(left?))
}

fn body(number: &str, reference: &str, received_on: Option<&str>, parts: &[Part]) -> Value {
    let line = |part: &Part| {
        // The file does not say in which condition it came back.
        json!({"position": part.position, "quantity": amounts::plain(&part.quantity), "restock": true})
    };
    let lines: Vec<Value> = parts.iter().map(line).collect();
    let reason = fitted(format!("cancelled by invoice {number}"), REASON_AT_MOST);
    let mut body = json!({"reference": reference, "reason": reason, "lines": lines});
    if let Some(day) = received_on {
        body["received_on"] = json!(day);
    }
    body
}

/// Returns the id of the return that an earlier run made of the order: with this reference, and the same lines.
async fn find_received(
    load: &Load,
    order: &Placed,
    reference: &str,
    body: &Value,
) -> Result<Option<String>, Problem> {
    let filter = [("order_id", order.id.as_str()), ("limit", PAGE)];
    let list = load.client.get("/returns", &filter).await?.body;
    let Some(id) = item_with(&list, "reference", reference).and_then(|found| found["id"].as_str()) else {
        return Ok(None);
    };
    let found = load.client.get(&format!("/returns/{id}"), &[]).await?.body;
    Ok((lines(&found) == lines(body)).then(|| id.to_owned()))
}

/// Returns the positions and quantities of a return. Both sides write quantities alike.
fn lines(of: &Value) -> Vec<(Option<u64>, Option<&str>)> {
    let lines = of["lines"].as_array().into_iter().flatten();
    lines.map(|line| (line["position"].as_u64(), line["quantity"].as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goods_come_back_once_they_left_however_the_file_is_dated() {
        let (early, late) = (Some("2026-11-30"), Some("2026-12-01"));
        assert_eq!(not_before(late, early), late);
        assert_eq!(not_before(early, late), late);
        assert_eq!((not_before(early, None), not_before(None, early)), (None, None), "today");
    }
}
