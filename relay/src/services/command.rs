//! `relay services`: what runs beside the drain loop and beside the API's requests, and what can be asked of it.

use std::time::Duration;

use comptoir_core::services::{self, AskError, Client, CommandView, Priority, ServiceView, Wish, grouped};
use serde_json::Value;
use uuid::Uuid;

use crate::config::Config;
use crate::error::{DatabaseFault, RelayError};
use crate::notes;
use crate::operator_options::user_at_host;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ServicesCommand {
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
pub(crate) struct How {
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

/// # Errors
/// Fails if the database cannot be reached, if there is no such service or action, or if the action failed.
pub(crate) async fn run(config: &Config, command: Option<ServicesCommand>) -> Result<(), RelayError> {
    let mut client = Client::connect(&config.database).await.map_err(DatabaseFault::from)?;
    match command.unwrap_or(ServicesCommand::List { json: false }) {
        ServicesCommand::List { json } => {
            let services = grouped(client.list().await.map_err(failed)?);
            if json {
                print(&services)?;
            } else {
                services::print_list(&services);
            }
            Ok(())
        }
        ServicesCommand::Status { name, json } => {
            let service = found(grouped(client.list().await.map_err(failed)?), name)?;
            if json {
                return print(&service);
            }
            services::print_status(&service).map_err(|error| RelayError::Incomplete(error.to_string()))
        }
        ServicesCommand::Trigger { name, how } => {
            let wish = how.wish(name, "trigger".to_owned(), Value::Null, user_at_host());
            ask(&mut client, wish, &how).await
        }
        ServicesCommand::Act { name, action, parameters, how } => {
            let wish = how.wish(name, action, parameters, user_at_host());
            ask(&mut client, wish, &how).await
        }
        ServicesCommand::Command { id: Some(id), json, .. } => {
            let command = client.command(id).await.map_err(failed)?;
            let command = command.ok_or_else(|| failed(AskError::NoSuchCommand(id)))?;
            if json {
                return print(&command);
            }
            services::print_command(&command).map_err(|error| RelayError::Incomplete(error.to_string()))
        }
        ServicesCommand::Command { id: None, limit, json } => {
            let commands = client.commands(limit).await.map_err(failed)?;
            if json {
                return print(&commands);
            }
            services::print_commands(&commands);
            Ok(())
        }
    }
}

fn found(services: Vec<ServiceView>, name: String) -> Result<ServiceView, RelayError> {
    let found = services.into_iter().find(|service| service.name == name);
    found.ok_or_else(|| failed(AskError::NoSuchService(name)))
}

async fn ask(client: &mut Client, wish: Wish, how: &How) -> Result<(), RelayError> {
    if how.no_wait {
        let id = client.send(wish).await.map_err(failed)?;
        if how.json {
            return print(&serde_json::json!({ "id": id }));
        }
        print_line(&id.to_string());
        return Ok(());
    }
    let command = client.done(wish, say_progress).await.map_err(failed)?;
    if let Some(process) = &command.ran_in {
        notes::say(&format!("{} {}: done in {process}", command.service, command.action));
    }
    if how.json { print(&command) } else { print(&command.answer.unwrap_or_default()) }
}

fn say_progress(command: &CommandView) {
    if let Some(progress) = command.progress.filter(|_| !command.has_ended()) {
        let of = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
        notes::say(&format!("{} {}: {}{of}", command.service, command.action, progress.done));
    }
}

fn failed(error: AskError) -> RelayError {
    match error {
        AskError::Parameters { .. } => RelayError::Usage(error.to_string()),
        error => RelayError::Incomplete(error.to_string()),
    }
}

fn print(value: &impl serde::Serialize) -> Result<(), RelayError> {
    let text = serde_json::to_string(value).map_err(|error| RelayError::Incomplete(error.to_string()))?;
    print_line(&text);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what the command is asked for")]
fn print_line(text: &str) {
    println!("{text}");
}
