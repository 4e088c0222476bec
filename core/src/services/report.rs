//! Services as both programs print them at the command line.

use std::io::Write;

use chrono::{DateTime, Utc};

use super::listing::{ServiceInProcess, ServiceView};
use crate::platform::table::{self, Column};
use crate::values::printable::printable_line;

const SERVICES: &[Column] = &[
    Column::whole("service"),
    Column::whole("state"),
    Column::whole("health"),
    Column::whole("runs in"),
    Column::whole("last ended"),
    Column::whole("next run"),
    Column::text("reason or last error", 20),
];
const PROCESSES: &[Column] = &[
    Column::whole("process"),
    Column::text("name", 12),
    Column::whole("state"),
    Column::whole("health"),
    Column::number("runs"),
    Column::number("failures"),
    Column::whole("last ended"),
    Column::whole("next run"),
    Column::text("last error or reason", 20),
];
const ACTIONS: &[Column] = &[Column::whole("action"), Column::text("what it does", 20)];

/// Prints a table of services.
pub fn print_list(services: &[ServiceView]) {
    let row = |service: &ServiceView| {
        let mut programs: Vec<_> = service.processes.iter().map(|one| one.program.clone()).collect();
        programs.dedup();
        let reason = [&service.health_reason, &service.reason, &service.last_error];
        vec![
            service.name.clone(),
            service.state.clone(),
            service.health.clone(),
            programs.join(", "),
            at(service.last_ended_at),
            at(service.next_run_at),
            reason.into_iter().flatten().next().cloned().unwrap_or_default(),
        ]
    };
    table::print(SERVICES, &services.iter().map(row).collect::<Vec<_>>());
}

/// Prints one service: what it is, where it runs, what can be asked of it.
///
/// # Errors
/// Fails if standard output cannot be written.
pub fn print_status(service: &ServiceView) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let schedule = service.schedule.as_ref().map(|schedule| format!(", {schedule}")).unwrap_or_default();
    let critical = if service.critical { ", critical" } else { "" };
    writeln!(out, "{}: {}", service.name, printable_line(&service.about))?;
    writeln!(out, "{}{schedule}, {}{critical}: {}\n", service.kind, service.scope, service.state)?;
    let row = |one: &ServiceInProcess| {
        let reason = [&one.reason, &one.health_reason, &one.last_error];
        vec![
            one.process.to_string(),
            format!("{} {}", one.program, one.process_name),
            one.state.clone(),
            one.health.clone(),
            one.runs.to_string(),
            one.failures.to_string(),
            at(one.last_ended_at),
            at(one.next_run_at),
            reason.into_iter().flatten().next().cloned().unwrap_or_default(),
        ]
    };
    table::print(PROCESSES, &service.processes.iter().map(row).collect::<Vec<_>>());
    writeln!(out)?;
    let actions = service.actions.iter().map(|action| vec![action.name.clone(), action.about.clone()]);
    table::print(ACTIONS, &actions.collect::<Vec<_>>());
    Ok(())
}

fn at(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(String::new, |at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}
