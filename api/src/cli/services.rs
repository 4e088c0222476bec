//! `api services`: what runs beside the requests and beside the relay's drain loop, and what can be asked of it.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use comptoir_core::accounts::operators::AskService;
use comptoir_core::services::{self, AskError, Client, CommandView, Priority, Wish, grouped};
use serde_json::Value;
use uuid::Uuid;

use super::operator::{self, Operator};
use crate::config::Settings;

#[derive(Debug, clap::Subcommand)]
pub(super) enum ServicesCommand {
    /// List the services of all processes that run: state, health, last and next run, last error
    List {
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show one service in each process that has it, and what can be asked of it
    Status {
        #[arg(value_name = "SERVICE")]
        name: String,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Run a service now, wherever it runs, and wait for the end
    ///
    /// Exit 0 if it was done, 1 if it failed or nobody did it in time.
    Trigger {
        #[arg(value_name = "SERVICE")]
        name: String,
        #[command(flatten)]
        how: How,
    },
    /// Ask a service for one of its actions, and wait for the answer; `status` lists them
    ///
    /// Exit 0 if it was done, 1 if it failed or nobody did it in time, 2 if its parameters are not those of the action.
    Act {
        #[arg(value_name = "SERVICE")]
        name: String,
        #[arg(value_name = "ACTION")]
        action: String,
        /// The action's parameters, a JSON object
        #[arg(value_name = "JSON", value_parser = json_object, default_value = "{}")]
        parameters: Value,
        #[command(flatten)]
        how: How,
    },
    /// Show a command that was asked of a service; without an ID, those that were asked last, the newest first
    ///
    /// Commands that ended are kept for 30 days. Exit 1 if there is no such command.
    Command {
        #[arg(value_name = "ID")]
        id: Option<Uuid>,
        /// Commands, at most
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000), conflicts_with = "id")]
        limit: i64,
        /// As one JSON object; without an ID, as one JSON array
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct How {
    /// Which of several waiting actions goes first: high, normal or low; otherwise the service's own
    #[arg(long, value_name = "PRIORITY", value_parser = priority)]
    priority: Option<Priority>,
    /// How long it may take, waiting included; otherwise the action's own limit
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    time_limit: Option<u64>,
    /// Only this process may do it
    #[arg(long, value_name = "ID")]
    process: Option<Uuid>,
    /// Print the command's id, and do not wait: `command ID` shows what becomes of it
    #[arg(long)]
    no_wait: bool,
    /// The whole command as one JSON object, not its answer alone
    #[arg(long)]
    json: bool,
}

fn json_object(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(Value::Object(members)),
        _ => Err("expected a JSON object, such as {\"batch_size\": 100}".to_owned()),
    }
}

fn priority(text: &str) -> Result<Priority, String> {
    let named = Priority::ALL.iter().copied().find(|one| one.name() == text);
    named.ok_or_else(|| "expected high, normal or low".to_owned())
}

impl How {
    fn wish(&self, service: String, action: String, parameters: Value, asked_by: String) -> Wish {
        Wish {
            priority: self.priority,
            time_limit: self.time_limit.map(Duration::from_secs),
            process: self.process,
            ..Wish::new(service, action, parameters, asked_by)
        }
    }
}

pub(super) async fn run(command: Option<ServicesCommand>, settings: &Settings) -> anyhow::Result<()> {
    let database = settings
        .services_database()
        .context("api.services_database_url is not set: services are reached with the services' log-in (docs/roles.md)")?;
    let mut client = Client::connect(&database).await?;
    match command.unwrap_or(ServicesCommand::List { json: false }) {
        ServicesCommand::List { json } => {
            let services = grouped(client.list().await?);
            if json {
                print(&services)?;
            } else {
                services::print_list(&services);
            }
            Ok(())
        }
        ServicesCommand::Status { name, json } => {
            let service = grouped(client.list().await?).into_iter().find(|service| service.name == name);
            let service = service.ok_or(AskError::NoSuchService(name))?;
            if json { print(&service) } else { Ok(services::print_status(&service)?) }
        }
        ServicesCommand::Trigger { name, how } => {
            let wish = how.wish(name, "trigger".to_owned(), Value::Null, operator::name());
            ask(settings, &mut client, wish, &how).await
        }
        ServicesCommand::Act { name, action, parameters, how } => {
            let wish = how.wish(name, action, parameters, operator::name());
            ask(settings, &mut client, wish, &how).await
        }
        ServicesCommand::Command { id: Some(id), json, .. } => {
            let command = client.command(id).await?.ok_or(AskError::NoSuchCommand(id))?;
            if json { print(&command) } else { Ok(services::print_command(&command)?) }
        }
        ServicesCommand::Command { id: None, limit, json } => {
            let commands = client.commands(limit).await?;
            if json {
                return print(&commands);
            }
            services::print_commands(&commands);
            Ok(())
        }
    }
}

/// Asks, once it is in the operators' audit trail.
async fn ask(settings: &Settings, client: &mut Client, wish: Wish, how: &How) -> anyhow::Result<()> {
    wish.check(&client.offer(&wish.service, &wish.action).await?)?;
    Operator::new(settings)?.run_for_operators(AskService { wish: wish.clone() }).await?;
    if how.no_wait {
        let id = client.send(wish).await?;
        if how.json {
            return print(&serde_json::json!({ "id": id }));
        }
        writeln!(std::io::stdout(), "{id}")?;
        return Ok(());
    }
    let command = client.done(wish, say_progress).await?;
    if let Some(process) = &command.ran_in {
        eprintln!("{} {}: done in {process}", command.service, command.action);
    }
    if how.json { print(&command) } else { print(&command.answer.unwrap_or_default()) }
}

fn say_progress(command: &CommandView) {
    if let Some(progress) = command.progress.filter(|_| !command.has_ended()) {
        let of = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
        eprintln!("{} {}: {}{of}", command.service, command.action, progress.done);
    }
}

fn print(value: &impl serde::Serialize) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{}", serde_json::to_string(value)?)?;
    Ok(())
}
