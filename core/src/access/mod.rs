//! Who may do what: permissions and roles, principals and how they are looked up.
//!
//! A request presents a credential, which is verified without the database where it can be (a token's signature) and says
//! who asks. What they may do is remembered for each credential, and found to be still true, or not, in every transaction
//! that works for them, by one look-up by primary key that travels with the transaction's other statements (ADR 10, 14). So
//! a session that ends, a user who is disabled and a role that changes count at once, on every replica.

mod authority;
mod permission;
mod principal;
mod principals;
mod queries;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};

pub use permission::{Permission, PermissionSet, Role};
pub use principal::{Actor, Credential, CredentialKind, Principal};
pub use principals::{API_KEY_PREFIX, Principals};

pub(crate) use authority::{Authority, authority};
pub(crate) use queries::set_tenant;

use crate::context::RequestContext;
use crate::database::Database;
use crate::error::Error;

/// Binds a transaction to the context's tenant, and finds out whether its principal still holds. `begin` is what goes in
/// front of that, such as `BEGIN; `, or nothing in a transaction that is open already.
///
/// # Errors
/// `PrincipalOutdated`: look it up again ([`renewed`]).
pub(crate) async fn enter(
    mut connection: &AsyncPgConnection,
    context: &RequestContext,
    begin: &str,
) -> Result<(), Error> {
    let bind = format!("{begin}{}", set_tenant(context.tenant_id()));
    let handle = connection;
    // The first poll sends the first statement as it is; the second one may have to be prepared, and then comes later.
    let (bound, is_current) =
        futures::join!(connection.batch_execute(&bind), queries::is_current(handle, &context.principal));
    bound?;
    if is_current? { Ok(()) } else { Err(Error::PrincipalOutdated) }
}

/// The context with its principal as it is now.
///
/// # Errors
/// `Unauthenticated` if the credential does not hold any more, `Forbidden` if the principal may not do any more what the
/// request needs.
pub(crate) async fn renewed(database: &Database, context: &RequestContext) -> Result<RequestContext, Error> {
    context.principal.set_outdated();
    let credential = context.principal.credential().ok_or(Error::Unauthenticated)?;
    let principal = Principals::load(database, credential).await?.ok_or(Error::Unauthenticated)?;
    match context.required {
        Some(permission) if !principal.may(permission) => Err(Error::Forbidden(permission)),
        _ => Ok(RequestContext { principal: principal.into(), ..context.clone() }),
    }
}

pub(crate) fn stored_role(name: &str) -> Result<Role, Error> {
    name.parse().map_err(|_| Error::Stored { what: "a role", value: name.to_owned() })
}
