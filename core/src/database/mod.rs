//! Connections to PostgreSQL: the pool, single connections for long-lived agents, and migrations.
//!
//! Every connection carries its limits from the moment it is opened, so that no code path can forget one.

mod config;
mod connect;
mod fault;
mod migrations;
mod pooling;
mod reading;
mod tls;

use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::TimeoutType;
use diesel::ConnectionError;
use diesel_async::pooled_connection::deadpool::{Object, Pool, PoolError};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures::FutureExt;
use tokio::runtime::Handle;

use crate::access::Lease;
use crate::config::ConfigError;

pub use self::config::{DatabaseConfig, RuntimeRole};
pub use self::connect::connect;
pub use self::fault::{ConnectFault, statement_fault_reason};
pub use self::migrations::{
    MigrationError, MigrationState, Migrations, make_runtime_role, migrate, migration_state,
};

pub type PooledConnection = Object<AsyncPgConnection>;

/// The pool that requests draw from. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Pool<AsyncPgConnection>,
    runtime: Handle,
    lease: Lease,
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
    Connection(#[from] ConnectFault),
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
                let opened = main.spawn(async move { connect(&settings).await }).await;
                match opened {
                    Ok(opened) => opened.map_err(|fault| ConnectionError::BadConnection(fault.to_string())),
                    Err(stopped) => Err(ConnectionError::BadConnection(stopped.to_string())),
                }
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
        Ok(Self { pool, runtime, lease: Lease::default() })
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
                Ok(connection.batch_execute("SELECT FROM idempotency_records LIMIT 0").await?)
            }
            Err(ConnectError::Pool(PoolError::Timeout(TimeoutType::Wait))) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The multi-threaded runtime on which connections live and units of work run.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// The lease on the principals who use this pool: held while somebody runs [`Lease::keep`].
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Publishes the pool's use as gauges.
    pub fn record_metrics(&self) {
        let status = self.pool.status();
        for (name, help, value) in [
            ("comptoir_db_pool_connections", "Connections that are open", status.size),
            ("comptoir_db_pool_connections_max", "Connections that are permitted", status.max_size),
            ("comptoir_db_pool_connections_idle", "Connections that are not in use", status.available),
            ("comptoir_db_pool_waiting", "Requests that wait for a connection", status.waiting),
        ] {
            metrics::describe_gauge!(name, help);
            metrics::gauge!(name).set(value as f64);
        }
    }
}
