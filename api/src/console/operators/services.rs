//! The services of all processes of both programs.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use comptoir_core::services::{Handle, ServiceView, grouped};

use crate::console::format::Moment;
use crate::console::layout::{self, Page, go};
use crate::console::status::Status;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::Operators;
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "console/operators/services.html")]
struct ServicesPage {
    page: Page,
    w: &'static Operators,
    services: Vec<Row>,
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

/// Until there is an overview.
pub(super) async fn to_services(_: OperatorVisitor) -> HttpResponse {
    go("/console/operators/services")
}

pub(super) async fn show(
    visitor: OperatorVisitor,
    services: Data<Handle>,
) -> Result<HttpResponse, ApiError> {
    let w = Operators::of(visitor.language);
    let found = services.list().await.map_err(|error| {
        let detail = "what services do cannot be read now";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).with_cause(error)
    })?;
    let rows = grouped(found).into_iter().map(|service| row(service, &visitor, w)).collect();
    layout::ok(&ServicesPage { page: visitor.page(w.services), w, services: rows })
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

fn state(name: &str, w: &'static Operators) -> Status {
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

fn health(name: &str, w: &'static Operators) -> Status {
    match name {
        "ok" => Status::done(w.ok),
        "degraded" => Status::late(w.degraded),
        "failing" => Status::failed(w.failing),
        _ => Status::open(w.starting),
    }
}
