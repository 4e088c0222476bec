//! What is done with an invoice, by the commands of the API.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::Answer;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::application::{Permission, TenantDatabase};
use comptoir_core::commerce::customers;
use comptoir_core::commerce::invoices::{
    self, DeleteInvoice, InvoiceKind, InvoiceState, InvoiceSummary, InvoiceView, ValidateInvoice,
};
use comptoir_core::commerce::receivables::{DisputeInvoice, EndDispute};
use comptoir_core::commerce::sending::{MarkSent, SendInvoice, SendingView};
use comptoir_core::mail::Policies;
use comptoir_core::values::ids::InvoiceId;
use comptoir_core::values::invalid::FieldError;
use deserr::Deserr;
use serde_json::{Value, json};

use super::draft::{self, Shown};
use super::one::{Undone, written};
use super::state;
use crate::console::answers::{follow, leads_to};
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::visitor::Visitor;
use crate::console::words::{Invoices, faults};
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::sending::{DisputeInvoiceRequest, InvoiceSentRequest, SendInvoiceRequest};

const LIST: &str = "/console/invoices";

/// Reads a body of the API from what a form has.
pub(super) fn read<T: Deserr<Faults>>(body: Value) -> Result<T, ApiError> {
    let read: Result<T, Faults> = deserr::deserialize(body);
    read.map_err(ApiError::from)
}

pub(super) fn page_of(id: InvoiceId, done: &str) -> String {
    format!("{LIST}/{id}?done={done}")
}

/// Leads on, or shows the invoice as it is now and why nothing was done.
async fn done(
    answer: Result<Answer, Error>,
    visitor: &Visitor,
    database: &TenantDatabase,
    id: InvoiceId,
) -> Result<HttpResponse, ApiError> {
    match answer {
        Ok(answer) => Ok(follow(answer, LIST)),
        Err(error) => undone(error.into(), visitor, database, id).await,
    }
}

async fn undone(
    error: ApiError,
    visitor: &Visitor,
    database: &TenantDatabase,
    id: InvoiceId,
) -> Result<HttpResponse, ApiError> {
    let undone = match error.status() {
        StatusCode::PRECONDITION_FAILED => Undone::Outdated,
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            Undone::Refused(sentences(&error, visitor))
        }
        _ => return Err(error),
    };
    written(visitor, database, id, None, Some(undone)).await
}

/// Each reason of a refusal once, for a page that has no fields for them.
fn sentences(error: &ApiError, visitor: &Visitor) -> Vec<String> {
    if error.fields().is_empty() {
        return vec![faults::whole(error, visitor.language)];
    }
    let mut said: Vec<String> = Vec::new();
    for fault in error.fields() {
        let sentence = faults::field(fault, visitor.language);
        if !said.contains(&sentence) {
            said.push(sentence);
        }
    }
    said
}

/// Asks before a draft gets its number, which nobody takes back.
#[derive(Template)]
#[template(path = "console/invoices/validate.html")]
struct ValidatePage {
    page: Page,
    w: &'static Invoices,
    id: String,
    number: String,
    version: i64,
    key: String,
    /// Whom it is for, if this person may know.
    customer: Option<String>,
    net: Option<String>,
}

pub(super) async fn show_validate(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InvoiceId = part(&request, "id")?;
    let w = Invoices::of(visitor.language);
    let summary = invoices::get(&database, &visitor.context, id).await?.summary;
    if summary.state != InvoiceState::Draft {
        return Ok(layout::go(format!("{LIST}/{id}")));
    }
    let draft = invoices::get_draft(&database, &visitor.context, id).await?;
    let customer = if visitor.may(Permission::CustomersRead) {
        Some(customers::get(&database, &visitor.context, draft.customer_id).await?.name)
    } else {
        None
    };
    layout::ok(&ValidatePage {
        page: visitor.page(w.validate_title),
        w,
        id: id.to_string(),
        number: state::number(&summary, w),
        // That of what is shown.
        version: draft.version,
        key: new_key(),
        customer,
        net: draft.net_so_far.as_ref().map(|net| visitor.money(net)),
    })
}

/// Gives a draft its number. What is missing or wrong is shown at its field, where the draft can be changed.
pub(super) async fn validate(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InvoiceId = part(&request, "id")?;
    let command = ValidateInvoice { id, expected_version: Some(form.version()?) };
    let to = leads_to(move |_: &InvoiceView| page_of(id, "validated"));
    let error = match executor.execute(visitor.context.clone(), form.key()?, command, to).await {
        Ok(answer) => return Ok(follow(answer, LIST)),
        Err(error) => ApiError::from(error),
    };
    let is_about_values = matches!(error.status(), StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY)
        && !error.fields().is_empty()
        && visitor.may(Permission::InvoicesWrite);
    if !is_about_values {
        return undone(error, &visitor, &database, id).await;
    }
    let seen = invoices::get_draft(&database, &visitor.context, id).await?;
    if seen.kind != InvoiceKind::Invoice {
        return undone(error, &visitor, &database, id).await;
    }
    let faults = FormFaults::of(in_draft(&error), draft::FIELDS, visitor.language)?;
    draft::again(&seen, &visitor, &database, Shown { faults, is_refused_number: true, ..Shown::default() })
        .await
}

/// The same refusal with the pointers of the draft's own fields: `/draft/lines/0/vat` is typed in `lines.0.vat.rate`.
fn in_draft(error: &ApiError) -> ApiError {
    let moved = |fault: &FieldError| {
        let pointer = fault.pointer.strip_prefix("/draft").unwrap_or(&fault.pointer);
        FieldError { pointer: draft::typed_in(pointer), ..fault.clone() }
    };
    ApiError::invalid(error.fields().iter().map(moved).collect())
}

pub(super) async fn send(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
    policies: Data<Policies>,
) -> Result<HttpResponse, ApiError> {
    let id: InvoiceId = part(&request, "id")?;
    let asked: SendInvoiceRequest = read(json!({ "channel": form.get("channel") }))?;
    let command = SendInvoice { id, channel: asked.channel, policies: Policies::clone(&policies) };
    let to = leads_to(move |_: &SendingView| page_of(id, "asked"));
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
    done(answer, &visitor, &database, id).await
}

/// The customer has it: it was downloaded, and handed over.
pub(super) async fn mark_sent(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InvoiceId = part(&request, "id")?;
    let said: InvoiceSentRequest = read(json!({ "channel": "download" }))?;
    let command = MarkSent { id, expected_version: Some(form.version()?), channel: said.channel.0 };
    let to = leads_to(move |_: &InvoiceSummary| page_of(id, "sent"));
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
    done(answer, &visitor, &database, id).await
}

pub(super) async fn end_dispute(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InvoiceId = part(&request, "id")?;
    let command = EndDispute { id, expected_version: Some(form.version()?) };
    let to = leads_to(move |_: &InvoiceSummary| page_of(id, "settled"));
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
    done(answer, &visitor, &database, id).await
}

/// A page that asks before something is done.
#[derive(Template)]
#[template(path = "console/invoices/ask.html")]
struct AskPage {
    page: Page,
    w: &'static Invoices,
    faults: FormFaults,
    id: String,
    number: String,
    version: i64,
    key: String,
    reason: String,
    is_dispute: bool,
}

async fn ask(
    is_dispute: bool,
    visitor: &Visitor,
    database: &TenantDatabase,
    id: InvoiceId,
    form: Option<(&Form, FormFaults)>,
) -> Result<HttpResponse, ApiError> {
    let w = Invoices::of(visitor.language);
    let summary = invoices::get(database, &visitor.context, id).await?.summary;
    let status = if form.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) = form.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let page = AskPage {
        page: visitor.page(if is_dispute { w.dispute_title } else { w.delete_title }),
        w,
        faults,
        id: id.to_string(),
        number: state::number(&summary, w),
        version: summary.version,
        key: form.map_or_else(new_key, Form::key_text),
        reason: form.and_then(|form| form.get("reason")).unwrap_or_default().to_owned(),
        is_dispute,
    };
    layout::show(status, &page)
}

pub(super) async fn show_dispute(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(true, &visitor, &database, part(&request, "id")?, None).await
}

pub(super) async fn show_delete(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(false, &visitor, &database, part(&request, "id")?, None).await
}

pub(super) async fn dispute(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InvoiceId = part(&request, "id")?;
    let body = form.get("reason").map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    let said: DisputeInvoiceRequest = match read(body) {
        Ok(said) => said,
        Err(error) => {
            let faults = FormFaults::of(error, &["reason"], visitor.language)?;
            return ask(true, &visitor, &database, id, Some((&form, faults))).await;
        }
    };
    let command = DisputeInvoice { id, expected_version: Some(form.version()?), reason: said.reason };
    let to = leads_to(move |_: &InvoiceSummary| page_of(id, "disputed"));
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
    done(answer, &visitor, &database, id).await
}

pub(super) async fn delete(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: InvoiceId = part(&request, "id")?;
    let command = DeleteInvoice { id, expected_version: Some(form.version()?) };
    let to = leads_to(|(): &()| format!("{LIST}?done=deleted"));
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
    done(answer, &visitor, &database, id).await
}
