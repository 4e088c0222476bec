//! The command line of `api`.

mod archive;
mod audit;
mod check;
mod completions;
mod create_admin;
mod emails;
mod import;
mod invoices;
mod operator;
mod operators;
mod password;
mod projections;
mod services;
mod stock;
mod tenant_export;
mod trace;
mod users;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};
use comptoir_core::accounts::identity::keys::{self, Place};
use comptoir_core::platform::config::without_quoted;
use comptoir_core::platform::database::{self, DatabaseConfig, Migrations};
use comptoir_core::platform::{spans, telemetry};
use comptoir_core::services::AskError;

use crate::config::Settings;
use crate::services::Only;
use crate::startup::Application;

/// The exit code of a usage or configuration error; clap uses the same one.
const EXIT_USAGE: u8 = 2;

/// The HTTP API of Comptoir.
///
/// Settings come from the embedded defaults, then --config, then the environment (COMPTOIR__SECTION__KEY, DATABASE_URL, AMQP_URL),
/// then flags.
#[derive(Debug, Parser)]
#[command(name = "api", version)]
struct Cli {
    /// A TOML file with settings
    #[arg(long, value_name = "PATH", global = true)]
    config: Option<PathBuf>,
    /// Where to listen, such as 127.0.0.1:8080; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Only answer requests, or only run the services that work beside them (docs/background-services.md); without it, both
    #[arg(long, value_name = "PART")]
    only: Option<Only>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the database up to date, then exit
    Migrate,
    /// See whether everything works as the roles that are configured, and what to fix: exit 1 if something does not
    Check(check::Arguments),
    /// The keys that sign access tokens
    #[command(subcommand, arg_required_else_help = false)]
    Keys(Keys),
    /// The audit trail
    #[command(subcommand, arg_required_else_help = false)]
    Audit(audit::AuditCommand),
    /// Make a company and its first administrator, or an administrator of a company that is there
    CreateAdmin(Box<create_admin::CreateAdmin>),
    /// Make an operator account: for people who look after the programs, over HTTP, and belong to no company
    CreateOperator(Box<operators::Create>),
    /// The operator accounts
    #[command(subcommand, arg_required_else_help = false)]
    Operators(operators::Operators),
    /// What runs beside the requests and beside the drain loop, and what can be asked of it
    #[command(arg_required_else_help = false)]
    Services {
        #[command(subcommand)]
        command: Option<services::ServicesCommand>,
    },
    /// Import a file of customers, suppliers, products, opening stock or prices: exit 1 if rows were refused
    Import(import::Import),
    /// The reports that are kept from the events: what could not be applied, and building them anew
    #[command(subcommand, arg_required_else_help = false)]
    Projections(projections::Projections),
    /// E-mails: what became of them, to send them again, to discard them
    #[command(subcommand, arg_required_else_help = false)]
    Emails(emails::Emails),
    /// Users, and the tokens with which they verify their address or set a password
    #[command(subcommand, arg_required_else_help = false)]
    Users(users::Users),
    /// The companies
    #[command(subcommand, arg_required_else_help = false)]
    Tenants(users::Tenants),
    /// The stock: whether it is what the ledger says
    #[command(subcommand, arg_required_else_help = false)]
    Stock(stock::Stock),
    /// The invoices: whether they are what they were
    #[command(subcommand, arg_required_else_help = false)]
    Invoices(invoices::Invoices),
    /// Show what one correlation id went through: commands, events, mails, projections, services, in the order of time
    Trace(trace::Arguments),
    /// Print what a shell completes this program's commands and options with
    ///
    /// For the name that the program is called by: if it is a link with another name, for that one.
    Completions { what: completions::What },
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Print a private JWK Set with a new Ed25519 key in front, which signs; needs no database
    Generate {
        /// A set with the keys so far, which follow the new one and still verify; the file is not changed
        #[arg(long, value_name = "FILE")]
        add_to: Option<PathBuf>,
        /// How many of those to keep, the newest first
        #[arg(long, value_name = "N", default_value_t = 1, requires = "add_to")]
        keep: usize,
        /// Put the new key behind them: it verifies, and signs once it is put in front
        #[arg(long, requires = "add_to")]
        standby: bool,
    },
}

/// Runs the binary: reads the command line, serves until SIGTERM or SIGINT.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    match &cli.command {
        Some(Command::Keys(keys)) => return outcome(generate_keys(keys).map(|()| true), None),
        Some(Command::Completions { what }) => return completions::print(&mut Cli::command(), *what),
        _ => {}
    }
    if let Some(Command::CreateAdmin(arguments)) = &cli.command
        && let Err(problem) = arguments.check()
    {
        report(&problem);
        return ExitCode::from(EXIT_USAGE);
    }
    let overrides: Vec<_> = cli.listen.iter().map(|address| ("api.listen", address.to_string())).collect();
    let settings = Settings::load(cli.config.as_deref(), &overrides)
        .and_then(|settings| telemetry::init_logs(&settings.log).map(|()| settings));
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            report(&error.to_string());
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let database = settings.database.clone();
    let result = run(cli.command, cli.only, settings);
    spans::flush();
    outcome(result, Some(&database))
}

/// Returns the exit code of a result. `Ok(false)` has been reported already.
fn outcome(result: anyhow::Result<bool>, database: Option<&DatabaseConfig>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let complaint =
                database.and_then(|database| database.complaint_about(error.as_ref(), "api migrate"));
            report(&complaint.unwrap_or_else(|| chain(&error)));
            // What was asked of a service is wrong, as a wrong option is.
            match error.downcast_ref::<AskError>() {
                Some(AskError::Parameters { .. }) => ExitCode::from(EXIT_USAGE),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Returns the error and its causes, without those whose words are in an error's own text.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Generates a key set. Only the set goes to standard output, which may be a file or the standard input of a secret
/// store.
fn generate_keys(Keys::Generate { add_to, keep, standby }: &Keys) -> anyhow::Result<()> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let existing = add_to.as_ref().map(read).transpose()?;
    let place = if *standby { Place::Last } else { Place::First };
    let set = keys::generate(existing.as_deref().map(|text| (text, *keep)), place)
        .with_context(|| format!("cannot add to {}", add_to.as_deref().unwrap_or(Path::new("")).display()))?;
    writeln!(std::io::stdout(), "{set}").context("cannot write")
}

/// Prints help and version to standard output, an error as one line.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    report(&usage_error(error));
    ExitCode::from(EXIT_USAGE)
}

/// Returns the error in one line.
fn usage_error(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let before_usage: Vec<&str> =
        text.lines().take_while(|line| !line.trim().starts_with("Usage:")).collect();
    // Typed text is not repeated: it may be a URL in the wrong place.
    let text = without_quoted(&before_usage.join(" "), typed(error));
    text.trim_start_matches("error: ").to_owned()
}

/// Returns the parts of the command line that the error quotes.
fn typed(error: &clap::Error) -> impl Iterator<Item = &str> {
    let refused = error.kind();
    error.context().filter_map(move |(kind, value)| match (kind, refused, value) {
        (ContextKind::InvalidValue, _, ContextValue::String(text))
        // Otherwise it is the command or the argument as this program declares it.
        | (ContextKind::InvalidSubcommand, ErrorKind::InvalidSubcommand, ContextValue::String(text))
        | (ContextKind::InvalidArg, ErrorKind::UnknownArgument, ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    })
}

/// Prints a text as one line on standard error.
fn report(text: &str) {
    let words: Vec<&str> = text.split_whitespace().collect();
    eprintln!("error: {}", words.join(" "));
}

fn run(command: Option<Command>, only: Option<Only>, settings: Settings) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    if command.is_none() {
        spans::start(&settings.telemetry, "comptoir-api")?;
    }
    runtime.block_on(async {
        match command {
            Some(Command::Migrate) => {
                let applied = database::migrate(&settings.database, Migrations::All).await?;
                database::make_runtime_role(&settings.database, &settings.api.database_role).await?;
                tracing::info!(
                    migrations = applied.len(),
                    applied = applied.join(", "),
                    "the database is up to date"
                );
            }
            Some(Command::Trace(arguments)) => return trace::run(&arguments, &settings).await,
            Some(Command::Check(arguments)) => return check::run(&settings, &arguments).await,
            Some(Command::Import(arguments)) => return import::run(arguments, &settings).await,
            Some(Command::Projections(command)) => return projections::run(command, &settings).await,
            Some(Command::CreateAdmin(arguments)) => create_admin::run(*arguments, &settings).await?,
            Some(Command::CreateOperator(arguments)) => operators::create(*arguments, &settings).await?,
            Some(Command::Operators(command)) => operators::run(command, &settings).await?,
            Some(Command::Services { command }) => services::run(command, &settings).await?,
            Some(Command::Emails(command)) => return emails::run(command, &settings).await,
            Some(Command::Stock(command)) => return stock::run(command, &settings).await,
            Some(Command::Users(command)) => users::run(command, &settings).await?,
            Some(Command::Tenants(command)) => users::run_tenants(command, &settings).await?,
            // Already handled, because it needs no settings.
            Some(Command::Keys(_) | Command::Completions { .. }) => {}
            Some(Command::Invoices(command)) => invoices::run(command, &settings).await?,
            Some(Command::Audit(command)) => audit::run(command, &settings).await?,
            None => Application::build(settings, only)?.run_until_stopped().await?,
        }
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_command_without_its_part_says_which_parts_there_are() {
        let options: [&[&str]; 2] = [&[], &["--config", "/nowhere.toml"]];
        let commands =
            ["keys", "audit", "operators", "projections", "emails", "stock", "invoices", "users", "tenants"];
        for command in commands {
            for more in options {
                let line = [&["api", command], more].concat();
                let text = usage_error(&Cli::try_parse_from(&line).expect_err("refused"));
                let expected =
                    format!("'api {command}' requires a subcommand but one was not provided [subcommands: ");
                let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(text.starts_with(&expected), "{line:?}: {text}");
            }
        }
    }

    #[test]
    fn only_what_was_typed_is_left_out_of_an_error() {
        let said = |line: &[&str]| usage_error(&Cli::try_parse_from(line).expect_err("refused"));
        let text = said(&["api", "services", "act", "drain", "drain-now", "{"]);
        assert!(text.contains("'***'") && text.contains(r#"such as {"batch_size": 100}"#), "{text}");
        for value in ["postgres://u:p4ss@h/shop", "host=h password=p4ss", "u:p4ss w0rd@h", "p4ss/w0rd"] {
            for line in [
                &["api", "services", "act", "drain", "drain-now", value][..],
                &["api", "trigger", value],
                &["api", value],
                &["api", "--listen", value],
                &["api", "emails", "show", value],
                &["api", "emails", "list", "--state", value],
                &["api", "trace", "x", "--since", value],
                &["api", format!("--lisen={value}").as_str()],
            ] {
                let text = said(line);
                let secret = text.contains("p4ss") || text.contains("w0rd");
                assert!(!secret && !text.is_empty(), "{line:?}: {text}");
            }
        }
    }
}
