//! The readiness probe of the database.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use scopeguard::ScopeGuard;
use uuid::Uuid;

use super::error::Error;
use super::idempotency;
use super::tenant_database::set_tenant;
use crate::platform::database::{ConnectError, Database, PooledConnection};
use crate::values::ids::TenantId;

/// Checks that the database answers, is migrated and accepts writes: writes a row and rolls it back.
///
/// # Errors
/// Fails if one of these does not hold, or if the probe takes longer than `limit`. A pool whose connections are all in
/// use counts as ready if one of them was returned during the probe.
pub async fn ready(database: &Database, limit: Duration) -> Result<(), Error> {
    let returned = database.returned();
    match tokio::time::timeout(limit, probe(database, limit)).await {
        Ok(Err(Error::Connect(ConnectError::Exhausted))) if database.returned() != returned => Ok(()),
        Ok(result) => result,
        Err(_) => Err(Error::TookTooLong { limit_ms: limit.as_millis() }),
    }
}

async fn probe(database: &Database, limit: Duration) -> Result<(), Error> {
    let connection = database.connection_within(limit.mul_f32(0.9)).await?;
    // Until the whole probe is answered, the connection may be in an open transaction: then it is closed.
    let connection = scopeguard::guard(connection, PooledConnection::close);
    let nobody = set_tenant(TenantId::from_uuid(Uuid::nil()));
    let probe = format!("BEGIN; {nobody}; {}; ROLLBACK", idempotency::WRITE_PROBE);
    let mut handle: &AsyncPgConnection = &connection;
    handle.batch_execute(&probe).await?;
    drop(ScopeGuard::into_inner(connection));
    Ok(())
}
