//! A server that a test has for itself, and may stop, kill and choke.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use super::services::{Given, Services, lines, script};
use super::{Authority, project};

/// How long a server that was killed may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(20);

/// Which server somebody has for himself.
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
    /// Where the broker offers encrypted connections, if it does.
    pub amqps_port: Option<u16>,
}

impl PrivateServices {
    /// A broker, with these lines in its configuration besides those of `deploy/services`.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub fn start_rabbitmq(configuration: &str) -> Result<Self> {
        let private = Self::new(Server::RabbitMq)?;
        private.configure_rabbitmq(configuration)?;
        private.started()
    }

    /// A broker that offers encrypted connections as well.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub fn start_rabbitmq_with_tls(authority: &Authority) -> Result<Self> {
        let private = Self::new(Server::RabbitMq)?;
        authority.equip(&private.directory.join("tls"))?;
        private.started()
    }

    /// For the next start of the broker.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure_rabbitmq(&self, configuration: &str) -> Result<()> {
        std::fs::create_dir_all(&self.directory)?;
        Ok(std::fs::write(self.directory.join("rabbitmq.conf"), configuration)?)
    }

    /// A database server of its own.
    ///
    /// # Errors
    /// When the server cannot be started.
    pub fn start_postgres() -> Result<Self> {
        Self::new(Server::Postgres)?.started()
    }

    /// A database server that reports in another language, such as `fr_FR`, for which it needs nothing installed but the
    /// sources of locales (Debian: `locales`).
    ///
    /// # Errors
    /// When the server cannot be started, or there is no such locale.
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
        // Warnings are exit 1.
        ensure!(
            locale.join("LC_MESSAGES").exists(),
            "localedef made no {language}: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        private.started()
    }

    /// PostgreSQL with encrypted connections, and these rules of who may connect how (`pg_hba.conf`).
    ///
    /// # Errors
    /// When the server cannot be started.
    pub fn start_postgres_with_tls(authority: &Authority, rules: &str) -> Result<Self> {
        let private = Self::new(Server::Postgres)?;
        let tls = private.directory.join("tls");
        authority.equip(&tls)?;
        std::fs::write(tls.join("pg_hba.conf"), rules)?;
        private.started()
    }

    /// Where the database server writes its log.
    ///
    /// # Errors
    /// When there is no database server.
    pub fn postgres_log(&self) -> Result<PathBuf> {
        // Of a version other than the distribution's it has that behind its name.
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
    /// When it cannot be started.
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
    /// When it does not stop.
    pub fn stop(&self) -> Result<()> {
        self.script("stop", &[]).map(drop)
    }

    /// SIGKILL to the server. It is gone, or as good as gone, when this returns.
    ///
    /// # Errors
    /// When it is not running.
    pub fn kill(&self) -> Result<()> {
        self.signal(Signal::SIGKILL)
    }

    /// What `pg_ctl stop -m immediate` does: PostgreSQL ends without writing anything down and recovers at its next start.
    ///
    /// # Errors
    /// When it is not running.
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

    /// Raises RabbitMQ's memory alarm, as if its memory were used up: it takes no more messages until `end_alarm`.
    ///
    /// # Errors
    /// When the broker does not do so.
    pub fn raise_alarm(&self) -> Result<()> {
        self.script("rabbitmqctl", &["set_vm_memory_high_watermark", "0.00001"]).map(drop)
    }

    /// # Errors
    /// When the broker does not do so.
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

/// Whether it does anything still: a process that nobody has waited for is over, though it has its id.
fn is_running(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = status.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}
