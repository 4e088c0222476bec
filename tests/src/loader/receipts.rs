//! Receives what the file sells, before its orders are placed: exactly as much of each product, in documents that have other
//! products each, so that they can be posted at the same time.

use bigdecimal::{BigDecimal, RoundingMode};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::catalogue::Article;
use super::outcome::{Problem, idempotency_key, points_at_lines, take_refused};
use super::plan::Planned;
use super::{Load, Progress, amounts};

const PATH: &str = "/stock-receipts";
/// Lines of one receipt; the API accepts 1,000.
const LINES: usize = 200;
/// Decimals of a unit cost.
const COST_DECIMALS: i64 = 6;

/// A line of a receipt.
#[derive(Debug, Clone)]
struct Line {
    product_id: String,
    planned: Planned,
}

/// Creates the products and receives them. `id` stands for the file in the references of the receipts, by which another run
/// finds that they are posted.
pub(super) async fn receive(
    load: &Load,
    products: Vec<Planned>,
    id: &str,
    concurrency: usize,
    progress: &Progress,
) -> Result<(), Problem> {
    progress.begin("products", products.len() as u64);
    let found: Vec<Option<Line>> = futures::stream::iter(products)
        .map(|planned| find(load, planned, progress))
        .buffered(concurrency)
        .try_collect()
        .await?;
    let lines: Vec<Line> = found.into_iter().flatten().collect();
    progress.begin("receipts", lines.len() as u64);
    let documents: Vec<(String, Vec<Line>)> = (1..)
        .zip(lines.chunks(LINES))
        .map(|(number, lines): (u32, &[Line])| (format!("load-{id}-{number}"), lines.to_vec()))
        .collect();
    futures::stream::iter(documents)
        .map(Ok)
        .try_for_each_concurrent(concurrency, |(reference, lines)| post(load, reference, lines, progress))
        .await
}

/// Returns the product with its id. `None` if the API refuses it: its rows are refused, too.
async fn find(load: &Load, planned: Planned, progress: &Progress) -> Result<Option<Line>, Problem> {
    let Planned { sku, description, unit_price, .. } = &planned;
    let article = Article { sku, description, unit_price, stocked: true };
    let found = load.catalogue.product(&load.client, article).await;
    progress.advance(1, 1, "products");
    match found {
        Ok(product_id) => Ok(Some(Line { product_id, planned })),
        Err(Problem::Refused(_)) => Ok(None),
        Err(problem) => Err(problem),
    }
}

async fn post(
    load: &Load,
    reference: String,
    mut lines: Vec<Line>,
    progress: &Progress,
) -> Result<(), Problem> {
    let count = lines.len() as u64;
    while !lines.is_empty() {
        let body = body(&reference, load.calendar.first().as_deref(), &lines);
        let answer = load.client.post(PATH, Some(&idempotency_key(PATH, &body)), Some(&body)).await?;
        let by_an_earlier_run = answer.status == 409 && answer.code() == "stock_document_reference_taken";
        if answer.status == 201 || by_an_earlier_run {
            lines.iter().for_each(|line| load.shelf.receive(&line.planned.sku, &line.planned.quantity));
            load.with_report(|report| report.receipts += 1);
            break;
        }
        if !(400..500).contains(&answer.status) || !points_at_lines(&answer) {
            return Err(Problem::unexpected(PATH, &answer));
        }
        // Products from before that are not kept in stock, for instance. Orders of what cannot be received say so themselves.
        take_refused(&answer, &mut lines);
    }
    progress.advance(count, count, "lines");
    Ok(())
}

fn body(reference: &str, date: Option<&str>, lines: &[Line]) -> Value {
    let line = |line: &Line| {
        let Planned { unit_price, quantity, .. } = &line.planned;
        json!({"product_id": line.product_id, "quantity": amounts::plain(quantity), "unit_cost": cost(unit_price)})
    };
    let lines: Vec<Value> = lines.iter().map(line).collect();
    let mut body = json!({"reference": reference, "reason": "what the file sells", "lines": lines});
    if let Some(day) = date {
        body["business_date"] = json!(day);
    }
    body
}

/// Returns what a unit cost: 60 % of its price. The file does not say.
fn cost(unit_price: &str) -> String {
    let price = amounts::price(unit_price).unwrap_or_default();
    let cost = price * BigDecimal::new(6.into(), 1);
    amounts::plain(&cost.with_scale_round(COST_DECIMALS, RoundingMode::HalfUp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goods_cost_six_tenths_of_their_price() {
        assert_eq!(
            (cost("2.55"), cost("0.0"), cost("0.000001")),
            ("1.53".into(), "0".into(), "0.000001".into())
        );
    }
}
