//! The pool's sessions: how they are opened, and which of them are used again.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use deadpool::managed::{Manager, Metrics, Object, RecycleError, RecycleResult};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::PoolableConnection;
use tokio::runtime::Handle;

use super::connect;
use super::fitness::{Fitness, Generations};
use super::shares::Share;
use super::{ConnectFault, DatabaseConfig};

pub(super) struct PooledSession {
    connection: AsyncPgConnection,
    fitness: Arc<Fitness>,
}

/// Opens sessions on the main runtime, whichever thread requests them: a connection on a busy single-threaded worker
/// would not be served.
pub(super) struct SessionManager {
    pub(super) config: DatabaseConfig,
    pub(super) runtime: Handle,
    pub(super) generations: Arc<Generations>,
}

impl Manager for SessionManager {
    type Type = PooledSession;
    type Error = ConnectFault;

    async fn create(&self) -> Result<PooledSession, ConnectFault> {
        let (config, fitness) = (limited(&self.config), Arc::new(self.generations.member()));
        let opening = self.runtime.spawn(async move {
            let connection = connect::open(&config, Arc::clone(&fitness)).await?;
            Ok(PooledSession { connection, fitness })
        });
        opening.await.unwrap_or_else(|stopped| Err(ConnectFault::Unreachable(stopped.to_string())))
    }

    /// Checks a session without a ping, which would cost every unit of work a round trip. A connection that died while it was
    /// idle is noticed here, or by the statement that uses it.
    async fn recycle(&self, session: &mut PooledSession, _: &Metrics) -> RecycleResult<ConnectFault> {
        if session.connection.is_broken() || !session.fitness.is_fit() {
            return Err(RecycleError::message("of no use any more"));
        }
        Ok(())
    }
}

/// Gives statements without a time limit the limit of a unit of work. Units of work and reads are ended by then in any case,
/// but not the other users of the pool: the log-in throttle, the search for a user or an API key, and background tasks.
fn limited(config: &DatabaseConfig) -> DatabaseConfig {
    let mut limited = config.clone();
    if limited.statement_timeout_ms == 0 {
        limited.statement_timeout_ms = limited.work_timeout_ms;
    }
    limited
}

/// A connection of the pool. It goes back when it is dropped, unless it is [closed](Self::close).
pub struct PooledConnection {
    // Fields are given back in this order.
    session: Object<SessionManager>,
    returned: Returned,
    shares: Vec<Share>,
}

impl PooledConnection {
    pub(super) fn new(session: Object<SessionManager>, returns: Arc<AtomicU64>, shares: Vec<Share>) -> Self {
        Self { session, returned: Returned(returns), shares }
    }

    /// Closes the connection instead of giving it back: it is unknown which statement still runs on it.
    pub(crate) fn close(self) {
        let Self { session, returned, shares } = self;
        drop(Object::take(session));
        drop((returned, shares));
    }
}

impl Deref for PooledConnection {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.session.connection
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.session.connection
    }
}

impl std::fmt::Debug for PooledConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PooledConnection").finish_non_exhaustive()
    }
}

/// Counts the connections that came back, which shows whether the pool moves at all.
struct Returned(Arc<AtomicU64>);

impl Drop for Returned {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(statement_timeout_ms: u64) -> DatabaseConfig {
        let settings = json!({
            "url": "postgres://h/d",
            "tls_mode": "",
            "tls_ca_file": "",
            "tls_cert_file": "",
            "tls_key_file": "",
            "pool_size": 1,
            "tenant_share_percent": 100,
            "wait_timeout_ms": 1,
            "connect_timeout_ms": 1,
            "statement_timeout_ms": statement_timeout_ms,
            "lock_timeout_ms": 1,
            "work_timeout_ms": 20_000,
            "idle_in_transaction_timeout_ms": 1,
        });
        serde_json::from_value(settings).expect("all settings")
    }

    #[test]
    fn no_statement_of_the_pool_is_without_a_limit() {
        for (asked, limit) in [(0, 20_000), (1, 1), (30_000, 30_000)] {
            let limits = limited(&config(asked)).session_limits();
            assert!(limits.contains(&format!("SET statement_timeout = {limit};")), "{asked}: {limits}");
        }
    }
}
