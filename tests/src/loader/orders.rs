//! Makes one order of one invoice: places it without the rows that the API refuses, then brings it to its final state. Every
//! step can be repeated without taking effect twice.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::catalogue::Catalogue;
use super::client::{Answer, Client, GaveUp};
use super::rows::{Invoice, RefusedRow, Row};
use super::steps::next_step;

/// More steps than an order has states, so that the loop always ends.
const STEPS_AT_MOST: usize = 10;

/// The API's reason for refusing a row or an order.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}

/// The reason why a step did not succeed.
#[derive(Debug)]
pub(super) enum Problem {
    /// The data is refused: it goes to the list of refused rows.
    Refused(Refusal),
    /// A fault: it is reported, and the load is not complete.
    Failed(String),
    /// The API is not reached: the load stops.
    GaveUp(String),
}

impl From<GaveUp> for Problem {
    fn from(GaveUp(message): GaveUp) -> Self {
        Self::GaveUp(message)
    }
}

/// The outcome of an invoice.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The order's state; `None` if the whole invoice was refused.
    pub(super) status: Option<String>,
    pub(super) refused: Vec<RefusedRow>,
}

/// A row and the id of its product.
struct Line {
    row: Row,
    product_id: String,
}

pub(super) async fn load_invoice(
    client: &Client,
    catalogue: &Catalogue,
    invoice: Invoice,
) -> Result<Outcome, Problem> {
    let (number, cancelled) = (invoice.number.clone(), invoice.is_cancellation());
    let mut refused = Vec::new();
    let customer = match catalogue.customer(client, &invoice.rows[0]).await {
        Ok(id) => id,
        Err(Problem::Refused(refusal)) => {
            return Ok(Outcome { status: None, refused: refuse_all(invoice.rows, &refusal) });
        }
        Err(problem) => return Err(problem),
    };
    let mut lines = Vec::new();
    for row in invoice.rows {
        match catalogue.product(client, &row).await {
            Ok(product_id) => lines.push(Line { row, product_id }),
            Err(Problem::Refused(refusal)) => {
                refused.push(RefusedRow::new(row, &refusal.code, &refusal.message));
            }
            Err(problem) => return Err(problem),
        }
    }
    let order = place(client, &number, &customer, lines, cancelled, &mut refused).await?;
    let status = match order {
        Some(order) => Some(bring_forward(client, &number, order, cancelled).await?),
        None => None,
    };
    Ok(Outcome { status, refused })
}

fn refuse_all(rows: impl IntoIterator<Item = Row>, refusal: &Refusal) -> Vec<RefusedRow> {
    rows.into_iter().map(|row| RefusedRow::new(row, &refusal.code, &refusal.message)).collect()
}

/// Places the order with the lines that the API accepts. Returns `None` if it accepts none.
async fn place(
    client: &Client,
    number: &str,
    customer: &str,
    mut lines: Vec<Line>,
    cancelled: bool,
    refused: &mut Vec<RefusedRow>,
) -> Result<Option<Value>, Problem> {
    while !lines.is_empty() {
        let body = order_body(number, customer, &lines, cancelled);
        let answer = client.post("/orders", Some(&idempotency_key(number, &body)), Some(&body)).await?;
        match answer.status {
            201 => return Ok(Some(answer.body)),
            409 if answer.code() == "order_reference_taken" => {
                return adopt(client, number, lines, cancelled, refused).await;
            }
            400..=499 => {
                if !drop_refused_lines(&answer, &mut lines, refused) {
                    let refusal = Refusal { code: answer.reason(), message: answer.message() };
                    refused.extend(refuse_all(lines.drain(..).map(|line| line.row), &refusal));
                }
            }
            status => return Err(Problem::Failed(format!("POST /orders: {status}: {}", answer.message()))),
        }
    }
    Ok(None)
}

/// Moves the lines that the problem points at to the refused ones. Returns false if it points at none.
fn drop_refused_lines(answer: &Answer, lines: &mut Vec<Line>, refused: &mut Vec<RefusedRow>) -> bool {
    let mut reasons: Vec<Option<Refusal>> = lines.iter().map(|_| None).collect();
    for error in answer.body["errors"].as_array().into_iter().flatten() {
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        if let Some(slot) = line_of(&text("pointer")).and_then(|index| reasons.get_mut(index)) {
            slot.get_or_insert(Refusal { code: text("code"), message: text("message") });
        }
    }
    let any = reasons.iter().any(Option::is_some);
    let judged = std::mem::take(lines).into_iter().zip(reasons);
    for (line, reason) in judged {
        match reason {
            Some(reason) => refused.push(RefusedRow::new(line.row, &reason.code, &reason.message)),
            None => lines.push(line),
        }
    }
    any
}

/// Returns the index of the line in a pointer such as `/lines/3/quantity`.
fn line_of(pointer: &str) -> Option<usize> {
    pointer.strip_prefix("/lines/")?.split('/').next()?.parse().ok()
}

/// Adopts an existing order with this number that was placed from other rows: by an earlier run with other refusals, or from
/// an earlier part of the file. It is adopted if it has only rows of this invoice. Rows that it lacks are refused, because an
/// order does not grow.
async fn adopt(
    client: &Client,
    number: &str,
    lines: Vec<Line>,
    cancelled: bool,
    refused: &mut Vec<RefusedRow>,
) -> Result<Option<Value>, Problem> {
    let answer = client.get("/orders", &[("reference", number)]).await?;
    let list = answer.body["data"].as_array().cloned().unwrap_or_default();
    let id = list
        .into_iter()
        .find(|order| order["reference"] == number)
        .and_then(|order| order["id"].as_str().map(str::to_owned));
    let Some(id) = id else {
        return Err(Problem::Failed(format!(
            "order {number}: its reference is taken, but it cannot be found"
        )));
    };
    let order = client.get(&format!("/orders/{id}"), &[]).await?.body;
    let mut held: Vec<Value> = order["lines"].as_array().cloned().unwrap_or_default();
    let mut unheld = Vec::new();
    for line in lines {
        match held.iter().position(|existing| is_same(existing, &line, cancelled)) {
            Some(index) => drop(held.swap_remove(index)),
            None => unheld.push(line.row),
        }
    }
    let refusal = Refusal {
        code: "order_reference_taken".to_owned(),
        message: format!("order {number} exists and does not hold this row"),
    };
    refused.extend(refuse_all(unheld, &refusal));
    Ok(held.is_empty().then_some(order))
}

fn is_same(existing: &Value, line: &Line, cancelled: bool) -> bool {
    let number = |text: &str| text.parse::<bigdecimal::BigDecimal>().ok();
    let equal = |name: &str, ours: &str| {
        existing[name].as_str().and_then(number).is_some_and(|theirs| Some(theirs) == number(ours))
    };
    existing["product_id"] == line.product_id.as_str()
        && equal("quantity", quantity(&line.row, cancelled))
        && equal("unit_price", &line.row.unit_price)
}

async fn bring_forward(
    client: &Client,
    number: &str,
    mut order: Value,
    cancelled: bool,
) -> Result<String, Problem> {
    let Some(id) = order["id"].as_str().map(str::to_owned) else {
        return Err(Problem::Failed(format!("order {number}: the API answered without an id")));
    };
    for _ in 0..STEPS_AT_MOST {
        let status = order["status"].as_str().unwrap_or_default();
        let Some(step) = next_step(status, cancelled) else { return Ok(status.to_owned()) };
        let path = format!("/orders/{id}/{}", step.path());
        let body = step.body(number);
        let key = idempotency_key(&path, body.as_ref().unwrap_or(&Value::Null));
        let answer = client.post(&path, Some(&key), body.as_ref()).await?;
        order = match (answer.status, answer.code().as_str()) {
            (200, _) => answer.body,
            // Another client changed its state: go on from there.
            (409, "order_state_conflict") => client.get(&format!("/orders/{id}"), &[]).await?.body,
            (status, code) => {
                return Err(Problem::Failed(format!("POST {path}: {status} {code}: {}", answer.message())));
            }
        };
    }
    Err(Problem::Failed(format!("order {number} does not reach its final state")))
}

fn order_body(number: &str, customer: &str, lines: &[Line], cancelled: bool) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({
                "product_id": line.product_id,
                "quantity": quantity(&line.row, cancelled),
                "unit_price": line.row.unit_price,
            })
        })
        .collect();
    json!({"customer_id": customer, "reference": number, "lines": lines})
}

/// Returns the row's quantity for the order. A cancellation's quantities are negative in the file; the cancelled order had
/// positive ones.
fn quantity(row: &Row, cancelled: bool) -> &str {
    if cancelled { row.quantity.strip_prefix('-').unwrap_or(&row.quantity) } else { &row.quantity }
}

/// Returns a key that is the same for the same request in every run, and different for another body.
fn idempotency_key(what: &str, body: &Value) -> String {
    let mut digest = Sha256::new();
    digest.update(what);
    digest.update([0]);
    digest.update(body.to_string());
    format!("load-orders-{}", hex::encode(&digest.finalize()[..20]))
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
            quantity: "-2".into(),
            unit_price: "2.50".into(),
            customer: "1".into(),
            country: String::new(),
            original: csv::ByteRecord::new(),
        };
        Line { row, product_id: number.to_string() }
    }

    fn refusing(pointers: &[&str]) -> Answer {
        let errors: Vec<Value> = pointers
            .iter()
            .map(|pointer| json!({"pointer": pointer, "code": "not_positive", "message": "no"}))
            .collect();
        Answer { status: 422, body: json!({"code": "invalid", "errors": errors}) }
    }

    #[test]
    fn the_lines_that_a_problem_points_at_are_refused_and_the_others_stay() {
        let (mut lines, mut refused) = ((2..6).map(line).collect(), Vec::new());
        assert!(drop_refused_lines(
            &refusing(&["/lines/1/quantity", "/lines/3", "/lines/1/unit_price"]),
            &mut lines,
            &mut refused
        ));
        assert_eq!(lines.iter().map(|line| line.row.line).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(refused.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(refused[0].reason, "not_positive");
    }

    #[test]
    fn a_problem_that_points_elsewhere_leaves_the_lines_alone() {
        for pointers in [&["/customer_id"][..], &["/lines"], &["/lines/99/quantity"], &[]] {
            let (mut lines, mut refused) = (vec![line(2)], Vec::new());
            assert!(!drop_refused_lines(&refusing(pointers), &mut lines, &mut refused));
            assert_eq!((lines.len(), refused.len()), (1, 0));
        }
    }

    #[test]
    fn a_cancelled_order_had_positive_quantities() {
        let row = line(2).row;
        assert_eq!((quantity(&row, true), quantity(&row, false)), ("2", "-2"));
    }

    #[test]
    fn a_key_depends_on_the_number_and_on_the_body() {
        let (a, b) = (json!({"lines": 1}), json!({"lines": 2}));
        assert_eq!(idempotency_key("1", &a), idempotency_key("1", &a));
        assert_ne!(idempotency_key("1", &a), idempotency_key("1", &b));
        assert_ne!(idempotency_key("1", &a), idempotency_key("2", &a));
    }

    #[test]
    fn lines_are_the_same_by_value_not_by_spelling() {
        let existing = json!({"product_id": "7", "quantity": "2.000000", "unit_price": "2.5"});
        assert!(is_same(&existing, &line(7), true));
        assert!(!is_same(&existing, &line(8), true));
        assert!(!is_same(&existing, &line(7), false));
    }
}
