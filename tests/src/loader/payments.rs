//! Pays most invoices, always the same ones of a file: of twenty numbers, seventeen are paid whole, one in part, and two not at all. Whoever pays does so on the day on
//! which the invoice is due, or today if that is still to come.

use bigdecimal::{BigDecimal, RoundingMode, Zero};
use futures::StreamExt;
use serde_json::json;

use super::books::Numbered;
use super::outcome::{Problem, Refusal, idempotency_key};
use super::{Load, Progress, amounts};

const PATH: &str = "/payments";
/// Decimals of an amount.
const CENTS: i64 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    Whole,
    Half,
    Nothing,
}

/// What is paid of an invoice with this number.
fn share(number: &str) -> Share {
    let position: u64 = number.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or_default();
    match position % 20 {
        7 => Share::Half,
        3 | 13 => Share::Nothing,
        _ => Share::Whole,
    }
}

/// Pays what is to be paid of the invoices, after the credit notes.
pub(super) async fn pay(load: &Load, concurrency: usize, progress: &Progress) {
    let numbered = load.books.take_numbered();
    progress.begin("payments", numbered.len() as u64);
    futures::stream::iter(numbered)
        .for_each_concurrent(concurrency, |invoice| async move {
            if !load.is_stopped() {
                match pay_one(load, &invoice).await {
                    Ok(count) => load.with_report(|report| report.payments += count),
                    Err(problem) => load.not_documented(&invoice.number, "payment", problem),
                }
            }
            progress.advance(1, 1, "invoices");
        })
        .await;
}

/// Returns how many payments the invoice has by then: none, or one.
async fn pay_one(load: &Load, invoice: &Numbered) -> Result<u64, Problem> {
    let Numbered { id, number, customer, is_consumer } = invoice;
    let share = share(number);
    if share == Share::Nothing {
        return Ok(0);
    }
    let path = format!("/invoices/{id}");
    let now = load.client.get(&path, &[]).await?.body;
    let amount = |name: &str| now[name].as_str().and_then(|text| text.parse::<BigDecimal>().ok());
    let (Some(open), Some(paid)) = (amount("open"), amount("paid")) else {
        return Err(Problem::Failed(format!("GET {path} does not say what is open")));
    };
    if !paid.is_zero() {
        // By an earlier run.
        return Ok(1);
    }
    let amount = match share {
        Share::Whole | Share::Nothing => open,
        Share::Half => (open / BigDecimal::from(2)).with_scale_round(CENTS, RoundingMode::Down),
    };
    if amount.is_zero() {
        return Ok(0);
    }
    // Dates in this form are in the order of their texts.
    let due_on = now["due_on"].as_str().unwrap_or_default();
    let today = load.calendar.today();
    let received_on = if due_on.is_empty() || due_on > today.as_str() { today.as_str() } else { due_on };
    let body = json!({
        "customer_id": customer,
        "method": if *is_consumer { "card" } else { "transfer" },
        "received_on": received_on,
        "amount": amounts::plain(&amount),
        "reference": number,
        "invoices": [{"invoice_id": id}],
    });
    let answer = load.client.post(PATH, Some(&idempotency_key(PATH, &body)), Some(&body)).await?;
    match answer.status {
        201 => Ok(1),
        400..=499 => Err(Problem::Refused(Refusal::of(&answer))),
        _ => Err(Problem::unexpected(PATH, &answer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_invoices_are_paid_and_always_the_same() {
        let shares: Vec<Share> = (1..=200).map(|number| share(&format!("FA-2026-{number:06}"))).collect();
        let count = |of| shares.iter().filter(|share| **share == of).count();
        assert_eq!((count(Share::Whole), count(Share::Half), count(Share::Nothing)), (170, 10, 20));
        assert_eq!(share("FA-2026-000127"), share("FA-2027-000027"), "the year does not decide");
    }
}
