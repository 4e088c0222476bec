//! How the services of each process are, with the reasons of those that are not well.

use std::collections::BTreeMap;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use comptoir_core::services::{Handle, ServiceView, grouped};
use uuid::Uuid;

use super::services::health;
use crate::console::format::Moment;
use crate::console::layout::{self, Page};
use crate::console::status::Status;
use crate::console::visitor::OperatorVisitor;
use crate::console::words::Operators;
use crate::error::ApiError;
use crate::routes::services::refused;

/// A service that is not well in a process.
pub(super) struct Trouble {
    pub(super) service: String,
    pub(super) process: String,
    pub(super) health: Status,
    pub(super) reason: String,
    pub(super) checked: Moment,
}

/// Returns the services that are not well, the failing ones first.
pub(super) fn troubles(services: &[ServiceView], visitor: &OperatorVisitor) -> Vec<Trouble> {
    let w = Operators::of(visitor.language);
    let mut found = Vec::new();
    for service in services {
        for process in &service.processes {
            let is_failing = process.state == "failing" || process.health == "failing";
            if !is_failing && process.health != "degraded" {
                continue;
            }
            let reason = [&process.reason, &process.health_reason, &process.last_error];
            let reason = reason.into_iter().flatten().next().cloned().unwrap_or_default();
            let trouble = Trouble {
                service: service.name.clone(),
                process: process.process_name.clone(),
                health: health(if is_failing { "failing" } else { "degraded" }, w),
                reason,
                checked: visitor.format.short(process.checked_at),
            };
            found.push((is_failing, trouble));
        }
    }
    found.sort_by_key(|(is_failing, _)| !is_failing);
    found.into_iter().map(|(_, trouble)| trouble).collect()
}

#[derive(Template)]
#[template(path = "console/operators/health.html")]
struct HealthPage {
    page: Page,
    w: &'static Operators,
    again: String,
    troubles: Vec<Trouble>,
    processes: Vec<Process>,
}

/// A process that lives.
struct Process {
    id: Uuid,
    name: String,
    program: String,
    health: Status,
    services: usize,
    checked: Moment,
}

pub(super) async fn show(
    request: HttpRequest,
    visitor: OperatorVisitor,
    services: Data<Handle>,
) -> Result<HttpResponse, ApiError> {
    let w = Operators::of(visitor.language);
    let found = grouped(services.list().await.map_err(refused)?);
    let page = HealthPage {
        page: visitor.page(w.health),
        w,
        again: request.path().to_owned(),
        troubles: troubles(&found, &visitor),
        processes: processes(&found, &visitor),
    };
    layout::ok(&page)
}

fn processes(services: &[ServiceView], visitor: &OperatorVisitor) -> Vec<Process> {
    let w = Operators::of(visitor.language);
    let mut by_process = BTreeMap::new();
    for process in services.iter().flat_map(|service| &service.processes) {
        let key = (process.program.clone(), process.process_name.clone(), process.process);
        let is_failing = process.state == "failing" || process.health == "failing";
        let rank = if is_failing { 2 } else { u8::from(process.health == "degraded") };
        let (worst, number, checked) = by_process.entry(key).or_insert((0, 0_usize, process.checked_at));
        *worst = rank.max(*worst);
        *number += 1;
        *checked = process.checked_at.max(*checked);
    }
    let process = |((program, name, id), (worst, services, checked))| Process {
        id,
        name,
        program,
        health: health(["ok", "degraded", "failing"][usize::from(worst).min(2)], w),
        services,
        checked: visitor.format.short(checked),
    };
    by_process.into_iter().map(process).collect()
}
