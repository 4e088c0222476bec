//! The services of all processes of both programs.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::services::{AskError, Handle, ServiceInProcess, ServiceView, grouped};
use serde_json::Value;
use uuid::Uuid;

use super::commands;
use super::of_all::indented;
use super::schema;
use crate::console::format::Moment;
use crate::console::forms::new_key;
use crate::console::layout::{self, Page};
use crate::console::status::Status;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::{Operators, operators as said};
use crate::error::ApiError;
use crate::extract::part;
use crate::routes::services::refused;

/// How many commands the pages show.
const COMMANDS: usize = 20;

#[derive(Template)]
#[template(path = "console/operators/services.html")]
struct ServicesPage {
    page: Page,
    w: &'static Operators,
    again: String,
    services: Vec<Row>,
    commands: Vec<commands::Row>,
}

struct Row {
    name: String,
    about: String,
    state: Status,
    health: Status,
    error: Option<String>,
    last_run: Option<Moment>,
    next_run: Option<Moment>,
    processes: usize,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    services: Data<Handle>,
) -> Result<HttpResponse, ApiError> {
    let w = Operators::of(visitor.language);
    let found = grouped(services.list().await.map_err(refused)?);
    let page = ServicesPage {
        page: visitor.page(w.services),
        w,
        again: request.path().to_owned(),
        services: found.into_iter().map(|service| row(service, &visitor, w)).collect(),
        commands: commands::latest(&services, &visitor, None, COMMANDS).await?,
    };
    layout::ok(&page)
}

fn row(service: ServiceView, visitor: &OperatorVisitor, w: &'static Operators) -> Row {
    let is_failing = service.health == "failing" || service.state == "failing";
    let reason = service.reason.or(service.health_reason).or(service.last_error);
    Row {
        state: state(&service.state, w),
        health: health(&service.health, w),
        error: reason.filter(|_| is_failing),
        last_run: service.last_started_at.map(|at| visitor.format.short(at)),
        next_run: service.next_run_at.map(|at| visitor.format.short(at)),
        processes: service.processes.len(),
        name: service.name,
        about: service.about,
    }
}

pub(super) fn state(name: &str, w: &'static Operators) -> Status {
    match name {
        "running" => Status::begun(w.running),
        "standby" => Status::draft(w.standby),
        "starting" => Status::open(w.starting),
        "finished" => Status::done(w.finished),
        "stopped" => Status::over(w.stopped),
        "off" => Status::over(w.off),
        "failing" => Status::failed(w.failing),
        _ => Status::open(w.waiting),
    }
}

pub(super) fn health(name: &str, w: &'static Operators) -> Status {
    match name {
        "ok" => Status::done(w.ok),
        "degraded" => Status::late(w.degraded),
        "failing" => Status::failed(w.failing),
        _ => Status::open(w.starting),
    }
}

#[derive(Template)]
#[template(path = "console/operators/service.html")]
struct ServicePage {
    page: Page,
    w: &'static Operators,
    again: String,
    name: String,
    about: String,
    state: Status,
    health: Status,
    reason: Option<String>,
    kind: String,
    schedule: Option<String>,
    scope: String,
    is_critical: bool,
    last_error: Option<String>,
    last_error_at: Option<Moment>,
    last_run: Option<Moment>,
    next_run: Option<Moment>,
    actions: Vec<Action>,
    processes: Vec<Process>,
    commands: Vec<commands::Row>,
}

struct Action {
    name: String,
    about: String,
    key: String,
    /// Whether it has parameters, and so a page of its own.
    has_form: bool,
}

struct Process {
    id: Uuid,
    name: String,
    program: String,
    state: Status,
    health: Status,
    reason: Option<String>,
    runs: String,
    failures: String,
    took: Option<String>,
    last_run: Option<Moment>,
    /// What it counted in its last run, and what it says of itself.
    figures: Option<String>,
}

pub(super) async fn one(
    request: HttpRequest,
    visitor: OperatorVisitor,
    services: Data<Handle>,
) -> Result<HttpResponse, ApiError> {
    let name: String = part(&request, "name")?;
    let found = grouped(services.list().await.map_err(refused)?).into_iter().find(|one| one.name == name);
    let service = found.ok_or_else(|| refused(AskError::NoSuchService(name)))?;
    let (w, format) = (Operators::of(visitor.language), &visitor.format);
    let actions = service.actions.iter().map(|offer| Action {
        name: offer.name.clone(),
        about: offer.about.clone(),
        key: new_key(),
        has_form: !schema::inputs(&offer.parameters, None).is_empty(),
    });
    let page = ServicePage {
        page: visitor.page(&service.name),
        w,
        again: request.path().to_owned(),
        state: state(&service.state, w),
        health: health(&service.health, w),
        is_critical: service.critical,
        last_error_at: service.last_error_at.map(|at| format.long(at)),
        last_run: service.last_started_at.map(|at| format.long(at)),
        next_run: service.next_run_at.map(|at| format.long(at)),
        actions: actions.collect(),
        commands: commands::latest(&services, &visitor, Some(&service.name), COMMANDS).await?,
        processes: service.processes.into_iter().map(|process| in_process(process, &visitor)).collect(),
        reason: service.reason.or(service.health_reason),
        kind: service.kind,
        schedule: service.schedule,
        scope: service.scope,
        last_error: service.last_error,
        name: service.name,
        about: service.about,
    };
    layout::ok(&page)
}

fn in_process(process: ServiceInProcess, visitor: &OperatorVisitor) -> Process {
    let (w, format) = (Operators::of(visitor.language), &visitor.format);
    let whole = |number: u64| format.whole(i64::try_from(number).unwrap_or(i64::MAX));
    let figures = [process.last_figures, process.info].into_iter().filter(|value| !is_empty(value));
    let figures: Vec<String> = figures.map(|value| indented(&value)).collect();
    Process {
        id: process.process,
        state: state(&process.state, w),
        health: health(&process.health, w),
        reason: process.reason.or(process.health_reason).or(process.last_error),
        runs: whole(process.runs),
        failures: whole(process.failures),
        took: process.last_duration_ms.map(|ms| said::duration(ms as f64 / 1000.0, visitor.language)),
        last_run: process.last_started_at.map(|at| format.short(at)),
        figures: (!figures.is_empty()).then(|| figures.join("\n")),
        name: process.process_name,
        program: process.program,
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_none_or(serde_json::Map::is_empty)
}
