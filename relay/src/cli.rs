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

use clap::{Parser, Subcommand};
use comptoir_core::database::{self, Migrations};
use comptoir_core::{spans, telemetry};

use crate::config::Config;
use crate::error::RelayError;
use crate::history::HistoryKeeper;
use crate::{check, daemon, dead_letters, once, replay, status, tail};

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
    /// The database, instead of DATABASE_URL
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,
    /// The broker, instead of AMQP_URL
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    amqp_url: Option<String>,
    /// Address of /metrics and /health, or `off`
    #[arg(long, value_name = "ADDRESS")]
    http_listen: Option<String>,
    /// Drain what is committed now, then stop
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
    /// Show shards and their owners, replicas, and what is pending, retrying or dead
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
    /// Follow events as they are published, until it is interrupted
    Tail(tail::Arguments),
    /// See whether everything is set up, and say what to fix
    Check(check::Arguments),
    /// Bring the database up to date
    Migrate,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    ExitCode::from(match run(cli) {
        Ok(code) => code,
        Err(error @ (RelayError::Config(_) | RelayError::Usage(_))) => {
            report(&error.to_string());
            USAGE
        }
        Err(error) => {
            report(&error.to_string());
            FAILURE
        }
    })
}

fn run(cli: Cli) -> Result<u8, RelayError> {
    if cli.command.is_some() && (cli.once || cli.http_listen.is_some()) {
        return Err(RelayError::Usage("--once and --http-listen are for relay without a command".to_owned()));
    }
    let config = Config::load(cli.config.as_deref(), &overrides(&cli))?;
    telemetry::init_logs(&config.log)?;
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
                for name in database::migrate(&config.database, Migrations::Outbox).await? {
                    tracing::info!(migration = name, "applied");
                }
                // A day that is made while its first events are settled fails that settle, which is then tried again.
                HistoryKeeper::new(config.history.clone(), config.database.clone()).run_and_report().await;
                Ok(0)
            }
            Some(Command::Status { json }) => status::show(&config, json).await.map(|()| 0),
            Some(Command::DeadLetters { command }) => dead_letters::run(&config, command).await.map(|()| 0),
            Some(Command::Replay(arguments)) => replay::run(&config, arguments).await.map(|()| 0),
            Some(Command::Check(arguments)) => {
                check::run(&config, &arguments).await.map(|ok| if ok { 0 } else { FAILURE })
            }
            Some(Command::Tail(arguments)) => tail::run(&config, &arguments).await.map(|()| 0),
            None if cli.once => {
                let outcome = once::run(&config, cli.max_events, cli.deadline).await?;
                Ok(if outcome.is_complete() { 0 } else { INCOMPLETE })
            }
            None => daemon::run(&config).await.map(|()| 0),
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
        ("broker.url", &cli.amqp_url),
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
    let text = error.render().to_string();
    let text: Vec<&str> =
        text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:")).collect();
    let line = text.join(" ");
    report(line.trim().trim_start_matches("error: "));
    ExitCode::from(USAGE)
}

fn report(line: &str) {
    let line: Vec<&str> = line.split_whitespace().collect();
    eprintln!("relay: {}", line.join(" "));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

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
    fn a_deadline_of_nothing_is_refused() {
        for text in ["0", "-1", "soon", "inf"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
