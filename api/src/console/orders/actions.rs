//! What is done with an order, by the commands of the API.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::{Answer, StoredResponse};
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::orders::{
    self, ApproveOrder, CancelOrder, CancelRest, CancellationReason, ConfirmOrder, OrderView,
};
use comptoir_core::values::ids::OrderId;

use super::one::written;
use crate::console::answers::{follow, leads_there};
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::names;
use crate::console::typography::Word;
use crate::console::undone::Undone;
use crate::console::visitor::Visitor;
use crate::console::words::Orders;
use crate::error::ApiError;
use crate::extract::part;

/// What is stored under the form's key: where the browser is sent, at the first click and at the second.
pub(super) fn leads_to(
    done: &'static str,
) -> impl Fn(OrderView) -> Result<StoredResponse, Error> + Send + Sync {
    move |order: OrderView| Ok(leads_there(format!("/console/orders/{}?done={done}", order.summary.id)))
}

pub(super) async fn confirm(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: OrderId = part(&request, "id")?;
    let command = ConfirmOrder { id, expected_version: Some(form.version()?) };
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, leads_to("confirmed")).await;
    done(answer, &visitor, &database, id).await
}

pub(super) async fn approve(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: OrderId = part(&request, "id")?;
    let command = ApproveOrder { id, expected_version: Some(form.version()?) };
    let answer = executor.execute(visitor.context.clone(), form.key()?, command, leads_to("approved")).await;
    done(answer, &visitor, &database, id).await
}

/// Leads on, or shows the order as it is now and why nothing was done.
async fn done(
    answer: Result<Answer, Error>,
    visitor: &Visitor,
    database: &TenantDatabase,
    id: OrderId,
) -> Result<HttpResponse, ApiError> {
    let error = match answer {
        Ok(answer) => return Ok(follow(answer, "/console/orders")),
        Err(error) => ApiError::from(error),
    };
    let undone = Undone::of(error, visitor.language)?;
    written(visitor, database, id, None, Some(undone)).await
}

#[derive(Template)]
#[template(path = "console/orders/cancel.html")]
struct CancelPage {
    page: Page,
    w: &'static Orders,
    faults: FormFaults,
    id: String,
    number: String,
    version: i64,
    key: String,
    reason: String,
    action: &'static str,
    hint: Word,
    submit: Word,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Order,
    Rest,
}

async fn ask(
    what: What,
    visitor: &Visitor,
    database: &TenantDatabase,
    id: OrderId,
    form: Option<(&Form, FormFaults)>,
) -> Result<HttpResponse, ApiError> {
    let w = Orders::of(visitor.language);
    let order = orders::get(database, &visitor.context, id).await?;
    let (title, action, hint, submit) = match what {
        What::Order => (w.cancel_title, "cancel", w.cancel_hint, w.cancel_do),
        What::Rest => (w.cancel_rest_title, "cancel-rest", w.cancel_rest_hint, w.cancel_rest_do),
    };
    let status = if form.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) = form.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let page = CancelPage {
        page: visitor.page(title),
        w,
        faults,
        id: id.to_string(),
        number: names::called(&order.summary, visitor),
        version: order.summary.version,
        key: form.map_or_else(new_key, Form::key_text),
        reason: form.and_then(|form| form.get("reason")).unwrap_or_default().to_owned(),
        action,
        hint,
        submit,
    };
    layout::show(status, &page)
}

pub(super) async fn show_cancel(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(What::Order, &visitor, &database, part(&request, "id")?, None).await
}

pub(super) async fn show_cancel_rest(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(What::Rest, &visitor, &database, part(&request, "id")?, None).await
}

pub(super) async fn cancel(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    end(What::Order, part(&request, "id")?, &visitor, &form, &executor, &database).await
}

pub(super) async fn cancel_rest(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    end(What::Rest, part(&request, "id")?, &visitor, &form, &executor, &database).await
}

async fn end(
    what: What,
    id: OrderId,
    visitor: &Visitor,
    form: &Form,
    executor: &Executor,
    database: &TenantDatabase,
) -> Result<HttpResponse, ApiError> {
    let reason = match form.get("reason") {
        Some(reason) => CancellationReason::parse(reason)
            .map_err(|refused| ApiError::invalid_field("/reason", refused.code, refused.message)),
        None => Err(ApiError::invalid_field("/reason", "missing_field", "reason is required")),
    };
    let reason = match reason {
        Ok(reason) => reason,
        Err(error) => {
            let faults = FormFaults::of(error, &["reason"], visitor.language)?;
            return ask(what, visitor, database, id, Some((form, faults))).await;
        }
    };
    let (context, key, expected_version) = (visitor.context.clone(), form.key()?, Some(form.version()?));
    let answer = match what {
        What::Order => {
            let command = CancelOrder { id, expected_version, reason };
            executor.execute(context, key, command, leads_to("cancelled")).await
        }
        What::Rest => {
            let command = CancelRest { id, expected_version, reason };
            executor.execute(context, key, command, leads_to("rest")).await
        }
    };
    done(answer, visitor, database, id).await
}
