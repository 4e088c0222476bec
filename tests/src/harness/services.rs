//! PostgreSQL and RabbitMQ: the servers that the environment names, or else those that `deploy/services` starts.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result, bail};

use super::{project, urls};

/// The variables that `deploy/services env` prints and the programs read. They are hidden from the script when it must start
/// servers of its own.
const VARIABLES: [&str; 8] = [
    "DATABASE_URL",
    "POSTGRES_SUPERUSER_URL",
    "AMQP_URL",
    "RABBITMQ_MANAGEMENT_URL",
    "POSTGRES_PID",
    "RABBITMQ_PID",
    "POSTGRES_PORT",
    "RABBITMQ_PORT",
];

/// The addresses of the servers. Process ids are known only for servers that `deploy/services` started.
#[derive(Debug, Clone)]
pub struct Services {
    /// The URL for a role that creates databases and roles. It is not a superuser on servers that `deploy/services` started.
    pub database_url: String,
    pub superuser_url: Option<String>,
    pub amqp_url: String,
    pub management_url: String,
    pub postgres_pid: Option<u32>,
    pub rabbitmq_pid: Option<u32>,
    /// The directory of PostgreSQL's programs, for pgbench.
    pub pg_bin: Option<PathBuf>,
}

impl Services {
    /// Returns the servers that all tests share. Starts them once if the environment does not name them.
    ///
    /// # Errors
    /// Fails if they cannot be started.
    pub fn shared() -> Result<Self> {
        static SHARED: OnceLock<Services> = OnceLock::new();
        static STARTING: Mutex<()> = Mutex::new(());
        let _guard = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(services) = SHARED.get() {
            return Ok(services.clone());
        }
        let services = Self::from_environment()?;
        Ok(SHARED.get_or_init(|| services).clone())
    }

    /// Returns the servers as they are now: starts them if necessary, and reads the process ids again.
    ///
    /// # Errors
    /// Fails if they cannot be started.
    pub fn from_environment() -> Result<Self> {
        let variables: HashMap<String, String> = std::env::vars().collect();
        if variables.contains_key("DATABASE_URL") && variables.contains_key("AMQP_URL") {
            return Self::parse(&variables);
        }
        script("start", &[], Given::Used)?;
        let mut printed = variables;
        printed.extend(lines(&script("env", &[], Given::Used)?));
        Self::parse(&printed)
    }

    /// Restarts those of the project's own servers that died. Servers that the environment names are left alone.
    ///
    /// # Errors
    /// Fails if they cannot be started.
    pub fn revive(&mut self) -> Result<()> {
        let mut variables: HashMap<String, String> = std::env::vars().collect();
        for (pid, only) in [(self.postgres_pid, "postgres"), (self.rabbitmq_pid, "rabbitmq")] {
            if pid.is_some() {
                script("start", &["--only", only], Given::Hidden)?;
                variables.extend(lines(&script("env", &["--only", only], Given::Hidden)?));
            }
        }
        *self = Self::parse(&variables)?;
        Ok(())
    }

    /// Returns the names of the project's own servers that do not run any more.
    pub fn dead(&self) -> Vec<&'static str> {
        [("PostgreSQL", self.postgres_pid), ("RabbitMQ", self.rabbitmq_pid)]
            .into_iter()
            .filter(|(_, pid)| pid.is_some_and(|pid| !is_alive(pid)))
            .map(|(name, _)| name)
            .collect()
    }

    fn parse(variables: &HashMap<String, String>) -> Result<Self> {
        let get = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
        let amqp_url = get("AMQP_URL").context("AMQP_URL is not set")?;
        let management_url = match get("RABBITMQ_MANAGEMENT_URL") {
            Some(url) => url,
            None => default_management_url(&amqp_url)?,
        };
        Ok(Self {
            database_url: get("DATABASE_URL").context("DATABASE_URL is not set")?,
            superuser_url: get("POSTGRES_SUPERUSER_URL"),
            amqp_url,
            management_url,
            postgres_pid: get("POSTGRES_PID").and_then(|pid| pid.parse().ok()),
            rabbitmq_pid: get("RABBITMQ_PID").and_then(|pid| pid.parse().ok()),
            pg_bin: get("PG_BIN").map(PathBuf::from),
        })
    }
}

/// Returns RabbitMQ's default: the same host and user, port 15672.
fn default_management_url(amqp_url: &str) -> Result<String> {
    let host = urls::address(amqp_url)?.split(':').next().unwrap_or_default();
    let (_, user) = urls::without_user(amqp_url)?;
    let (name, password) = user.unwrap_or_else(|| ("guest".to_owned(), "guest".to_owned()));
    Ok(format!("http://{name}:{password}@{host}:15672"))
}

/// Whether `deploy/services` sees the servers that the environment names, and uses them instead of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    Used,
    Hidden,
}

/// Runs `deploy/services`. Its output is shown if the start may be the first, which takes long, or if it fails.
pub(super) fn script(command: &str, options: &[&str], given: Given) -> Result<String> {
    let path = project::root().join("deploy/services");
    let mut process = Command::new(&path);
    process.arg(command).args(options).stdin(Stdio::null());
    match given {
        Given::Used => {
            process.stderr(Stdio::inherit());
        }
        Given::Hidden => {
            for name in VARIABLES {
                process.env_remove(name);
            }
            process.stderr(Stdio::piped());
        }
    }
    let output = process.output().with_context(|| format!("cannot run {}", path.display()))?;
    if !output.status.success() {
        bail!("deploy/services {command}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn is_alive(pid: u32) -> bool {
    i32::try_from(pid).is_ok_and(|pid| nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok())
}

pub(super) fn lines(text: &str) -> HashMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
