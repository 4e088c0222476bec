//! The database as commands and queries use it. Each transaction is bound to one tenant, and checks that its principal
//! is still current.

use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures::FutureExt;
use scopeguard::ScopeGuard;

use super::context::RequestContext;
use super::error::Error;
use super::operators::OperatorContext;
use super::principal::{Credential, Principal, PrincipalLookup};
use crate::platform::database::{ConnectError, Database, PooledConnection};
use crate::values::ids::TenantId;

/// All statements of a read see the same rows: a page may take several.
const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ";

/// Ends a transaction that [`TenantDatabase::enter`] began.
pub(super) async fn leave(connection: &mut AsyncPgConnection, commits: bool) -> QueryResult<()> {
    connection.batch_execute(if commits { "COMMIT" } else { "ROLLBACK" }).await
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct TenantDatabase {
    database: Database,
    principals: Arc<dyn PrincipalLookup>,
}

/// Returns the statement that binds a transaction to a tenant: row-level security then shows no other tenant's rows.
pub(crate) fn set_tenant(tenant_id: TenantId) -> String {
    format!("SET LOCAL comptoir.tenant_id = '{tenant_id}'")
}

impl TenantDatabase {
    pub fn new(database: Database, principals: Arc<dyn PrincipalLookup>) -> Self {
        Self { database, principals }
    }

    /// Returns the database without the binding, for work on no tenant or on all of them.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Binds a transaction to the context's tenant, and checks that its principal is still current. `begin` is the SQL
    /// in front of that, such as `BEGIN; `. It is empty in a transaction that is open already.
    ///
    /// # Errors
    /// `PrincipalOutdated` if the principal must be looked up again ([`Self::renewed`]).
    pub(crate) async fn enter(
        &self,
        mut connection: &AsyncPgConnection,
        context: &RequestContext,
        begin: &str,
    ) -> Result<(), Error> {
        let bind = format!("{begin}{}", set_tenant(context.tenant_id()));
        let is_current = self.principals.is_current(connection, &context.principal);
        // The first poll sends the first statement at once. The second one may have to be prepared, and then follows
        // later.
        let (bound, is_current) = futures::join!(connection.batch_execute(&bind), is_current);
        bound?;
        if is_current? { Ok(()) } else { Err(Error::PrincipalOutdated) }
    }

    /// Returns the context with its principal as it is now.
    ///
    /// # Errors
    /// `Unauthenticated` if the credential is no longer valid, `Forbidden` if the principal no longer has the
    /// permission that the request needs.
    pub(crate) async fn renewed(&self, context: &RequestContext) -> Result<RequestContext, Error> {
        context.principal.set_outdated();
        let credential = context.principal.credential().ok_or(Error::Unauthenticated)?;
        let principal = self.principal(credential).await?.ok_or(Error::Unauthenticated)?;
        match context.required {
            Some(permission) if !principal.may(permission) => Err(Error::Forbidden(permission)),
            _ => Ok(RequestContext { principal: principal.into(), ..context.clone() }),
        }
    }

    /// Looks up the principal with this credential, as it is now; `None` if the credential is not valid.
    ///
    /// # Errors
    /// Fails if the database cannot be reached.
    pub async fn principal(&self, credential: Credential) -> Result<Option<Principal>, Error> {
        self.read_in(credential.tenant_id, async |connection| {
            self.principals.load(connection, credential).await
        })
        .await
    }

    /// Runs queries for a principal, in a transaction that sees the rows of its tenant and no others. `queries` may run
    /// twice, for example if the principal has changed: they run again for the principal as it is now.
    ///
    /// # Errors
    /// `Unauthenticated` or `Forbidden` as [`Self::renewed`], `NotForOperators` if the principal has no tenant. Fails if
    /// the database cannot be reached, or if the queries fail.
    pub(crate) async fn read<T>(
        &self,
        context: &RequestContext,
        queries: impl AsyncFn(&AsyncPgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if context.principal.is_of_operators() {
            return Err(Error::NotForOperators);
        }
        self.read_renewed(context, queries).await
    }

    /// Runs queries for an operator, as [`Self::read`], in a transaction that sees the operators' own rows and no tenant's.
    ///
    /// # Errors
    /// Fails as [`Self::read`] does, but for `NotForOperators`.
    pub(crate) async fn read_as_operator<T>(
        &self,
        context: &OperatorContext,
        queries: impl AsyncFn(&AsyncPgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.read_renewed(context.request(), queries).await
    }

    async fn read_renewed<T>(
        &self,
        context: &RequestContext,
        queries: impl AsyncFn(&AsyncPgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.read_once(context, &queries).await {
            // The connection was unusable, and is closed: others have been opened since, or will be.
            Err(error) if error.is_of_session() => self.read_once(context, &queries).await,
            Err(Error::PrincipalOutdated) => {
                let context = self.renewed(context).await?;
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
        // The statements are sent in this order, and in one round trip if they are prepared already.
        let entering = self.enter(&reading, context, BEGIN_READING);
        let both = async { futures::join!(entering, queries(&reading)) };
        let (entered, result) = self.in_time(both).await?;
        end(reading);
        // Checked first: a principal that may not read does not even learn an error of the queries.
        entered?;
        result
    }

    /// Runs queries in a transaction that sees the rows of this tenant and no others, before the principal is known.
    ///
    /// # Errors
    /// Fails if the database cannot be reached, or if the queries fail.
    pub(crate) async fn read_in<T>(
        &self,
        tenant_id: TenantId,
        queries: impl AsyncFnOnce(&AsyncPgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let reading = self.reading(tenant_id).await?;
        let both = async {
            let mut handle: &AsyncPgConnection = &reading;
            handle.batch_execute(&format!("{BEGIN_READING}{}", set_tenant(tenant_id))).await?;
            Ok::<_, Error>(queries(&reading).await)
        };
        let result = self.in_time(both).await??;
        end(reading);
        result
    }

    /// Runs queries for a principal, as [`Self::read`] does, whose answers are sent while they come. So the principal is checked before the first of them, they run once,
    /// and they may take longer than other reads: until `limit` passes.
    ///
    /// # Errors
    /// Fails as [`Self::read`] does. What was sent until then was sent.
    pub(crate) async fn read_and_send<T>(
        &self,
        context: &RequestContext,
        limit: Duration,
        queries: impl AsyncFnOnce(&AsyncPgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if context.principal.is_of_operators() {
            return Err(Error::NotForOperators);
        }
        let first = self.reading(context.tenant_id()).await?;
        let entered = self.in_time(self.enter(&first, context, BEGIN_READING)).await?;
        let reading = match entered {
            Ok(()) => first,
            Err(Error::PrincipalOutdated) => {
                drop(first);
                let context = self.renewed(context).await?;
                let second = self.reading(context.tenant_id()).await?;
                self.in_time(self.enter(&second, &context, BEGIN_READING)).await??;
                second
            }
            Err(error) => return Err(error),
        };
        let result = tokio::time::timeout(limit, queries(&reading)).await;
        let result = result.map_err(|_| Error::TookTooLong { limit_ms: limit.as_millis() })?;
        end(reading);
        result
    }

    /// # Errors
    /// `TookTooLong` if the limit passes. The caller then drops the [`Reading`], which closes its connection.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let limit = self.database.work_limit();
        let result = tokio::time::timeout(limit, work).await;
        result.map_err(|_| Error::TookTooLong { limit_ms: limit.as_millis() })
    }

    /// Returns a connection for a read-only transaction. If it is dropped before its [`end`], because the client went
    /// away, it is closed: it must not go back to the pool with an open transaction.
    async fn reading(&self, tenant: TenantId) -> Result<Reading, ConnectError> {
        Ok(scopeguard::guard(self.database.connection_of(tenant).await?, PooledConnection::close))
    }
}

type Reading = ScopeGuard<PooledConnection, fn(PooledConnection)>;

/// Sends the end of the transaction, and does not wait for the answer, which would tell nothing. The next user of the
/// connection receives it in front of its own answer.
fn end(reading: Reading) {
    let connection = ScopeGuard::into_inner(reading);
    let mut handle: &AsyncPgConnection = &connection;
    if let Some(Err(error)) = handle.batch_execute("COMMIT").now_or_never() {
        tracing::debug!(%error, "a reading transaction did not end; its connection is closed");
        connection.close();
    }
}
