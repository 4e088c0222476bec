//! Connections to PostgreSQL: the pool, single connections for long-lived agents, and migrations.
//!
//! Every connection carries its limits from the moment it is opened, so that no code path can forget one.

use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::TimeoutType;
use diesel::ConnectionError;
use diesel_async::pooled_connection::deadpool::{Object, Pool, PoolError};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use futures::FutureExt;
use serde::Deserialize;
use tokio::runtime::Handle;

use crate::config::{ConfigError, SecretUrl};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../schema/migrations");

/// Two `migrate` at the same time must not both apply a migration; the number is arbitrary but must never change.
const MIGRATION_LOCK: i64 = 0x636f_6d70_746f_6972;

/// Between two signs of life on a quiet connection; three that stay unanswered end it.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// How long what was sent may stay unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

pub type PooledConnection = Object<AsyncPgConnection>;

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    pub url: SecretUrl,
    /// Connections in the pool at most. Requests beyond it wait for `wait_timeout_ms`, then are told to come back.
    pub pool_size: usize,
    /// How long a request waits for a connection of the pool.
    pub wait_timeout_ms: u64,
    /// How long opening one connection may take.
    pub connect_timeout_ms: u64,
    /// PostgreSQL ends a statement that runs longer. 0 is without limit.
    pub statement_timeout_ms: u64,
    /// PostgreSQL ends a statement that waits longer for a row lock. 0 is without limit.
    pub lock_timeout_ms: u64,
    /// PostgreSQL ends a session that sits in an open transaction longer, and with it the locks that it holds.
    pub idle_in_transaction_timeout_ms: u64,
}

impl DatabaseConfig {
    /// # Errors
    /// A size or a timeout that would stop everything, a URL that does not parse.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.pool_size == 0 {
            return Err(ConfigError::value("database.pool_size", "must be at least 1"));
        }
        if self.connect_timeout_ms == 0 || self.wait_timeout_ms == 0 {
            return Err(ConfigError::value(
                "database.connect_timeout_ms, database.wait_timeout_ms",
                "must be at least 1 ms",
            ));
        }
        let wrong = |problem: &str| {
            let expected = "expected postgres://user:password@host:port/database (or set DATABASE_URL)";
            ConfigError::value("database.url", format!("{problem}; {expected}"))
        };
        if !["postgres://", "postgresql://"].iter().any(|scheme| self.url.expose().starts_with(scheme)) {
            return Err(wrong("not a URL of PostgreSQL"));
        }
        let parsed = self.parsed().map_err(|error| wrong(&error.to_string()))?;
        if parsed.get_ssl_mode() == tokio_postgres::config::SslMode::Require {
            return Err(wrong(
                "sslmode=require is not possible: connections to PostgreSQL are not encrypted yet",
            ));
        }
        Ok(())
    }

    fn parsed(&self) -> Result<tokio_postgres::Config, tokio_postgres::Error> {
        let mut config: tokio_postgres::Config = self.url.expose().parse()?;
        let options = format!(
            "{} -c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={} -c TimeZone=UTC",
            config.get_options().unwrap_or_default(),
            self.statement_timeout_ms,
            self.lock_timeout_ms,
            self.idle_in_transaction_timeout_ms,
        );
        config.options(options.trim());
        config.connect_timeout(self.connect_timeout());
        // A server that went away without a word is noticed within these, not within the kernel's quarter of an hour.
        config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE).keepalives_retries(3);
        config.tcp_user_timeout(UNACKNOWLEDGED);
        if config.get_application_name().is_none() {
            config.application_name("comptoir");
        }
        Ok(config)
    }

    fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }
}

/// The pool that requests draw from. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Pool<AsyncPgConnection>,
    runtime: Handle,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("status", &self.pool.status()).finish_non_exhaustive()
    }
}

/// Why no connection could be had.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot connect to PostgreSQL: {0}")]
    Connection(#[from] ConnectionError),
    #[error("no database connection: {0}")]
    Pool(#[from] PoolError),
}

impl Database {
    /// Makes the pool; connects only when a connection is first asked for. Must be called on the main runtime:
    /// connections live there, whichever thread asks for them, because a connection that lives on a busy
    /// single-threaded worker answers nobody.
    ///
    /// # Errors
    /// A configuration that `validate` refuses.
    pub fn new(config: &DatabaseConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let runtime = Handle::current();
        let mut manager = ManagerConfig::<AsyncPgConnection>::default();
        // A connection that died while idle is found by the statement that uses it, or by `is_closed` here; a ping
        // before every unit of work would cost a round trip each.
        manager.recycling_method = RecyclingMethod::Fast;
        let (settings, main) = (config.clone(), runtime.clone());
        manager.custom_setup = Box::new(move |_| {
            let (settings, main) = (settings.clone(), main.clone());
            async move {
                main.spawn(async move { connect(&settings).await })
                    .await
                    .unwrap_or_else(|stopped| Err(ConnectionError::BadConnection(stopped.to_string())))
            }
            .boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(config.url.expose(), manager);
        let pool = Pool::builder(manager)
            .max_size(config.pool_size)
            .wait_timeout(Some(Duration::from_millis(config.wait_timeout_ms)))
            .create_timeout(Some(config.connect_timeout()))
            .recycle_timeout(Some(config.connect_timeout()))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| ConfigError::value("database", error.to_string()))?;
        Ok(Self { pool, runtime })
    }

    /// # Errors
    /// PostgreSQL does not answer, or the pool stayed exhausted for `wait_timeout_ms`.
    pub async fn connection(&self) -> Result<PooledConnection, ConnectError> {
        Ok(self.pool.get().await?)
    }

    /// Whether the database answers and is migrated.
    ///
    /// # Errors
    /// It does not, or it is not. A pool whose connections are all at work is neither.
    pub async fn ping(&self) -> Result<(), crate::error::Error> {
        match self.connection().await {
            Ok(mut connection) => {
                Ok(connection.batch_execute("SELECT FROM idempotency_records, outbox_events LIMIT 0").await?)
            }
            Err(ConnectError::Pool(PoolError::Timeout(TimeoutType::Wait))) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The multi-threaded runtime on which connections live and units of work run.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Publishes the pool's use as gauges.
    pub fn record_metrics(&self) {
        let status = self.pool.status();
        metrics::gauge!("comptoir_db_pool_connections").set(status.size as f64);
        metrics::gauge!("comptoir_db_pool_connections_max").set(status.max_size as f64);
        metrics::gauge!("comptoir_db_pool_connections_idle").set(status.available as f64);
        metrics::gauge!("comptoir_db_pool_waiting").set(status.waiting as f64);
    }
}

/// Opens one connection outside any pool, for an agent that keeps it. Its driver lives on the calling runtime.
///
/// # Errors
/// PostgreSQL does not answer within `connect_timeout_ms`, or refuses.
pub async fn connect(config: &DatabaseConfig) -> Result<AsyncPgConnection, ConnectionError> {
    let settings =
        config.parsed().map_err(|error| ConnectionError::InvalidConnectionUrl(error.to_string()))?;
    let opening = async {
        let (client, connection) = settings
            .connect(tokio_postgres::NoTls)
            .await
            .map_err(|error| ConnectionError::BadConnection(describe(&error)))?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await
    };
    tokio::time::timeout(config.connect_timeout(), opening).await.unwrap_or_else(|_| {
        Err(ConnectionError::BadConnection(format!("no answer within {} ms", config.connect_timeout_ms)))
    })
}

/// tokio-postgres keeps the reason (refused, no such host, wrong password) in the source, not in its own text.
fn describe(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Brings the database up to date and returns the names of the migrations applied now. Two runs at the same time
/// are safe: the second waits for the first, then finds nothing to do.
///
/// Blocks its thread in places: call it as a step of its own on a multi-threaded runtime.
///
/// # Errors
/// No connection, or a migration that fails (it is rolled back).
pub async fn migrate(config: &DatabaseConfig) -> Result<Vec<String>, MigrationError> {
    // A migration may rightly run for minutes.
    let patient = DatabaseConfig { statement_timeout_ms: 0, lock_timeout_ms: 0, ..config.clone() };
    let mut connection = connect(&patient).await?;
    connection.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).await?;
    // The lock goes with the session.
    let mut harness = AsyncMigrationHarness::new(connection);
    let applied = harness.run_pending_migrations(MIGRATIONS).map_err(MigrationError::Failed)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error("cannot connect to PostgreSQL: {0}")]
    Connection(#[from] ConnectionError),
    #[error("cannot take the migration lock: {0}")]
    Lock(#[from] diesel::result::Error),
    #[error("migration failed: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}
