//! Invoices what has left: one invoice for each order, dated on the day of its shipments, and then a credit note for each return. Drafts are made several at a time;
//! numbers are given one after the other, so that they follow the days and the lines of the file.

use std::sync::atomic::Ordering;

use futures::StreamExt;
use serde_json::{Value, json};

use super::books::{Back, Numbered, Sold};
use super::client::Answer;
use super::outcome::{Problem, Refusal, idempotency_key};
use super::turns::Turns;
use super::{Load, Progress};

const FROM_ORDERS: &str = "/invoices/from-orders";
/// The most invoices of a customer and with an order's number among which its invoice is looked up: a page.
const PAGE: &str = "200";
/// The most words that are searched for.
const WORDS: usize = 10;

/// Invoices all orders that have left.
pub(super) async fn invoice(load: &Load, concurrency: usize, progress: &Progress) {
    let sold = load.books.take_sold();
    progress.begin("invoices", sold.len() as u64);
    let turns = Turns::new();
    let turns = &turns;
    futures::stream::iter((0..).zip(sold))
        .for_each_concurrent(concurrency, |(number, sold): (u64, Sold)| async move {
            let drafted = if load.is_stopped() { None } else { Some(draft(load, &sold).await) };
            turns.wait(number).await;
            let outcome = match drafted {
                Some(Ok(drafted)) => Some(validate(load, &sold, drafted).await),
                Some(Err(problem)) => Some(Err(problem)),
                None => None,
            };
            turns.pass();
            match outcome {
                Some(Ok(numbered)) => {
                    load.with_report(|report| report.numbered += 1);
                    load.books.numbered(numbered);
                }
                Some(Err(problem)) => load.not_documented(&sold.order.number, "invoice", problem),
                None => {}
            }
            progress.advance(1, 1, "invoices");
        })
        .await;
}

/// Drafts the invoice of an order, or finds the one that an earlier run made.
async fn draft(load: &Load, sold: &Sold) -> Result<Value, Problem> {
    let mut body = json!({"order_ids": [sold.order.id]});
    if let Some(day) = &sold.on {
        body["issue_date"] = json!(day);
    }
    let answer =
        load.client.post(FROM_ORDERS, Some(&idempotency_key(FROM_ORDERS, &body)), Some(&body)).await?;
    match answer.status {
        201 => Ok(answer.body),
        409 if answer.code() == "nothing_to_invoice" => find(load, sold, &answer).await,
        400..=499 => Err(Problem::Refused(refusal(&answer))),
        _ => Err(Problem::unexpected(FROM_ORDERS, &answer)),
    }
}

async fn find(load: &Load, sold: &Sold, answer: &Answer) -> Result<Value, Problem> {
    let number = sold.order.number.as_str();
    let words = words(number);
    let mut filter = vec![("customer_id", sold.customer.as_str()), ("limit", PAGE)];
    filter.extend((!words.is_empty()).then_some(("q", words.as_str())));
    let list = load.client.get("/invoices", &filter).await?.body;
    let of_order = |one: &&Value| one["reference"] == number && one["kind"] == "invoice";
    let found = list["data"].as_array().and_then(|all| all.iter().find(of_order));
    found.cloned().ok_or_else(|| Problem::Refused(refusal(answer)))
}

/// The words of an order's number, as many as the API searches for.
fn words(number: &str) -> String {
    let words = number.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(WORDS).collect::<Vec<_>>().join(" ")
}

/// Gives a draft its number, unless it has one.
async fn validate(load: &Load, sold: &Sold, mut invoice: Value) -> Result<Numbered, Problem> {
    let Some(id) = invoice["id"].as_str().map(str::to_owned) else {
        return Err(Problem::Failed("the API answered without an id".to_owned()));
    };
    if invoice["state"] == "draft" {
        let path = format!("/invoices/{id}/validate");
        let answer = load.client.post(&path, Some(&idempotency_key(&path, &Value::Null)), None).await?;
        invoice = match (answer.status, answer.code().as_str()) {
            (200, _) => answer.body,
            // By an earlier run, whose keys are forgotten.
            (409, "invoice_state_conflict") => load.client.get(&format!("/invoices/{id}"), &[]).await?.body,
            (400..=499, _) => return Err(Problem::Refused(refusal(&answer))),
            _ => return Err(Problem::unexpected(&path, &answer)),
        };
    }
    let Some(number) = invoice["number"].as_str().map(str::to_owned) else {
        return Err(Problem::Failed(format!("the API gives invoice {id} no number")));
    };
    Ok(Numbered { id, number, customer: sold.customer.clone(), is_consumer: sold.is_consumer })
}

/// Makes a credit note of each return.
pub(super) async fn credit(load: &Load, concurrency: usize, progress: &Progress) {
    let back = load.books.take_back();
    progress.begin("credits", back.len() as u64);
    let turns = Turns::new();
    let turns = &turns;
    futures::stream::iter((0..).zip(back))
        .for_each_concurrent(concurrency, |(number, back): (u64, Back)| async move {
            // The API drafts and numbers it at once.
            turns.wait(number).await;
            let outcome = if load.is_stopped() { None } else { Some(credit_note(load, &back).await) };
            turns.pass();
            match outcome {
                Some(Ok(())) => load.with_report(|report| report.credit_notes += 1),
                Some(Err(problem)) => load.not_documented(&back.reference, "credit note", problem),
                None => {}
            }
            progress.advance(1, 1, "credit notes");
        })
        .await;
}

async fn credit_note(load: &Load, back: &Back) -> Result<(), Problem> {
    let path = format!("/returns/{}/credit-note", back.id);
    let body = back.on.as_ref().map_or_else(|| json!({}), |day| json!({"issue_date": day}));
    let answer = load.client.post(&path, Some(&idempotency_key(&path, &body)), Some(&body)).await?;
    match (answer.status, answer.code().as_str()) {
        (200 | 201, _) => Ok(()),
        // By an earlier run, whose keys are forgotten.
        (409, "nothing_to_credit") => Ok(()),
        (400..=499, _) => Err(Problem::Refused(refusal(&answer))),
        _ => Err(Problem::unexpected(&path, &answer)),
    }
}

/// The first thing that is wrong, with where it is: in the draft, or of the company or the customer.
fn refusal(answer: &Answer) -> Refusal {
    let pointer = answer.body["errors"][0]["pointer"].as_str().unwrap_or_default();
    let message = format!("{pointer} {}", answer.message());
    Refusal::new(&answer.reason(), message.trim())
}

impl Load {
    /// Notes what could not be invoiced, credited or paid.
    pub(super) fn not_documented(&self, of: &str, what: &str, problem: Problem) {
        match problem {
            // As long as the company lacks something, no invoice can be made.
            Problem::Refused(refusal) if refusal.message.starts_with("/tenant/") => {
                self.stopped.store(true, Ordering::Relaxed);
                self.fail(
                    &format!("{what} of {of}: your company cannot invoice yet: {}", refusal.message),
                    1,
                );
            }
            Problem::Refused(refusal) => {
                self.with_report(|report| *report.not_documented.entry(refusal.code).or_default() += 1);
            }
            Problem::Failed(message) => self.fail(&format!("{what} of {of}: {message}"), 1),
            Problem::GaveUp(message) => {
                self.stopped.store(true, Ordering::Relaxed);
                self.fail(&format!("{what} of {of}: gave up: {message}"), 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_searched_for_by_its_words_and_no_more_than_the_api_takes() {
        assert_eq!((words("536365"), words("A-1/b 2")), ("536365".to_owned(), "A 1 b 2".to_owned()));
        assert_eq!(words(&"1-".repeat(50)), ["1"; WORDS].join(" "));
        assert_eq!(words("***"), "");
    }
}
