//! A server for one test alone, which may stop it, kill it and raise its alarms.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use super::services::{Given, Services, lines, script};
use super::{Authority, project};

/// The time within which a killed server must be gone.
const END_LIMIT: Duration = Duration::from_secs(20);

/// The server that is private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Postgres,
    RabbitMq,
}

/// One server for one test alone, which may stop and kill it. The other one is the shared one.
#[derive(Debug)]
pub struct PrivateServices {
    directory: PathBuf,
    server: Server,
    pub services: Services,
    /// The broker's port for TLS, if it has one.
    pub amqps_port: Option<u16>,
}

impl PrivateServices {
    /// Starts a broker with these lines in its configuration, in addition to those of `deploy/services`.
    ///
    /// # Errors
    /// Fails if the server cannot be started.
    pub fn start_rabbitmq(configuration: &str) -> Result<Self> {
        let private = Self::new(Server::RabbitMq)?;
        private.configure_rabbitmq(configuration)?;
        private.started()
    }

    /// Starts a broker that offers TLS as well.
    ///
    /// # Errors
    /// Fails if the server cannot be started.
    pub fn start_rabbitmq_with_tls(authority: &Authority) -> Result<Self> {
        let private = Self::new(Server::RabbitMq)?;
        authority.equip(&private.directory.join("tls"))?;
        private.started()
    }

    /// Writes the configuration for the next start of the broker.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn configure_rabbitmq(&self, configuration: &str) -> Result<()> {
        std::fs::create_dir_all(&self.directory)?;
        Ok(std::fs::write(self.directory.join("rabbitmq.conf"), configuration)?)
    }

    /// Starts a database server.
    ///
    /// # Errors
    /// Fails if the server cannot be started.
    pub fn start_postgres() -> Result<Self> {
        Self::new(Server::Postgres)?.started()
    }

    /// Starts a database server that reports in another language, such as `fr_FR`. It only needs the sources of locales
    /// installed (Debian: `locales`).
    ///
    /// # Errors
    /// Fails if the server cannot be started, or there is no such locale.
    pub fn start_postgres_that_speaks(language: &str) -> Result<Self> {
        let private = Self::new(Server::Postgres)?;
        let locales = private.directory.join("locales");
        std::fs::create_dir_all(&locales)?;
        let locale = locales.join(format!("{language}.UTF-8"));
        let made = Command::new("localedef")
            .args(["--no-archive", "-i", language, "-f", "UTF-8"])
            .arg(&locale)
            .output()
            .context("cannot run localedef")?;
        // localedef exits with 1 for warnings, too.
        ensure!(
            locale.join("LC_MESSAGES").exists(),
            "localedef made no {language}: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        private.started()
    }

    /// Starts PostgreSQL with TLS and these rules for connections (`pg_hba.conf`).
    ///
    /// # Errors
    /// Fails if the server cannot be started.
    pub fn start_postgres_with_tls(authority: &Authority, rules: &str) -> Result<Self> {
        let private = Self::new(Server::Postgres)?;
        let tls = private.directory.join("tls");
        authority.equip(&tls)?;
        std::fs::write(tls.join("pg_hba.conf"), rules)?;
        private.started()
    }

    /// Returns the file to which the database server writes its log.
    ///
    /// # Errors
    /// Fails if there is no database server.
    pub fn postgres_log(&self) -> Result<PathBuf> {
        // If its version is not the distribution's, the version follows the folder's name.
        let servers = std::fs::read_dir(self.directory.join("servers"))?;
        let names = servers.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
        let postgres = names.into_iter().find(|name| name.to_string_lossy().starts_with("postgres"));
        let postgres = postgres.context("no database server was started here")?;
        Ok(self.directory.join("servers").join(postgres).join("postgres.log"))
    }

    fn new(server: Server) -> Result<Self> {
        let name = format!("test-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        let directory = project::root().join(".dev").join(name);
        Ok(Self { directory, server, services: Services::shared()?, amqps_port: None })
    }

    fn started(mut self) -> Result<Self> {
        self.start()?;
        Ok(self)
    }

    /// Starts the server, or starts it again after it was stopped or killed.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub fn start(&mut self) -> Result<()> {
        self.script("start", &[])?;
        let own = lines(&self.script("env", &[])?);
        let get =
            |name: &str| own.get(name).cloned().with_context(|| format!("deploy/services env: no {name}"));
        let services = &mut self.services;
        self.amqps_port = own.get("RABBITMQ_TLS_PORT").and_then(|port| port.parse().ok());
        match self.server {
            Server::Postgres => {
                services.database_url = get("DATABASE_URL")?;
                services.superuser_url = Some(get("POSTGRES_SUPERUSER_URL")?);
                services.postgres_pid = get("POSTGRES_PID")?.parse().ok();
            }
            Server::RabbitMq => {
                services.amqp_url = get("AMQP_URL")?;
                services.management_url = get("RABBITMQ_MANAGEMENT_URL")?;
                services.rabbitmq_pid = get("RABBITMQ_PID")?.parse().ok();
            }
        }
        Ok(())
    }

    /// # Errors
    /// Fails if it does not stop.
    pub fn stop(&self) -> Result<()> {
        self.script("stop", &[]).map(drop)
    }

    /// Sends SIGKILL to the server. When this returns, it has ended, though its process entry may remain.
    ///
    /// # Errors
    /// Fails if it is not running.
    pub fn kill(&self) -> Result<()> {
        self.signal(Signal::SIGKILL)
    }

    /// Does what `pg_ctl stop -m immediate` does: PostgreSQL ends without writing anything down, and recovers at its next
    /// start.
    ///
    /// # Errors
    /// Fails if it is not running.
    pub fn stop_immediately(&self) -> Result<()> {
        self.signal(Signal::SIGQUIT)
    }

    /// Signals the server and waits for its end.
    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = match self.server {
            Server::Postgres => self.services.postgres_pid,
            Server::RabbitMq => self.services.rabbitmq_pid,
        };
        let pid = pid.context("the server's process id is not known")?;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(pid)?), signal)
            .with_context(|| format!("cannot send {signal} to the server"))?;
        let deadline = Instant::now() + END_LIMIT;
        while is_running(pid) {
            ensure!(Instant::now() < deadline, "the server (process {pid}) did not end within {END_LIMIT:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Raises RabbitMQ's memory alarm, as if its memory were used up: it accepts no more messages until `end_alarm`.
    ///
    /// # Errors
    /// Fails if the broker does not do so.
    pub fn raise_alarm(&self) -> Result<()> {
        self.script("rabbitmqctl", &["set_vm_memory_high_watermark", "0.00001"]).map(drop)
    }

    /// # Errors
    /// Fails if the broker does not do so.
    pub fn end_alarm(&self) -> Result<()> {
        self.script("rabbitmqctl", &["set_vm_memory_high_watermark", "0.4"]).map(drop)
    }

    fn script(&self, command: &str, arguments: &[&str]) -> Result<String> {
        let directory = self.directory.display().to_string();
        let only = match self.server {
            Server::Postgres => "postgres",
            Server::RabbitMq => "rabbitmq",
        };
        let mut options = vec!["--dir", &directory, "--only", only];
        options.extend(arguments);
        script(command, &options, Given::Hidden)
    }
}

impl Drop for PrivateServices {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("cannot stop the servers in {}: {error:#}", self.directory.display());
            return;
        }
        // The servers' own directory may be a link to one that their unprivileged user can reach.
        if let Ok(target) = std::fs::read_link(self.directory.join("servers")) {
            let _ = std::fs::remove_dir_all(target);
        }
        if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            eprintln!("cannot remove {}: {error}", self.directory.display());
        }
    }
}

/// Whether the process still runs. A process that has ended keeps its id until its parent waits for it.
fn is_running(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = status.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}
