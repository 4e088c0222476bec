//! How long an answer of the database is waited for.
//!
//! PostgreSQL ends a statement at its own timeout, and the kernel a connection whose peer is gone. Neither helps where
//! something in between, a load balancer for one, goes on acknowledging what is sent while nobody answers any more.

use std::time::Duration;

use comptoir_core::platform::database::DatabaseConfig;
use diesel::QueryResult;

use crate::error::DatabaseFault;

/// Beyond what PostgreSQL allows a statement: for the way there and back.
const WAY: Duration = Duration::from_secs(1);

/// Waits for the statement for `database.statement_timeout_ms` and a second; without limit if that is 0. After a fault the
/// connection must be given up: its answers would belong to the wrong statements.
pub(crate) async fn answered<T>(
    config: &DatabaseConfig,
    statement: impl Future<Output = QueryResult<T>>,
) -> Result<T, DatabaseFault> {
    if config.statement_timeout_ms == 0 {
        return Ok(statement.await?);
    }
    answered_within(Duration::from_millis(config.statement_timeout_ms) + WAY, statement).await
}

/// The same with a limit of its own: for statements that are answered at once, so that a session that is silent is found out
/// long before a statement that may take its time.
pub(crate) async fn answered_within<T>(
    limit: Duration,
    statement: impl Future<Output = QueryResult<T>>,
) -> Result<T, DatabaseFault> {
    match tokio::time::timeout(limit, statement).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(DatabaseFault::NoAnswer(limit.as_millis())),
    }
}
