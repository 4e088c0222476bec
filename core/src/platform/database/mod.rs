//! Connections to PostgreSQL: the pool, single connections for background tasks, and migrations.
//!
//! Every connection carries its limits from the moment it is opened, so that no code path can forget one.

mod advice;
mod config;
mod connect;
mod encryption;
mod fault;
mod fitness;
mod frames;
mod migrations;
mod pooling;
mod session;
mod shares;
mod sqlstate;
mod tls;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Pool, PoolError, TimeoutType, Timeouts};
use tokio::runtime::Handle;
use tokio::time::Instant;
use uuid::Uuid;

use self::fitness::Generations;
use self::session::SessionManager;
use self::shares::{Claim, OF_A_ROW, Shares};
use crate::platform::config::ConfigError;
use crate::values::ids::TenantId;

pub use self::advice::{first_look, statement_fix};
pub use self::config::{DatabaseConfig, RuntimeRole};
pub use self::connect::connect;
pub use self::fault::{ConnectFault, StatementFault, statement_fault_reason};
pub use self::migrations::{
    MigrationError, MigrationState, Migrations, make_runtime_role, migrate, migration_state,
};
pub use self::session::PooledConnection;
pub use self::sqlstate::sqlstate;

const REFUSED: &str = "comptoir_db_pool_refused_total";

/// The pool that requests draw from. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Pool<SessionManager>,
    shares: Shares,
    /// Connections that came back to the pool, ever.
    returns: Arc<AtomicU64>,
    limits: Limits,
    runtime: Handle,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    wait: Duration,
    /// Connections that one tenant may have.
    tenant: usize,
    /// How long a unit of work, or a read, may take in all.
    work: Duration,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("status", &self.pool.status()).finish_non_exhaustive()
    }
}

/// Why no connection was available.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot connect to PostgreSQL: {0}")]
    Connection(#[from] ConnectFault),
    #[error("no database connection became free in time")]
    Exhausted,
    #[error("the share of this {0} in the database connections is used up")]
    OverShare(&'static str),
    #[error("no database connection: {0}")]
    Pool(String),
}

impl From<PoolError<ConnectFault>> for ConnectError {
    fn from(error: PoolError<ConnectFault>) -> Self {
        match error {
            PoolError::Backend(fault) => Self::Connection(fault),
            PoolError::Timeout(TimeoutType::Wait) => Self::Exhausted,
            error => Self::Pool(error.to_string()),
        }
    }
}

impl Database {
    /// Creates the pool; connects only when the first connection is requested. Must be called on the main runtime.
    /// Connections live there, whichever thread requests them, because a connection on a busy single-threaded worker
    /// would not be served.
    ///
    /// # Errors
    /// Fails if `validate` refuses the configuration.
    pub fn new(config: &DatabaseConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let runtime = Handle::current();
        let sessions = SessionManager {
            config: config.clone(),
            runtime: runtime.clone(),
            generations: Arc::new(Generations::default()),
        };
        let limits = config.limits();
        let pool = Pool::builder(sessions)
            .max_size(config.pool_size)
            .wait_timeout(Some(limits.wait))
            .create_timeout(Some(config.connect_timeout()))
            .recycle_timeout(Some(config.connect_timeout()))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| ConfigError::value("database", error.to_string()))?;
        let (shares, returns) = (Shares::default(), Arc::default());
        Ok(Self { pool, shares, returns, limits, runtime })
    }

    /// Returns a connection for work that is for no tenant, or for all of them.
    ///
    /// # Errors
    /// Fails if PostgreSQL does not answer, or if the pool stays exhausted for `wait_timeout_ms`.
    pub async fn connection(&self) -> Result<PooledConnection, ConnectError> {
        self.connection_for(&[], Instant::now() + self.limits.wait).await
    }

    /// Returns a connection out of the tenant's share, for reads.
    ///
    /// # Errors
    /// Fails as [`Self::connection`] does, or if the tenant's share stays used up for as long.
    pub(crate) async fn connection_of(&self, tenant: TenantId) -> Result<PooledConnection, ConnectError> {
        let until = Instant::now() + self.limits.wait;
        self.connection_for(&[Claim::OfTenant(tenant)], until).await
    }

    /// Returns a connection out of the tenant's share, for a command. A command on one row also waits for its turn.
    ///
    /// # Errors
    /// Fails as [`Self::connection`] does, or if the share of the tenant or of the row stays used up for as long.
    pub(crate) async fn connection_to_change(
        &self,
        tenant: TenantId,
        row: Option<Uuid>,
    ) -> Result<PooledConnection, ConnectError> {
        let until = Instant::now() + self.limits.wait;
        match row {
            // The row's share first: a command that waits for its turn takes nothing of the tenant's share.
            Some(row) => {
                self.connection_for(&[Claim::OfRow(tenant, row), Claim::OfTenant(tenant)], until).await
            }
            None => self.connection_for(&[Claim::OfTenant(tenant)], until).await,
        }
    }

    async fn connection_for(
        &self,
        claims: &[Claim],
        until: Instant,
    ) -> Result<PooledConnection, ConnectError> {
        let mut shares = Vec::with_capacity(claims.len());
        for claim in claims {
            let limit = match claim {
                Claim::OfTenant(_) => self.limits.tenant,
                Claim::OfRow(..) => OF_A_ROW.min(self.limits.tenant),
            };
            let Some(share) = self.shares.take(*claim, limit, until).await else {
                metrics::counter!(REFUSED, "limit" => claim.name()).increment(1);
                return Err(ConnectError::OverShare(claim.name()));
            };
            shares.push(share);
        }
        let timeouts =
            Timeouts { wait: Some(until.saturating_duration_since(Instant::now())), ..self.pool.timeouts() };
        match self.pool.timeout_get(&timeouts).await {
            Ok(session) => Ok(PooledConnection::new(session, Arc::clone(&self.returns), shares)),
            Err(error) => {
                let error = ConnectError::from(error);
                if matches!(error, ConnectError::Exhausted) {
                    metrics::counter!(REFUSED, "limit" => "pool").increment(1);
                }
                Err(error)
            }
        }
    }

    /// Returns how long a unit of work, or a read, may take in all. Then its connection is closed.
    pub(crate) fn work_limit(&self) -> Duration {
        self.limits.work
    }

    /// Connections that came back to the pool, ever.
    pub(crate) fn returned(&self) -> u64 {
        self.returns.load(Ordering::Relaxed)
    }

    /// As [`Self::connection`], but waits no longer than `limit`.
    ///
    /// # Errors
    /// Fails as [`Self::connection`] does, after `limit`.
    pub(crate) async fn connection_within(&self, limit: Duration) -> Result<PooledConnection, ConnectError> {
        self.connection_for(&[], Instant::now() + limit).await
    }

    /// The multi-threaded runtime on which connections live and units of work run.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Describes the metrics, as Prometheus shows them.
    pub fn describe_metrics() {
        metrics::describe_counter!(
            REFUSED,
            "Requests that got no connection within database.wait_timeout_ms"
        );
        for limit in ["row", "tenant", "pool"] {
            metrics::counter!(REFUSED, "limit" => limit).increment(0);
        }
    }

    /// Publishes the pool's use as gauges.
    pub fn record_metrics(&self) {
        let status = self.pool.status();
        for (name, help, value) in [
            ("comptoir_db_pool_connections", "Connections that are open", status.size),
            ("comptoir_db_pool_connections_max", "Connections that are permitted", status.max_size),
            ("comptoir_db_pool_connections_idle", "Connections that are not in use", status.available),
            (
                "comptoir_db_pool_waiting",
                "Requests that wait for a connection",
                status.waiting + self.shares.waiting(),
            ),
        ] {
            metrics::describe_gauge!(name, help);
            metrics::gauge!(name).set(value as f64);
        }
    }
}
