//! Services as both programs print them at the command line.

use std::io::Write;

use chrono::{DateTime, Utc};

use super::listing::{CommandView, ServiceInProcess, ServiceView};
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
const COMMANDS: &[Column] = &[
    Column::whole("id"),
    Column::whole("asked"),
    Column::whole("service"),
    Column::whole("action"),
    Column::whole("state"),
    Column::text("asked by", 10),
    Column::text("ran in", 10),
    Column::text("error", 12),
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

/// Prints a table of commands.
pub fn print_commands(commands: &[CommandView]) {
    let row = |command: &CommandView| {
        vec![
            command.id.to_string(),
            at(Some(command.asked_at)),
            command.service.clone(),
            command.action.clone(),
            command.state.clone(),
            command.asked_by.clone(),
            command.ran_in.as_ref().and_then(|process| process.name.clone()).unwrap_or_default(),
            command.error.clone().unwrap_or_default(),
        ]
    };
    table::print(COMMANDS, &commands.iter().map(row).collect::<Vec<_>>());
}

/// Prints one command: what was asked, by whom, and what became of it.
///
/// # Errors
/// Fails if standard output cannot be written.
pub fn print_command(command: &CommandView) -> std::io::Result<()> {
    let progress = command.progress.map(|progress| match progress.total {
        Some(total) => format!("{} of {total}", progress.done),
        None => progress.done.to_string(),
    });
    let lines = [
        ("id", command.id.to_string()),
        ("action", format!("{} {}", command.service, command.action)),
        ("parameters", command.parameters.to_string()),
        ("state", command.state.clone()),
        ("asked by", command.asked_by.clone()),
        ("asked at", at(Some(command.asked_at))),
        ("deadline", at(Some(command.deadline))),
        ("started at", at(command.started_at)),
        ("ended at", at(command.ended_at)),
        ("attempts", command.attempts.to_string()),
        ("ran in", command.ran_in.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("progress", progress.unwrap_or_default()),
        ("answer", command.answer.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("error", command.error.clone().unwrap_or_default()),
        ("correlation id", command.correlation_id.to_string()),
    ];
    let mut out = std::io::stdout();
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "{name:<14}  {}", printable_line(value))?;
    }
    Ok(())
}

fn at(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(String::new, |at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}
