//! Writes goods off of which the file says that less than nothing was sold, for no price: broken, lost, given away. They come last,
//! from what then is there, so that nothing is taken from an order.

use bigdecimal::{BigDecimal, Zero};
use serde_json::{Value, json};

use super::catalogue::Article;
use super::outcome::{
    Outcome, Problem, REASON_AT_MOST, REFERENCE_AT_MOST, Refusal, fitted, idempotency_key, item_with,
    take_refused,
};
use super::parts::Parts;
use super::rows::{Invoice, RefusedRow, Row};
use super::shelf::Shelf;
use super::{Load, amounts};

const PATH: &str = "/stock-write-offs";

/// What an invoice writes off.
#[derive(Debug)]
pub(super) struct Losing {
    pub(super) number: String,
    /// Of the document.
    reference: String,
    lost: Vec<Lost>,
    /// Rows that are not met, or not to their end.
    pub(super) refused: Vec<RefusedRow>,
}

#[derive(Debug)]
struct Lost {
    row: Row,
    quantity: BigDecimal,
}

impl Losing {
    /// Decides what is written off. The invoices must come in the order of the file, after all sales and returns.
    pub(super) fn allot(invoice: Invoice, shelf: &Shelf) -> Self {
        let (number, reference) = (invoice.number.clone(), invoice.number);
        let mut losing = Self { number, reference, lost: Vec::new(), refused: Vec::new() };
        for row in invoice.rows {
            let wanted = amounts::amount(&row.quantity).unwrap_or_default().abs();
            let quantity = shelf.take(&row.sku, &wanted);
            if quantity < wanted {
                let (rest, wanted) = (amounts::plain(&(&wanted - &quantity)), amounts::plain(&wanted));
                let refusal = Refusal::new("not_in_stock", format!("{rest} of {wanted} are not there"));
                losing.refused.push(refusal.of_row(row.clone()));
            }
            if !quantity.is_zero() {
                losing.lost.push(Lost { row, quantity });
            }
        }
        losing
    }

    /// Gives the document a reference of its own: an earlier part of this invoice may write something off, too.
    pub(super) fn tell_apart(&mut self, parts: &Parts) {
        if !self.lost.is_empty() {
            let reference = std::mem::take(&mut self.reference);
            self.reference = parts.reference(&self.number, reference);
        }
    }
}

pub(super) async fn write_off(load: &Load, losing: Losing) -> Result<Outcome, Problem> {
    let Losing { number, reference, lost, refused } = losing;
    let reference = fitted(reference, REFERENCE_AT_MOST);
    let mut outcome = Outcome { refused, ..Outcome::default() };
    let date = lost.first().and_then(|lost| load.calendar.moved(&lost.row.date));
    let mut lines = Vec::new();
    for lost in lost {
        let product = load.catalogue.product(&load.client, Article::of(&lost.row, true)).await?;
        lines.push((lost, product));
    }
    while !lines.is_empty() {
        let body = body(&number, &reference, date.as_deref(), &lines);
        let answer = load.client.post(PATH, Some(&idempotency_key(PATH, &body)), Some(&body)).await?;
        let taken = answer.status == 409 && answer.code() == "stock_document_reference_taken";
        if answer.status == 201 || (taken && is_posted(load, &reference, &lines).await?) {
            outcome.write_offs += 1;
            break;
        }
        if !(400..500).contains(&answer.status) {
            return Err(Problem::unexpected(PATH, &answer));
        }
        for ((lost, _), refusal) in take_refused(&answer, &mut lines) {
            load.shelf.put_back(&lost.row.sku, &lost.quantity);
            outcome.refused.push(refusal.of_row(lost.row));
        }
    }
    Ok(outcome)
}

fn body(number: &str, reference: &str, date: Option<&str>, lines: &[(Lost, String)]) -> Value {
    let line = |(lost, product): &(Lost, String)| json!({"product_id": product, "quantity": amounts::plain(&lost.quantity)});
    let lines: Vec<Value> = lines.iter().map(line).collect();
    let reason = fitted(format!("written off by invoice {number}"), REASON_AT_MOST);
    let mut body = json!({"reference": reference, "reason": reason, "lines": lines});
    if let Some(day) = date {
        body["business_date"] = json!(day);
    }
    body
}

/// Whether this was written off already, by an earlier run: with this reference, and the same lines.
async fn is_posted(load: &Load, reference: &str, lines: &[(Lost, String)]) -> Result<bool, Problem> {
    let filter = [("kind", "write_off"), ("reference", reference)];
    let list = load.client.get("/stock-documents", &filter).await?.body;
    let Some(id) = item_with(&list, "reference", reference).and_then(|found| found["id"].as_str()) else {
        return Ok(false);
    };
    let found = load.client.get(&format!("/stock-documents/{id}"), &[]).await?.body;
    let there = found["lines"].as_array().into_iter().flatten();
    let there = there.map(|line| (line["product_id"].as_str(), line["change"].as_str()));
    let ours: Vec<(&str, String)> = lines
        .iter()
        .map(|(lost, product)| (product.as_str(), format!("-{}", amounts::plain(&lost.quantity))))
        .collect();
    Ok(there.eq(ours.iter().map(|(product, change)| (Some(*product), Some(change.as_str())))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(sku: &str, quantity: &str) -> Row {
        Row {
            line: 2,
            invoice: "9".into(),
            sku: sku.into(),
            description: "damaged".into(),
            quantity: quantity.into(),
            date: String::new(),
            unit_price: "0.0".into(),
            customer: String::new(),
            country: String::new(),
            original: csv::ByteRecord::new(),
        }
    }

    #[test]
    fn what_is_not_there_is_refused_and_the_rest_is_written_off() {
        let shelf = Shelf::default();
        shelf.receive("A", &BigDecimal::from(5));
        let rows = vec![row("A", "-3"), row("A", "-4"), row("B", "-1")];
        let losing = Losing::allot(Invoice { number: "9".into(), rows }, &shelf);
        let lost: Vec<String> = losing.lost.iter().map(|lost| amounts::plain(&lost.quantity)).collect();
        assert_eq!(lost, ["3", "2"]);
        let refused: Vec<&str> = losing.refused.iter().map(|row| row.message.as_str()).collect();
        assert_eq!(refused, ["2 of 4 are not there", "1 of 1 are not there"]);
    }
}
