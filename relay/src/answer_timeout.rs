//! Limits on the wait for an answer of the database.
//!
//! PostgreSQL ends a statement at its own timeout, and the kernel ends a connection whose peer is gone. Neither helps where
//! a load balancer, for example, goes on acknowledging packets while the database behind it does not answer any more.

use std::time::Duration;

use comptoir_core::platform::database::DatabaseConfig;
use diesel::QueryResult;

use crate::error::DatabaseFault;

/// The network's round trip, added to the time that PostgreSQL allows a statement.
const WAY: Duration = Duration::from_secs(1);

/// Waits for the statement for `database.statement_timeout_ms` and a second; without limit if that is 0. After a fault the
/// caller must drop the connection: a late answer would be taken for the answer of the next statement.
pub(crate) async fn answered<T>(
    config: &DatabaseConfig,
    statement: impl Future<Output = QueryResult<T>>,
) -> Result<T, DatabaseFault> {
    if config.statement_timeout_ms == 0 {
        return Ok(statement.await?);
    }
    answered_within(Duration::from_millis(config.statement_timeout_ms) + WAY, statement).await
}

/// Like [`answered`] with a shorter `limit`, for statements that the database answers at once: a silent session is noticed
/// long before `database.statement_timeout_ms` is over.
pub(crate) async fn answered_within<T>(
    limit: Duration,
    statement: impl Future<Output = QueryResult<T>>,
) -> Result<T, DatabaseFault> {
    match tokio::time::timeout(limit, statement).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(DatabaseFault::NoAnswer(limit.as_millis())),
    }
}
