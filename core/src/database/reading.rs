//! Read-only transactions, each bound to one tenant.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures::FutureExt;
use scopeguard::ScopeGuard;

use super::{ConnectError, Database, PooledConnection};
use crate::access;
use crate::context::RequestContext;
use crate::error::Error;
use crate::ids::TenantId;

const BEGIN_READING: &str = "BEGIN READ ONLY; ";

impl Database {
    /// Runs queries for a principal, in a transaction that sees the rows of its tenant and no others. `queries` may run
    /// twice: when the principal has changed, they run again for what it is now.
    ///
    /// # Errors
    /// `Unauthenticated` and `Forbidden`; no database; what the queries fail with.
    pub(crate) async fn read<T>(
        &self,
        context: &RequestContext,
        queries: impl AsyncFn(&AsyncPgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.read_once(context, &queries).await {
            // The session was of no use, and is closed: others have been opened since, or will be.
            Err(error) if error.is_of_session() => self.read_once(context, &queries).await,
            Err(Error::PrincipalOutdated) => {
                let context = access::renewed(self, context).await?;
                self.read_once(&context, &queries).await
            }
            result => result,
        }
    }

    async fn read_once<T>(
        &self,
        context: &RequestContext,
        queries: &impl AsyncFn(&AsyncPgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let reading = self.reading(context.tenant_id()).await?;
        // In this order on the wire, and in one round trip where the statements are prepared already.
        let entering = access::enter(&reading, context, BEGIN_READING);
        let both = async { futures::join!(entering, queries(&reading)) };
        let (entered, result) = self.in_time(both).await?;
        end(reading);
        // What was read for somebody who may not read it is not even an error of theirs.
        entered?;
        result
    }

    /// Runs queries in a transaction that sees the rows of this tenant and no others, while it is still to be found out who
    /// asks.
    ///
    /// # Errors
    /// No database; what the queries fail with.
    pub(crate) async fn read_in<T>(
        &self,
        tenant_id: TenantId,
        queries: impl AsyncFnOnce(&AsyncPgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let reading = self.reading(tenant_id).await?;
        let both = async {
            let mut handle: &AsyncPgConnection = &reading;
            handle.batch_execute(&format!("{BEGIN_READING}{}", access::set_tenant(tenant_id))).await?;
            Ok::<_, Error>(queries(&reading).await)
        };
        let result = self.in_time(both).await??;
        end(reading);
        result
    }

    /// # Errors
    /// `TookTooLong`: the reading is dropped by whoever gets this, and its connection closed.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let limit = self.work_limit();
        let result = tokio::time::timeout(limit, work).await;
        result.map_err(|_| Error::TookTooLong { limit_ms: limit.as_millis() })
    }

    /// A connection on which a read-only transaction is about to begin. One that is dropped before its [`end`], because
    /// the client went away, is closed: it must not go back to the pool with an open transaction.
    async fn reading(&self, tenant: TenantId) -> Result<Reading, ConnectError> {
        Ok(scopeguard::guard(self.connection_of(tenant).await?, PooledConnection::close))
    }
}

type Reading = ScopeGuard<PooledConnection, fn(PooledConnection)>;

/// Sends the end of the transaction and does not wait for the answer, which would tell nothing: whoever has the connection
/// next waits for it with their own.
fn end(reading: Reading) {
    let connection = ScopeGuard::into_inner(reading);
    let mut handle: &AsyncPgConnection = &connection;
    if let Some(Err(error)) = handle.batch_execute("COMMIT").now_or_never() {
        tracing::debug!(%error, "a reading transaction did not end; its connection is closed");
        connection.close();
    }
}
