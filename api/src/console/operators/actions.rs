//! Asking a service for one of its actions: the form that its schema makes, and the command. As the API's route does it,
//! what is asked stands in the operators' trail before it is asked.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::services::{Handle, Offer};
use serde_json::Value;

use super::schema::{self, Input};
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page, go};
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;
use crate::extract::part;
use crate::routes::services::{accept, refused, wish_of};

/// Where the parameters stand in the names of the form's fields.
const PARAMETERS: &str = "/parameters";

#[derive(Template)]
#[template(path = "console/operators/action.html")]
struct ActionPage {
    page: Page,
    w: &'static Operators,
    faults: FormFaults,
    key: String,
    service: String,
    action: String,
    about: String,
    inputs: Vec<Input>,
    limit: String,
}

/// Asks, and leads to the page of the command.
///
/// # Errors
/// As the API's route: 404 without such a service or action, 409 if it is off, 422 for parameters that it does not take.
pub(super) async fn send(
    visitor: &OperatorVisitor,
    form: &Form,
    (service, action): (&str, &str),
    parameters: Value,
    services: &Handle,
    executor: &Executor,
) -> Result<HttpResponse, ApiError> {
    let mut wish = wish_of(&visitor.context, service, action);
    wish.parameters = parameters;
    let accepted = accept(visitor.context.clone(), form.key()?, wish, services, executor, PARAMETERS);
    let (_, promised) = accepted.await?;
    Ok(go(format!("/console/operators/commands/{}", promised.id)))
}

/// The names of the fields, for the reasons of a refusal.
pub(super) fn faults(
    error: ApiError,
    inputs: &[Input],
    visitor: &OperatorVisitor,
) -> Result<FormFaults, ApiError> {
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    FormFaults::of(error, &names, visitor.language)
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    services: Data<Handle>,
) -> Result<HttpResponse, ApiError> {
    let (service, action): (String, String) = (part(&request, "name")?, part(&request, "action")?);
    let offer = services.offer(&service, &action).await.map_err(refused)?;
    let page = page(&visitor, service, offer, None, FormFaults::default());
    layout::ok(&page)
}

pub(super) async fn act(
    request: HttpRequest,
    visitor: OperatorVisitor,
    form: Form,
    services: Data<Handle>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let (service, action): (String, String) = (part(&request, "name")?, part(&request, "action")?);
    let offer = services.offer(&service, &action).await.map_err(refused)?;
    let parameters = schema::read(&offer.parameters, &form);
    match send(&visitor, &form, (&service, &action), parameters, &services, &executor).await {
        Ok(sent) => Ok(sent),
        Err(error) => {
            let faults = faults(error, &schema::inputs(&offer.parameters, None), &visitor)?;
            let page = page(&visitor, service, offer, Some(&form), faults);
            layout::show(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

fn page(
    visitor: &OperatorVisitor,
    service: String,
    offer: Offer,
    form: Option<&Form>,
    faults: FormFaults,
) -> ActionPage {
    let limit = u32::try_from(offer.time_limit_seconds).unwrap_or(u32::MAX);
    ActionPage {
        page: visitor.page(said::command(&service, &offer.name)),
        w: Operators::of(visitor.language),
        faults,
        key: form.map_or_else(new_key, Form::key_text),
        inputs: schema::inputs(&offer.parameters, form),
        limit: said::duration(f64::from(limit), visitor.language),
        service,
        action: offer.name,
        about: offer.about,
    }
}
