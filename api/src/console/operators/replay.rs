//! Publishing the history again: the filters, a dry run first, and how far each replay is. The relay's service `replay` does it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::Utc;
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::services::faces::{Replay, ReplayHistory};
use comptoir_core::services::{ActionKind, AskError, Face, Handle};
use serde_json::Value;

use super::actions::{faults, send};
use super::commands;
use super::schema::{self, Input, written};
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page};
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;
use crate::routes::services::refused;

const ACTION: &str = "replay";
/// The field that the buttons of the form have.
const DRY_RUN: &str = "parameters.dry_run";
/// How many replays are shown.
const SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "console/operators/replay.html")]
struct ReplayPage {
    page: Page,
    w: &'static Operators,
    again: String,
    faults: FormFaults,
    key: String,
    inputs: Vec<Input>,
    is_asked: bool,
    commands: Vec<commands::Row>,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    services: Data<Handle>,
) -> Result<HttpResponse, ApiError> {
    let page = page(request.path(), &visitor, &services, None, FormFaults::default()).await?;
    layout::ok(&page)
}

/// The schema of the parameters: of the relay that is there, or else of this version.
async fn parameters(services: &Handle) -> Result<(Value, bool), ApiError> {
    match services.offer(Replay::NAME, ACTION).await {
        Ok(offer) => Ok((offer.parameters, true)),
        Err(AskError::NoSuchService(_) | AskError::Off { .. } | AskError::Unavailable(_)) => {
            Ok((ActionKind::new::<ReplayHistory>(ACTION, "").parameters, false))
        }
        Err(error) => Err(refused(error)),
    }
}

async fn page(
    path: &str,
    visitor: &OperatorVisitor,
    services: &Handle,
    form: Option<&Form>,
    faults: FormFaults,
) -> Result<ReplayPage, ApiError> {
    let w = Operators::of(visitor.language);
    let (schema, is_asked) = parameters(services).await?;
    let mut inputs = schema::inputs(&schema, form);
    inputs.retain(|input| input.name != DRY_RUN);
    for input in &mut inputs {
        if let Some((label, about)) = said::of_replay(&input.label, w) {
            (input.label, input.about) = (label.to_string(), about.to_string());
            input.is_english = false;
        }
    }
    Ok(ReplayPage {
        page: visitor.page(w.replay),
        w,
        again: path.to_owned(),
        faults,
        key: form.map_or_else(new_key, Form::key_text),
        inputs,
        is_asked,
        commands: commands::latest(services, visitor, Some(Replay::NAME), SHOWN).await?,
    })
}

/// Counts, or begins.
pub(super) async fn begin(
    request: HttpRequest,
    visitor: OperatorVisitor,
    form: Form,
    services: Data<Handle>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let (schema, _) = parameters(&services).await?;
    let mut wanted = schema::read(&schema, &form);
    // What is published while it runs is not published twice, and a dry run counts what is meant afterwards.
    if wanted["until"].is_null() {
        wanted["until"] = Value::String(written(Utc::now()));
    }
    match send(&visitor, &form, (Replay::NAME, ACTION), wanted, &services, &executor).await {
        Ok(sent) => Ok(sent),
        Err(error) if error.code() == "service_not_found" => {
            let page = page(request.path(), &visitor, &services, Some(&form), FormFaults::default()).await?;
            layout::show(StatusCode::CONFLICT, &page)
        }
        Err(error) => {
            let faults = faults(error, &schema::inputs(&schema, None), &visitor)?;
            let page = page(request.path(), &visitor, &services, Some(&form), faults).await?;
            layout::show(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}
