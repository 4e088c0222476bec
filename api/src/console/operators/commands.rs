//! What was asked of services: in lists, and one with its progress and its answer.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use chrono::{DateTime, Utc};
use comptoir_core::application::unit_of_work::Executor;
use comptoir_core::services::faces::{CancelReplay, Replay};
use comptoir_core::services::{Ask, AskError, CommandView, Face, Handle};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::of_all::indented;
use crate::console::format::Moment;
use crate::console::forms::{Form, FormFaults, new_key};
use crate::console::layout::{self, Page, go};
use crate::console::lists::Address;
use crate::console::status::Status;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;
use crate::export::{self, Exported};
use crate::extract::part;
use crate::routes::services::{accept, refused, wish_of};

/// How many commands an export has at most: those that were asked for last.
const EXPORTED: i64 = 10_000;

/// A command in a list.
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) service: String,
    pub(super) action: String,
    pub(super) state: Status,
    pub(super) asked_by: String,
    pub(super) asked: Moment,
    pub(super) error: Option<String>,
}

/// Returns the commands that were asked for last, of one service if it is named.
pub(super) async fn latest(
    services: &Handle,
    visitor: &OperatorVisitor,
    service: Option<&str>,
    most: usize,
) -> Result<Vec<Row>, ApiError> {
    // Those of one service are looked for among the last ones of all.
    let found = services.commands(200).await;
    let found = match found {
        // Without the services' log-in there are none.
        Err(AskError::Unavailable(_)) => return Ok(Vec::new()),
        found => found.map_err(refused)?,
    };
    let found = found.into_iter().map(CommandView::of);
    let found = found.filter(|command| service.is_none_or(|service| command.service == service));
    Ok(found.take(most).map(|command| row(command, visitor)).collect())
}

fn row(command: CommandView, visitor: &OperatorVisitor) -> Row {
    Row {
        id: command.id,
        state: state(&command.state, Operators::of(visitor.language)),
        asked: visitor.format.short(command.asked_at),
        service: command.service,
        action: command.action,
        asked_by: command.asked_by,
        error: command.error,
    }
}

fn state(name: &str, w: &'static Operators) -> Status {
    match name {
        "running" => Status::begun(w.running),
        "done" => Status::done(w.done),
        "failed" => Status::failed(w.failed),
        "expired" => Status::failed(w.expired),
        _ => Status::open(w.waiting),
    }
}

#[derive(Template)]
#[template(path = "console/operators/command.html")]
struct CommandPage {
    page: Page,
    w: &'static Operators,
    again: String,
    service: String,
    action: String,
    state: Status,
    is_over: bool,
    progress: Option<Progress>,
    error: Option<String>,
    /// The figures of the answer, or the answer itself.
    figures: Vec<(String, String)>,
    answer: Option<String>,
    parameters: String,
    asked_by: String,
    asked: Moment,
    deadline: Moment,
    ended: Option<Moment>,
    ran_in: Option<String>,
    correlation_id: Uuid,
    /// What a dry run leads to.
    go_on: Option<GoOn>,
    /// The key of the form that ends a replay, while it goes on.
    cancel: Option<String>,
    faults: FormFaults,
}

struct Progress {
    said: String,
    /// 0 to 100.
    share: i64,
}

/// The same action with the same parameters, in earnest.
struct GoOn {
    to: String,
    key: String,
    fields: Vec<(String, String)>,
    label: String,
    is_danger: bool,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    services: Data<Handle>,
) -> Result<HttpResponse, ApiError> {
    let page = page(part(&request, "id")?, &visitor, &services, FormFaults::default()).await?;
    layout::ok(&page)
}

async fn find(id: Uuid, services: &Handle) -> Result<CommandView, ApiError> {
    let found = services.command(id).await.map_err(refused)?;
    Ok(CommandView::of(found.ok_or_else(|| refused(AskError::NoSuchCommand(id)))?))
}

/// The process that plays the history again for this command just now.
fn replaying(command: &CommandView) -> Option<Uuid> {
    let is_replay = command.service == Replay::NAME && command.action == "replay";
    command.running_in.filter(|_| is_replay && !command.has_ended())
}

async fn page(
    id: Uuid,
    visitor: &OperatorVisitor,
    services: &Handle,
    faults: FormFaults,
) -> Result<CommandPage, ApiError> {
    let command = find(id, services).await?;
    let (w, format) = (Operators::of(visitor.language), &visitor.format);
    let is_over = command.has_ended();
    // It has its place from the beginning: nothing moves when it begins.
    let progress = (!is_over).then(|| match &command.progress {
        Some(progress) => Progress {
            said: said::progress(
                &format.whole(progress.done),
                progress.total.map(|total| format.whole(total)).as_deref(),
                visitor.language,
            ),
            share: progress
                .total
                .filter(|total| *total > 0)
                .map_or(0, |total| (progress.done * 100 / total).clamp(0, 100)),
        },
        None if command.state == "running" => Progress { said: w.running.to_string(), share: 0 },
        None => Progress { said: w.waits_still.to_string(), share: 0 },
    });
    Ok(CommandPage {
        page: visitor.page(said::command(&command.service, &command.action)),
        w,
        again: format!("/console/operators/commands/{id}"),
        state: state(&command.state, w),
        is_over,
        progress,
        figures: command.answer.as_ref().map(figures).unwrap_or_default(),
        answer: command.answer.as_ref().filter(|answer| !answer.is_null()).map(indented),
        parameters: indented(&command.parameters),
        asked: format.long(command.asked_at),
        deadline: format.long(command.deadline),
        ended: command.ended_at.map(|at| format.long(at)),
        ran_in: command.ran_in.as_ref().map(ToString::to_string),
        correlation_id: command.correlation_id,
        go_on: go_on(&command, visitor),
        cancel: replaying(&command).map(|_| new_key()),
        faults,
        service: command.service,
        action: command.action,
        error: command.error,
        asked_by: command.asked_by,
    })
}

/// Asks the process that replays to end it, and comes back to the page of the replay, which says how far it came.
pub(super) async fn cancel(
    request: HttpRequest,
    visitor: OperatorVisitor,
    form: Form,
    services: Data<Handle>,
    executor: Data<Executor>,
) -> Result<HttpResponse, ApiError> {
    let id: Uuid = part(&request, "id")?;
    let command = find(id, &services).await?;
    let Some(process) = replaying(&command) else {
        let faults = FormFaults::said(Operators::of(visitor.language).cancelled_since);
        let page = page(id, &visitor, &services, faults).await?;
        return layout::show(StatusCode::CONFLICT, &page);
    };
    let mut wish = wish_of(&visitor.context, Replay::NAME, CancelReplay::ACTION);
    wish.parameters = json!({ "command": id });
    // The replay goes on in this process alone.
    wish.process = Some(process);
    accept(visitor.context, form.key()?, wish, &services, &executor, "/parameters").await?;
    Ok(go(format!("/console/operators/commands/{id}")))
}

/// A line of the export.
#[derive(Serialize)]
struct Line {
    id: Uuid,
    service: String,
    action: String,
    state: String,
    asked_by: String,
    asked_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    deadline: DateTime<Utc>,
    parameters: Value,
    error: Option<String>,
    correlation_id: Uuid,
}

impl Exported for Line {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "service",
        "action",
        "state",
        "asked_by",
        "asked_at",
        "started_at",
        "ended_at",
        "deadline",
        "parameters",
        "error",
        "correlation_id",
    ];
}

/// What was asked of services last, of one of them if it is named.
pub(super) async fn export(
    request: HttpRequest,
    _: OperatorVisitor,
    services: Data<Handle>,
) -> Result<HttpResponse, ApiError> {
    let address = Address::of(&request);
    let found = services.commands(EXPORTED).await.map_err(refused)?.into_iter().map(CommandView::of);
    let found = found.filter(|command| address.get("service").is_none_or(|name| command.service == name));
    let lines: Vec<Line> = found.map(line).collect();
    export::csv_of("service-commands", &lines)
}

fn line(command: CommandView) -> Line {
    Line {
        id: command.id,
        service: command.service,
        action: command.action,
        state: command.state,
        asked_by: command.asked_by,
        asked_at: command.asked_at,
        started_at: command.started_at,
        ended_at: command.ended_at,
        deadline: command.deadline,
        parameters: command.parameters,
        error: command.error,
        correlation_id: command.correlation_id,
    }
}

/// The members of an answer that are no objects, by name.
fn figures(answer: &Value) -> Vec<(String, String)> {
    let members = answer.as_object().into_iter().flatten();
    let plain = members.filter_map(|(name, value)| {
        let shown = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return None,
        };
        Some((name.clone(), shown))
    });
    plain.collect()
}

/// What follows a dry run that found something.
fn go_on(command: &CommandView, visitor: &OperatorVisitor) -> Option<GoOn> {
    if command.state != "done" || command.parameters["dry_run"] != Value::Bool(true) {
        return None;
    }
    let answer = command.answer.as_ref()?;
    let number =
        answer["count"].as_i64().or_else(|| answer["total"].as_i64()).filter(|number| *number > 0)?;
    let fields = command.parameters.as_object()?.iter().filter(|(name, _)| *name != "dry_run");
    let fields = fields.filter_map(|(name, value)| Some((format!("parameters.{name}"), as_typed(value)?)));
    Some(GoOn {
        to: format!("/console/operators/services/{}/actions/{}", command.service, command.action),
        key: new_key(),
        fields: fields.collect(),
        label: said::go_on(&command.action, &visitor.format.whole(number), visitor.language),
        is_danger: command.action == "discard",
    })
}

/// A value as it would be typed into the form of the action (`schema.rs`).
fn as_typed(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("true".to_owned()),
        Value::Array(values) => Some(values.iter().filter_map(as_typed).collect::<Vec<_>>().join("\n")),
        Value::Null | Value::Bool(false) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answers_plain_members_are_figures_and_parameters_are_typed_again() {
        let answer = json!({"count": 3, "left": [], "operation_id": "a"});
        assert_eq!(
            figures(&answer),
            [("count".to_owned(), "3".to_owned()), ("operation_id".to_owned(), "a".to_owned())]
        );
        assert_eq!(as_typed(&json!(["a", "b"])).as_deref(), Some("a\nb"));
        assert_eq!(as_typed(&json!(false)), None);
    }
}
