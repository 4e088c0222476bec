//! A test's own world: a database, a virtual host, a folder for logs, and the programs that were started in it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::ledger::{Findings, Ledger};

use super::{
    Api, Consumer, Daemon, Exit, QueueOptions, Relay, Services, Tenant, TestDatabase, VirtualHost,
    committed_events, connect, process, project, until, with_path,
};

/// The number of lines of each program's log that a failed test shows.
const LOG_LINES: usize = 60;
const RUN_LIMIT: Duration = Duration::from_secs(120);

/// A test's world. When it is dropped, programs are killed, and the database and the virtual host are removed.
#[derive(Debug)]
pub struct World {
    pub services: Services,
    pub database: TestDatabase,
    /// Made when it is first wanted: most tests of the API want none, and it costs the broker more than a request.
    vhost: OnceLock<VirtualHost>,
    keep_vhost: bool,
    logs: PathBuf,
    keep_logs: bool,
    /// Every program that runs in this world holds a clone.
    token: Arc<()>,
    tenant: OnceCell<Tenant>,
}

impl World {
    /// Runs a test in a world of its own. When it fails, the logs of all programs are shown.
    #[expect(clippy::panic, reason = "this is how a test fails")]
    pub async fn run(test: impl AsyncFnOnce(&World) -> Result<()>) {
        let world = match Services::shared() {
            Ok(services) => World::new(services).await,
            Err(error) => Err(error),
        };
        let world = world.unwrap_or_else(|error| panic!("no world for the test: {error:#}"));
        if let Err(error) = test(&world).await {
            panic!("{error:?}");
        }
    }

    /// Creates a world on these servers.
    ///
    /// # Errors
    /// Fails if the servers refuse.
    pub async fn new(services: Services) -> Result<Self> {
        let database = TestDatabase::migrated(&services).await?;
        let logs = std::env::temp_dir().join(format!("comptoir-{}", database.name()));
        std::fs::create_dir_all(&logs).with_context(|| logs.display().to_string())?;
        Ok(Self {
            services,
            database,
            vhost: OnceLock::new(),
            keep_vhost: false,
            logs,
            keep_logs: false,
            token: Arc::new(()),
            tenant: OnceCell::new(),
        })
    }

    /// Like [`Self::new`], for a demonstration or a benchmark: `api migrate` brings the database up to date, and the logs stay
    /// in this folder.
    ///
    /// # Errors
    /// Fails if the servers refuse.
    pub async fn lasting(services: Services, logs: PathBuf) -> Result<Self> {
        let database = TestDatabase::empty(&services).await?;
        std::fs::create_dir_all(&logs).with_context(|| logs.display().to_string())?;
        for old in std::fs::read_dir(&logs)?.flatten() {
            if old.path().extension().is_some_and(|extension| extension == "log") {
                std::fs::remove_file(old.path())?;
            }
        }
        let (vhost, token, tenant) = (OnceLock::new(), Arc::new(()), OnceCell::new());
        let world =
            Self { services, database, vhost, keep_vhost: false, logs, keep_logs: true, token, tenant };
        world.database.set_up().await?;
        // Creates the days of the history that are due.
        let exit = world.run_relay(&["migrate"]).await?;
        ensure!(exit.code == Some(0), "relay migrate: exit {:?}: {}{}", exit.code, exit.stdout, exit.stderr);
        Ok(world)
    }

    /// Leaves the database and the virtual host in place.
    pub fn keep(&mut self) {
        self.database.keep();
        self.keep_vhost();
    }

    /// Leaves the virtual host in place: for inspection, or because its whole broker is removed.
    pub fn keep_vhost(&mut self) {
        self.keep_vhost = true;
        if let Some(vhost) = self.vhost.get_mut() {
            vhost.keep();
        }
    }

    /// Returns this world's virtual host; makes it at the first call.
    ///
    /// # Panics
    /// If the broker refuses. So a test fails where it wanted the broker, as it does in [`Self::run`].
    #[expect(clippy::panic, reason = "this is how a test fails")]
    pub fn vhost(&self) -> &VirtualHost {
        self.vhost.get_or_init(|| {
            let mut vhost = VirtualHost::create(&self.services)
                .unwrap_or_else(|error| panic!("no virtual host for the test: {error:#}"));
            if self.keep_vhost {
                vhost.keep();
            }
            vhost
        })
    }

    pub fn logs(&self) -> &Path {
        &self.logs
    }

    pub(super) fn token(&self) -> Arc<()> {
        Arc::clone(&self.token)
    }

    /// Opens a connection for the test's own SQL, as the owner of the database: it sees the rows of all tenants.
    ///
    /// # Errors
    /// Fails if the database does not accept it.
    pub async fn sql(&self) -> Result<Client> {
        connect(&self.database.url).await
    }

    /// Opens a connection to this database as the server's administrator, who may end sessions and see their statements.
    ///
    /// # Errors
    /// Fails if the database does not accept it.
    pub async fn administrator(&self) -> Result<Client> {
        connect(&with_path(&self.services.database_url, self.database.name())?).await
    }

    /// Opens a connection as a superuser, for faults of the server itself. The URL is known only for servers that
    /// `deploy/services` started.
    ///
    /// # Errors
    /// Fails if the URL is not known, or the database does not accept the connection.
    pub async fn superuser(&self) -> Result<Client> {
        let url = self.services.superuser_url.as_deref().context("POSTGRES_SUPERUSER_URL is not set")?;
        connect(&with_path(url, self.database.name())?).await
    }

    /// Returns the tenant that this world's API key belongs to; creates it at the first call.
    ///
    /// # Errors
    /// Fails if the database refuses.
    pub async fn tenant(&self) -> Result<&Tenant> {
        self.tenant.get_or_try_init(async || Tenant::create(&self.sql().await?, "Maison Test").await).await
    }

    /// Creates that tenant as an operator does, with `api create-admin`.
    ///
    /// # Errors
    /// Fails if there is one already, or it cannot be created.
    pub async fn found_tenant(&self, name: &str) -> Result<&Tenant> {
        let email = "administrator@demo.example";
        let mut arguments = vec!["create-admin", "--email", email, "--name", "Administrator"];
        arguments.extend(["--tenant-name", name, "--api-key", "loader", "--json"]);
        let exit = self.run_api(&arguments).await?;
        ensure!(exit.code == Some(0), "api create-admin: exit {:?}: {}", exit.code, exit.stderr);
        let created: Value = serde_json::from_str(&exit.stdout)?;
        let text = |field: &str| created[field].as_str().unwrap_or_default();
        let tenant = Tenant {
            id: text("tenant_id").parse()?,
            short_name: text("tenant_short_name").to_owned(),
            api_key: text("api_key").to_owned(),
        };
        ensure!(self.tenant.set(tenant).is_ok(), "this world has a tenant already");
        self.tenant().await
    }

    /// Starts an API on this database.
    ///
    /// # Errors
    /// Fails if it does not become ready.
    pub async fn api(&self) -> Result<Api> {
        Api::start(self, &[]).await
    }

    /// Starts a relay between this database and this virtual host.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub async fn relay(&self) -> Result<Relay> {
        Relay::start(self, &[]).await
    }

    /// Runs `relay` with these arguments to its end.
    ///
    /// # Errors
    /// Fails if it does not end.
    pub async fn run_relay(&self, arguments: &[&str]) -> Result<Exit> {
        process::run(self.relay_command(arguments)?, RUN_LIMIT).await
    }

    /// Returns the command of `relay` with these arguments, in this world's environment.
    ///
    /// # Errors
    /// Fails if the program does not exist.
    pub fn relay_command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = project::command("relay")?;
        command
            .args(arguments)
            .env("DATABASE_URL", self.log_in(arguments, &self.database.relay_url))
            .env("AMQP_URL", &self.vhost().url)
            .env("COMPTOIR__RELAY__HTTP_LISTEN", "off");
        Ok(command)
    }

    /// Has a service of the API run once more, to its end. It may be running just now: then it is asked again.
    ///
    /// # Errors
    /// Fails if it does not run in time.
    pub async fn trigger_service(&self, name: &str) -> Result<()> {
        until(format!("{name} to be triggered"), RUN_LIMIT, async || {
            let exit = self.run_api(&["services", "trigger", name]).await?;
            ensure!(exit.code == Some(0), "{exit:?}");
            Ok(())
        })
        .await
    }

    /// Runs `api` with these arguments to its end.
    ///
    /// # Errors
    /// Fails if it does not end.
    pub async fn run_api(&self, arguments: &[&str]) -> Result<Exit> {
        process::run(self.api_command(arguments)?, RUN_LIMIT).await
    }

    /// Returns the command of `api` with these arguments, in this world's environment. It logs nothing, so that its output is
    /// not mixed with log lines.
    ///
    /// # Errors
    /// Fails if the program does not exist.
    pub fn api_command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = project::command("api")?;
        command
            .args(arguments)
            .env("DATABASE_URL", self.log_in(arguments, &self.database.api_url))
            .env("SERVICES_DATABASE_URL", &self.database.services_url)
            .env_remove("AMQP_URL")
            .env("COMPTOIR__LOG__FILTER", "off");
        Ok(command)
    }

    /// Returns the URL for a command: the owner's to migrate, to erase and to verify invoices, the auditor's to verify the trail, and `other` for the rest.
    fn log_in<'a>(&'a self, arguments: &[&str], other: &'a str) -> &'a str {
        match arguments.first() {
            Some(&"migrate") => &self.database.url,
            // Only the owner may change the trail.
            Some(&"audit") if matches!(arguments.get(1), Some(&("erase" | "erase-anonymised"))) => {
                &self.database.url
            }
            // Lists the rows of all tenants.
            Some(&("users" | "tenants")) if arguments.get(1) == Some(&"list") => &self.database.url,
            Some(&"audit") => &self.database.auditor_url,
            Some(&"invoices") => &self.database.url,
            _ => other,
        }
    }

    /// Starts a program in this world, with its output among the world's logs.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub fn start(&self, name: &str, command: &mut Command) -> Result<Daemon> {
        let log = self.logs.join(format!("{name}-{}.log", Uuid::new_v4().simple()));
        Daemon::spawn(name, command, &log, self.token())
    }

    /// Attaches a consumer of every event.
    ///
    /// # Errors
    /// Fails if the broker refuses.
    pub async fn consumer(&self) -> Result<Consumer> {
        Consumer::attach(&self.vhost().url, QueueOptions::default()).await
    }

    /// Attaches a consumer of every dead letter.
    ///
    /// # Errors
    /// Fails if the broker refuses.
    pub async fn dead_letter_consumer(&self) -> Result<Consumer> {
        let options = QueueOptions {
            name: "watch-dead-letters".into(),
            exchange: "commercial-management.dlx".into(),
            ..QueueOptions::default()
        };
        Consumer::attach(&self.vhost().url, options).await
    }

    /// Waits until the outbox is empty, that is, until every event is published or a dead letter.
    ///
    /// # Errors
    /// Fails at the deadline.
    pub async fn drained(&self, limit: Duration) -> Result<()> {
        let sql = self.sql().await?;
        until("an empty outbox", limit, async || {
            let left: i64 = sql.query_one("SELECT count(*) FROM outbox_events", &[]).await?.get(0);
            ensure!(left == 0, "{left} events are pending");
            Ok(())
        })
        .await
    }

    /// Like [`Self::everything_arrives`], and checks first that the events that these writers committed exist.
    ///
    /// # Errors
    /// Fails at the deadline, or if events are lost, invented or out of order.
    pub async fn everything_of_arrives(
        &self,
        written: &HashSet<Uuid>,
        consumer: &Consumer,
        limit: Duration,
    ) -> Result<Findings> {
        let findings = self.everything_arrives(consumer, limit).await?;
        let kept: HashSet<Uuid> =
            committed_events(&self.sql().await?).await?.iter().map(|event| event.id).collect();
        let lost = written.difference(&kept).count();
        ensure!(lost == 0, "{lost} committed events are in no table any more");
        Ok(findings)
    }

    /// Waits until all committed events have arrived, and compares.
    ///
    /// # Errors
    /// Fails at the deadline, or if events are lost, invented or out of order.
    pub async fn everything_arrives(&self, consumer: &Consumer, limit: Duration) -> Result<Findings> {
        self.drained(limit).await?;
        let committed = committed_events(&self.sql().await?).await?;
        let dead = committed.iter().filter(|event| event.fate == crate::ledger::Fate::DeadLettered).count();
        // It is left to the check to report the missing events by name.
        let _ = consumer.wait_for(committed.len() - dead, Duration::from_secs(10)).await;
        let findings = consumer.with_ledger(|ledger: &Ledger| ledger.check(&committed));
        ensure!(findings.is_sound_but_for_dead_letters(), "{}", findings.complaints(10).join("\n"));
        Ok(findings)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            show_logs(&self.logs);
        } else {
            assert!(Arc::strong_count(&self.token) == 1, "a program that the test started is still running");
        }
        if !self.keep_logs {
            let _ = std::fs::remove_dir_all(&self.logs);
        }
    }
}

fn show_logs(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let skipped = lines.len().saturating_sub(LOG_LINES);
        eprintln!("---- {} ({skipped} lines left out) ----", entry.file_name().display());
        for line in &lines[skipped..] {
            eprintln!("{line}");
        }
    }
}
