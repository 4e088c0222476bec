//! One payment: what it pays, and its reversal.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::invoices;
use comptoir_core::commerce::payments::{self, PaymentView};
use comptoir_core::values::ids::PaymentId;
use serde_json::json;

use crate::console::answers::{follow, leads_to};
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::lists::Address;
use crate::console::names;
use crate::console::visitor::Visitor;
use crate::console::words::{Payments, payments as said};
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::payments::ReversePaymentRequest;

/// How many invoices are shown with their numbers.
const NAMED: usize = 50;

#[derive(Template)]
#[template(path = "console/payments/one.html")]
struct PaymentPage {
    page: Page,
    w: &'static Payments,
    id: String,
    customer: String,
    of_customer: String,
    received: String,
    method: &'static str,
    reference: Option<String>,
    reason: Option<String>,
    reverses: Option<String>,
    recorded_by: String,
    rest: String,
    paid: Vec<Paid>,
    may_reverse: bool,
}

struct Paid {
    id: String,
    number: String,
    amount: String,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: PaymentId = part(&request, "id")?;
    let w = Payments::of(visitor.language);
    let PaymentView { summary, allocations, rest } = payments::get(&database, &visitor.context, id).await?;
    let names = names::of_customers(&database, &visitor, std::iter::once(summary.customer_id)).await?;
    let mut paid = Vec::with_capacity(allocations.len());
    for (index, one) in allocations.iter().enumerate() {
        let number = if index < NAMED && visitor.may(Permission::InvoicesRead) {
            invoices::get(&database, &visitor.context, one.invoice_id).await?.summary.number
        } else {
            None
        };
        let id = one.invoice_id.to_string();
        paid.push(Paid {
            number: number.unwrap_or_else(|| id.clone()),
            id,
            amount: visitor.money(&one.amount),
        });
    }
    let notice = match Address::of(&request).get("done") {
        Some("received") => Some(w.done_received),
        Some("reversed") => Some(w.done_reversed),
        _ => None,
    };
    let page = PaymentPage {
        page: visitor.page(visitor.money(&summary.amount)).saying(notice).about("payment.*"),
        w,
        id: id.to_string(),
        customer: names.get(&summary.customer_id).cloned().unwrap_or_default(),
        of_customer: format!("/console/payments?customer_id={}", summary.customer_id),
        received: visitor.format.business_day(summary.received_on),
        method: said::method(summary.method, visitor.language),
        reference: summary.reference,
        reason: summary.reason,
        may_reverse: summary.reverses.is_none() && visitor.may(Permission::PaymentsWrite),
        reverses: summary.reverses.map(|id| id.to_string()),
        recorded_by: summary.created_by,
        rest: visitor.money(&rest),
        paid,
    };
    layout::ok(&page)
}

#[derive(Template)]
#[template(path = "console/payments/reverse.html")]
struct ReversePage {
    page: Page,
    w: &'static Payments,
    faults: FormFaults,
    id: String,
    amount: String,
    key: String,
    reason: String,
}

async fn ask(
    visitor: &Visitor,
    database: &TenantDatabase,
    id: PaymentId,
    form: Option<(&Form, FormFaults)>,
) -> Result<HttpResponse, ApiError> {
    let w = Payments::of(visitor.language);
    let payment = payments::get(database, &visitor.context, id).await?;
    let status = if form.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) = form.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let page = ReversePage {
        page: visitor.page(w.reverse_title),
        w,
        faults,
        id: id.to_string(),
        amount: visitor.money(&payment.summary.amount),
        key: form.map_or_else(new_key, Form::key_text),
        reason: form.and_then(|form| form.get("reason")).unwrap_or_default().to_owned(),
    };
    layout::show(status, &page)
}

pub(super) async fn show_reverse(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(&visitor, &database, part(&request, "id")?, None).await
}

pub(super) async fn reverse(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: PaymentId = part(&request, "id")?;
    let body = form.get("reason").map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    let read: Result<ReversePaymentRequest, Faults> = deserr::deserialize(body);
    let error = match read {
        Ok(asked) => {
            let command = asked.into_command(id);
            let to =
                leads_to(|view: &PaymentView| format!("/console/payments/{}?done=reversed", view.summary.id));
            match executor.execute(visitor.context.clone(), form.key()?, command, to).await {
                Ok(answer) => return Ok(follow(answer, "/console/payments")),
                Err(error) => ApiError::from(error),
            }
        }
        Err(wrong) => wrong.into(),
    };
    let faults = FormFaults::of(error, &["reason"], visitor.language)?;
    ask(&visitor, &database, id, Some((&form, faults))).await
}
