//! A deposit of an order: the draft of an invoice of a part of its price.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::error::Error;
use comptoir_core::application::idempotency::StoredResponse;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::invoices::InvoiceView;
use comptoir_core::commerce::orders;
use comptoir_core::values::ids::OrderId;
use comptoir_core::values::language::Language;
use serde_json::{Map, Value, json};

use crate::console::answers::{follow, leads_there};
use crate::console::format::typed_decimal;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::visitor::Visitor;
use crate::console::words::Orders;
use crate::console::{menu, names};
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::invoices::DepositRequest;

/// The fields, which are those of the API's body, too.
const FIELDS: &[&str] = &["percent", "amount", "due_on", "note"];

#[derive(Template)]
#[template(path = "console/orders/deposit.html")]
struct DepositPage {
    page: Page,
    w: &'static Orders,
    faults: FormFaults,
    id: String,
    number: String,
    /// What the order comes to without VAT; empty for whoever may not see prices.
    net: String,
    key: String,
    percent: String,
    amount: String,
    due_on: String,
    note: String,
}

async fn ask(
    visitor: &Visitor,
    database: &TenantDatabase,
    id: OrderId,
    form: Option<(&Form, FormFaults)>,
) -> Result<HttpResponse, ApiError> {
    let w = Orders::of(visitor.language);
    let summary = orders::get(database, &visitor.context, id).await?.summary;
    let status = if form.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) = form.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let typed = |name: &str| form.and_then(|form| form.get(name)).unwrap_or_default().to_owned();
    let net = summary.net_total.as_ref().map(|net| visitor.format.money(net, &summary.currency));
    let page = DepositPage {
        page: visitor.page(w.deposit_title),
        w,
        faults,
        id: id.to_string(),
        number: names::called(&summary, visitor),
        net: net.unwrap_or_default(),
        key: form.map_or_else(new_key, Form::key_text),
        percent: typed("percent"),
        amount: typed("amount"),
        due_on: typed("due_on"),
        note: typed("note"),
    };
    layout::show(status, &page)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(&visitor, &database, part(&request, "id")?, None).await
}

fn body(form: &Form, language: Language) -> Value {
    let mut body = Map::new();
    for name in FIELDS {
        let Some(typed) = form.get(name) else { continue };
        let is_number = matches!(*name, "percent" | "amount");
        let value = if is_number { typed_decimal(typed, language) } else { typed.to_owned() };
        body.insert((*name).to_owned(), json!(value));
    }
    Value::Object(body)
}

pub(super) async fn draft(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: OrderId = part(&request, "id")?;
    let read: Result<DepositRequest, Faults> = deserr::deserialize(body(&form, visitor.language));
    let command =
        read.map_err(ApiError::from).and_then(|body| body.into_command(id).map_err(ApiError::invalid));
    let command = match command {
        Ok(command) => command,
        Err(error) => {
            let faults = FormFaults::of(error, FIELDS, visitor.language)?;
            return ask(&visitor, &database, id, Some((&form, faults))).await;
        }
    };
    let shows_invoice = menu::may_see(&visitor.context.principal, "/console/invoices/{id}");
    let leads = move |invoice: InvoiceView| -> Result<StoredResponse, Error> {
        let location = if shows_invoice {
            format!("/console/invoices/{}", invoice.summary.id)
        } else {
            format!("/console/orders/{id}?done=deposit")
        };
        Ok(leads_there(location))
    };
    match executor.execute(visitor.context.clone(), form.key()?, command, leads).await {
        Ok(answer) => Ok(follow(answer, "/console/orders")),
        Err(error) => {
            let faults = FormFaults::of(error.into(), FIELDS, visitor.language)?;
            ask(&visitor, &database, id, Some((&form, faults))).await
        }
    }
}
