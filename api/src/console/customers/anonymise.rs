//! A customer whom no law keeps is anonymised.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use comptoir_core::application::TenantDatabase;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::commerce::customers::{self, AnonymisationReason, AnonymiseCustomer, CustomerView};
use comptoir_core::values::ids::CustomerId;

use super::PATH;
use crate::console::answers::leads_to;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout;
use crate::console::parts::save::refused;
use crate::console::parts::{FormPage, Input, Kind, Link, Saved, Section, Spec, Values, saved};
use crate::console::visitor::Visitor;
use crate::console::words::{Customers, Parts};
use crate::error::ApiError;
use crate::extract::part;

const SPEC: Spec = Spec { members: &[("reason", Kind::Text)], groups: &[], lists: &[] };

/// Asks for the reason; `sent` is the form that was sent, and why nothing was done.
async fn ask(
    id: CustomerId,
    visitor: &Visitor,
    database: &TenantDatabase,
    sent: Option<(&Form, Saved)>,
) -> Result<HttpResponse, ApiError> {
    let w = Customers::of(visitor.language);
    let customer = customers::get(database, &visitor.context, id).await?;
    let values =
        sent.as_ref().map(|(form, _)| Values::of_form(form, &SPEC, visitor.language)).unwrap_or_default();
    let key = sent.as_ref().map_or_else(new_key, |(form, _)| form.key_text());
    let (status, faults, is_outdated) = match sent {
        None => (StatusCode::OK, FormFaults::default(), false),
        Some((_, Saved::Refused(faults))) => (StatusCode::UNPROCESSABLE_ENTITY, faults, false),
        Some(_) => (StatusCode::CONFLICT, FormFaults::default(), true),
    };
    let reason = Input::text(&values, "reason", w.reason).required().hint(w.reason_hint);
    let page = FormPage {
        page: visitor.page(w.anonymise_title),
        w: Parts::of(visitor.language),
        faults,
        crumb: Link::new(format!("{PATH}/{id}"), format!("{} {}", customer.code, customer.name)),
        hint: w.anonymise_hint.to_string(),
        action: format!("{PATH}/{id}/anonymise"),
        key,
        version: Some(customer.version),
        is_outdated,
        versions: None,
        sections: vec![Section::new("", vec![reason])],
        submit: w.anonymise_title.to_string(),
        is_danger: true,
    };
    layout::show(status, &page)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: Visitor,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    ask(part(&request, "id")?, &visitor, &database, None).await
}

pub(super) async fn anonymise(
    request: HttpRequest,
    visitor: Visitor,
    form: Form,
    executor: Data<Executor>,
    database: Data<TenantDatabase>,
) -> Result<HttpResponse, ApiError> {
    let id: CustomerId = part(&request, "id")?;
    let reason = match form.get("reason") {
        Some(reason) => AnonymisationReason::parse(reason)
            .map_err(|wrong| ApiError::invalid_field("/reason", wrong.code, wrong.message)),
        None => Err(ApiError::invalid_field("/reason", "missing_field", "reason is required")),
    };
    let outcome = match reason {
        Ok(reason) => {
            let command = AnonymiseCustomer { id, expected_version: Some(form.version()?), reason };
            let to = leads_to(|view: &CustomerView| format!("{PATH}/{}?done=anonymised", view.id));
            let answer = executor.execute(visitor.context.clone(), form.key()?, command, to).await;
            saved(answer, &SPEC.fields(), &visitor)?
        }
        Err(error) => refused(error, &SPEC.fields(), &visitor)?,
    };
    match outcome {
        Saved::Done(response) => Ok(response),
        other => ask(id, &visitor, &database, Some((&form, other))).await,
    }
}
