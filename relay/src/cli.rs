//! The command line: what `relay` is asked to do, and with which exit code it answers.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | the database or the broker was not reached, the relay failed, ids that were named do not exist, `check` found a failure |
//! | 2 | a usage or configuration error, in one line on standard error |
//! | 3 | `--once` stopped at its limit, or events wait for a retry or became dead letters |

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};
use comptoir_core::platform::config::without_quoted;
use comptoir_core::platform::database::{self, Migrations};
use comptoir_core::platform::{spans, telemetry};

use crate::config::Config;
use crate::error::RelayError;
use crate::history::HistoryKeeper;
use crate::{
    check, completions, daemon, dead_letters, events, listen, once, operations, replay, services, status,
    tail,
};

const FAILURE: u8 = 1;
const USAGE: u8 = 2;
const INCOMPLETE: u8 = 3;

/// Publishes the events of a PostgreSQL outbox to RabbitMQ, in order per aggregate, at least once.
///
/// Without a sub-command: runs until SIGTERM or SIGINT, then finishes what is in flight and gives its shards back.
#[derive(Debug, Parser)]
#[command(name = "relay", version)]
struct Cli {
    /// Settings in TOML; the environment (COMPTOIR__SECTION__KEY, DATABASE_URL, AMQP_URL) and flags win over it
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    /// The database, instead of DATABASE_URL; a password in it stands in the machine's list of processes
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// A file that holds the database's URL, instead of DATABASE_URL_FILE; not one that everybody may read
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "database_url")]
    database_url_file: Option<String>,
    /// The broker, instead of AMQP_URL; a password in it stands in the machine's list of processes
    #[arg(long, global = true, value_name = "URL")]
    amqp_url: Option<String>,
    /// A file that holds the broker's URL, instead of AMQP_URL_FILE; not one that everybody may read
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "amqp_url")]
    amqp_url_file: Option<String>,
    /// Address of /metrics and /health, or `off`
    #[arg(long, value_name = "ADDRESS")]
    http_listen: Option<String>,
    /// Drain what is committed now, then stop
    ///
    /// Exit 0 if all of it was published, and database and broker were reached; 3 if it stopped at its limit, or events wait for a
    /// retry or became dead letters; 1 if the database or the broker was not reached within the deadline.
    #[arg(long)]
    once: bool,
    /// Publish no more events than this, then stop
    #[arg(long, requires = "once", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_events: Option<u64>,
    /// Stop after so many seconds, drained or not
    #[arg(long, requires = "once", value_name = "SECONDS", value_parser = seconds)]
    deadline: Option<Duration>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show shards and their owners, replicas, the broker as they see it, and what is pending, retrying or dead
    ///
    /// Exit 0; 1 if the database is not reached. The broker is not asked: the replicas say how it is to them.
    Status {
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Look at events that failed for good, publish them again, or give them up
    #[command(arg_required_else_help = false)]
    DeadLetters {
        #[command(subcommand)]
        command: dead_letters::Command,
    },
    /// Publish events of the history again: same ids, header `replayed: true`
    Replay(replay::Arguments),
    /// Look at single events: what waits in the outbox and why, and where an event is
    #[command(arg_required_else_help = false)]
    Events {
        #[command(subcommand)]
        command: events::Command,
    },
    /// Follow events as they are published or become dead letters, until it is interrupted
    Tail(tail::Arguments),
    /// Show messages as a consumer gets them, until it is interrupted
    ///
    /// Binds an exclusive queue to the exchange. Meanwhile what is shown has a consumer: it does not become a dead letter for want
    /// of one. While the reader pauses, the broker keeps 10,000 messages or 64 MiB, and drops the oldest.
    Listen(listen::Arguments),
    /// Requeues, discards and replays, the newest first: when, who, what was asked for, how many events
    ///
    /// Exit 0, also if there are none (which standard error says); 1 if the database is not reached.
    Operations(operations::Arguments),
    /// What runs beside the drain loop and beside the API's requests, and what can be asked of it
    #[command(arg_required_else_help = false)]
    Services {
        #[command(subcommand)]
        command: Option<services::ServicesCommand>,
    },
    /// See whether everything is set up, and say what to fix
    Check(check::Arguments),
    /// Bring the database up to date
    Migrate,
    /// Print what a shell completes this program's commands and options with
    ///
    /// For the name that the program is called by: if it is a link with another name, for that one.
    Completions { what: completions::What },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    if let Some(Command::Completions { what }) = &cli.command {
        return completions::print(&mut Cli::command(), *what);
    }
    let config = match configuration(&cli) {
        Ok(config) => config,
        Err(error) => return failed(&error, &error.to_string()),
    };
    match run(cli, &config) {
        Ok(code) => ExitCode::from(code),
        Err(error) => failed(&error, &error.line(&config)),
    }
}

fn failed(error: &RelayError, line: &str) -> ExitCode {
    report(line);
    ExitCode::from(if matches!(error, RelayError::Config(_) | RelayError::Usage(_)) {
        USAGE
    } else {
        FAILURE
    })
}

fn configuration(cli: &Cli) -> Result<Config, RelayError> {
    if cli.command.is_some() && (cli.once || cli.http_listen.is_some()) {
        return Err(RelayError::Usage("--once and --http-listen are for relay without a command".to_owned()));
    }
    let config = Config::load(cli.config.as_deref(), &overrides(cli))?;
    telemetry::init_logs(&config.log)?;
    Ok(config)
}

fn run(cli: Cli, config: &Config) -> Result<u8, RelayError> {
    if cli.command.is_none() {
        spans::start(&config.telemetry, "comptoir-relay")?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| RelayError::Startup(error.to_string()))?;
    let code = runtime.block_on(async {
        match cli.command {
            Some(Command::Migrate) => {
                let applied = database::migrate(&config.database, Migrations::Outbox).await?;
                tracing::info!(
                    migrations = applied.len(),
                    applied = applied.join(", "),
                    "the database is up to date"
                );
                // If a partition is made while the first events of its day are settled, that settle fails and is tried again.
                // Reported already; the daemon goes on with it.
                let _ = HistoryKeeper::new(config.history.clone(), config.database.clone())
                    .run_and_report()
                    .await;
                Ok(0)
            }
            Some(Command::Status { json }) => status::show(config, json).await.map(|()| 0),
            Some(Command::DeadLetters { command }) => dead_letters::run(config, command).await.map(|()| 0),
            Some(Command::Replay(arguments)) => replay::run(config, arguments).await.map(|()| 0),
            Some(Command::Services { command }) => services::run(config, command).await.map(|()| 0),
            Some(Command::Check(arguments)) => {
                check::run(config, &arguments).await.map(|ok| if ok { 0 } else { FAILURE })
            }
            Some(Command::Events { command }) => events::run(config, command).await.map(|()| 0),
            Some(Command::Operations(arguments)) => operations::run(config, &arguments).await.map(|()| 0),
            Some(Command::Tail(arguments)) => tail::run(config, &arguments).await.map(|()| 0),
            Some(Command::Listen(arguments)) => listen::run(config, &arguments).await.map(|()| 0),
            None if cli.once => {
                let outcome = once::run(config, cli.max_events, cli.deadline).await?;
                Ok(if outcome.is_complete() { 0 } else { INCOMPLETE })
            }
            // Already done: it needs no settings.
            Some(Command::Completions { .. }) => Ok(0),
            None => daemon::run(config).await.map(|()| 0),
        }
    });
    // Tasks that wait for a broker or a database that does not answer must not hold up the exit.
    runtime.shutdown_timeout(Duration::from_millis(200));
    spans::flush();
    code
}

fn overrides(cli: &Cli) -> Vec<(&'static str, String)> {
    let management_url = match &cli.command {
        Some(Command::Check(arguments)) => &arguments.management_url,
        _ => &None,
    };
    [
        ("database.url", &cli.database_url),
        ("database.url_file", &cli.database_url_file),
        ("broker.url", &cli.amqp_url),
        ("broker.url_file", &cli.amqp_url_file),
        ("broker.management_url", management_url),
        ("relay.http_listen", &cli.http_listen),
    ]
    .into_iter()
    .filter_map(|(key, value)| value.clone().map(|value| (key, value)))
    .collect()
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "expected a positive number of seconds".to_owned())
}

/// Help and version go to standard output; an error is one line.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    report(&usage_error(error));
    ExitCode::from(USAGE)
}

/// Returns the error in one line, without the quoted arguments: one of them may be a URL, with its password.
fn usage_error(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let is_advice = |line: &str| line.starts_with("Usage:") || line.starts_with("For more information");
    let text: Vec<&str> = text.lines().map(str::trim).take_while(|line| !is_advice(line)).collect();
    let line = without_quoted(&text.join(" "), typed(error));
    line.trim().trim_start_matches("error: ").to_owned()
}

/// Returns the parts of the command line that the error quotes.
fn typed(error: &clap::Error) -> impl Iterator<Item = &str> {
    let refused = error.kind();
    error.context().filter_map(move |(kind, value)| match (kind, refused, value) {
        (ContextKind::InvalidValue, _, ContextValue::String(text))
        // For other kinds of error it is the command's or the argument's name as this program declares it.
        | (ContextKind::InvalidSubcommand, ErrorKind::InvalidSubcommand, ContextValue::String(text))
        | (ContextKind::InvalidArg, ErrorKind::UnknownArgument, ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    })
}

fn report(line: &str) {
    let line: Vec<&str> = line.split_whitespace().collect();
    eprintln!("error: {}", line.join(" "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn limits_need_once() {
        assert!(Cli::try_parse_from(["relay", "--max-events", "5"]).is_err());
        assert!(Cli::try_parse_from(["relay", "--once", "--max-events", "5", "--deadline", "1.5"]).is_ok());
    }

    #[test]
    fn a_url_in_the_wrong_place_is_not_repeated() {
        for arguments in [
            &["amqp://u:p4ss@h"][..],
            &["u:p4ss@h:5672"],
            &["--once", "--deadline", "amqp://u:p4ss w0rd@h"],
            &["--amqp-ulr=amqp://u:p4ss@h"],
            &["status", "amqp:/u:p4ss@h"],
            &["dead-letters", "list", "--since", "u:p4ss@h"],
            &["dead-letters", "show", "amqp://u:p4ss@h"],
            &["dead-letters", "amqp://u:p4ss@h"],
            &["listen", "amqp://u:p4ss@h"],
        ] {
            let error = Cli::try_parse_from([&["relay"], arguments].concat()).expect_err("refused");
            let text = usage_error(&error);
            assert!(
                !text.contains("p4ss") && !text.contains("w0rd") && !text.is_empty(),
                "{arguments:?}: {text}"
            );
        }
        let error = Cli::try_parse_from(["relay", "--nonsense"]).expect_err("refused");
        assert!(usage_error(&error).contains("'--nonsense'"), "a word is repeated");
        let error = Cli::try_parse_from(["relay", "dead-letters"]).expect_err("refused");
        let text = usage_error(&error);
        assert!(text.starts_with("'relay dead-letters' requires a subcommand"), "our own words: {text}");
    }

    #[test]
    fn a_deadline_of_nothing_is_refused() {
        for text in ["0", "-1", "soon", "inf"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
