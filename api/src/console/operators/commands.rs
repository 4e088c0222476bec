//! What was asked of services: in lists, and one with its progress and its answer.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::services::{AskError, CommandView, Handle};
use serde_json::Value;
use uuid::Uuid;

use super::of_all::indented;
use crate::console::format::Moment;
use crate::console::forms::new_key;
use crate::console::layout::{self, Page};
use crate::console::status::Status;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;
use crate::extract::part;
use crate::routes::services::refused;

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
    let id: Uuid = part(&request, "id")?;
    let found = services.command(id).await.map_err(refused)?;
    let command = CommandView::of(found.ok_or_else(|| refused(AskError::NoSuchCommand(id)))?);
    let (w, format) = (Operators::of(visitor.language), &visitor.format);
    let is_over = command.has_ended();
    let progress = command.progress.filter(|_| !is_over).map(|progress| Progress {
        said: said::progress(
            &format.whole(progress.done),
            progress.total.map(|total| format.whole(total)).as_deref(),
            visitor.language,
        ),
        share: progress
            .total
            .filter(|total| *total > 0)
            .map_or(0, |total| (progress.done * 100 / total).clamp(0, 100)),
    });
    let page = CommandPage {
        page: visitor.page(said::command(&command.service, &command.action)),
        w,
        again: request.path().to_owned(),
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
        go_on: go_on(&command, &visitor),
        service: command.service,
        action: command.action,
        error: command.error,
        asked_by: command.asked_by,
    };
    layout::ok(&page)
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
    use serde_json::json;

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
