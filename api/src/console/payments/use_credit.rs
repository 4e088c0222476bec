//! What earlier payments and credit notes of a customer have left, used to pay invoices.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::payments::{self, BalanceView};
use comptoir_core::values::ids::CustomerId;
use serde_json::{Map, Value};

use super::allocate::{self, Open};
use crate::console::answers::{follow, leads_to};
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::names;
use crate::console::visitor::Visitor;
use crate::console::words::Payments;
use crate::error::ApiError;
use crate::extract::{Faults, part};
use crate::routes::payments::UseCreditRequest;

#[derive(Template)]
#[template(path = "console/payments/use_credit.html")]
struct UsePage {
    page: Page,
    w: &'static Payments,
    faults: FormFaults,
    key: String,
    id: String,
    customer: String,
    credit: String,
    is_named: bool,
    open: Vec<Open>,
}

async fn written(
    id: CustomerId,
    visitor: &Visitor,
    database: &TenantDatabase,
    open: Vec<Open>,
    form: Option<(&Form, FormFaults)>,
) -> Result<HttpResponse, ApiError> {
    let w = Payments::of(visitor.language);
    let balance = payments::balance(database, &visitor.context, id).await?;
    let names = names::of_customers(database, visitor, std::iter::once(id)).await?;
    let status = if form.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (form, faults) = form.map_or((None, FormFaults::default()), |(form, faults)| (Some(form), faults));
    let page = UsePage {
        page: visitor.page(w.use_title),
        w,
        faults,
        key: form.map_or_else(new_key, Form::key_text),
        id: id.to_string(),
        customer: names.get(&id).cloned().unwrap_or_default(),
        credit: visitor.money(&balance.credit),
        is_named: form.is_some_and(|form| form.get("what") == Some("named")),
        open,
    };
    layout::show(status, &page)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: CustomerId = part(&request, "id")?;
    let open = allocate::open(id, None, &visitor, &database).await?;
    written(id, &visitor, &database, open, None).await
}

pub(super) async fn use_credit(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: CustomerId = part(&request, "id")?;
    let (named, ids) = allocate::named(&form, visitor.language);
    let body: Map<String, Value> = named.map(|named| ("invoices".to_owned(), named)).into_iter().collect();
    let read: Result<UseCreditRequest, Faults> = deserr::deserialize(Value::Object(body));
    let error = match read {
        Ok(asked) => {
            let to =
                leads_to(move |_: &BalanceView| format!("/console/payments?customer_id={id}&done=credit"));
            match executor.execute(visitor.context.clone(), form.key()?, asked.into_command(id), to).await {
                Ok(answer) => return Ok(follow(answer, "/console/payments")),
                Err(error) => ApiError::from(error),
            }
        }
        Err(wrong) => wrong.into(),
    };
    let open = allocate::open(id, Some(&form), &visitor, &database).await?;
    let faults =
        FormFaults::of(allocate::in_rows(error, &ids, &open), &["invoices.*.amount"], visitor.language)?;
    written(id, &visitor, &database, open, Some((&form, faults))).await
}
