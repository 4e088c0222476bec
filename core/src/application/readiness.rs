//! Whether the database can be worked with.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use scopeguard::ScopeGuard;
use uuid::Uuid;

use super::error::Error;
use super::idempotency;
use super::tenant_database::set_tenant;
use crate::platform::database::{ConnectError, Database, PooledConnection};
use crate::values::ids::TenantId;

/// Whether the database answers, is migrated, and takes what is written; what is written here is rolled back.
///
/// # Errors
/// It does not, or it is not. A pool whose connections are all at work is neither, as long as any of them comes back.
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
    // Unless all of it is answered, it may be in an open transaction.
    let connection = scopeguard::guard(connection, PooledConnection::close);
    let nobody = set_tenant(TenantId::from_uuid(Uuid::nil()));
    let probe = format!("BEGIN; {nobody}; {}; ROLLBACK", idempotency::WRITE_PROBE);
    let mut handle: &AsyncPgConnection = &connection;
    handle.batch_execute(&probe).await?;
    drop(ScopeGuard::into_inner(connection));
    Ok(())
}
