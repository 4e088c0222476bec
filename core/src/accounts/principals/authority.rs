//! The authority to decide about users and their credentials.
//!
//! A user decides with their own permissions. An API key decides for its owner: the user who made it, or the owner of the
//! key that made it. It decides with those of its permissions that its owner still has. Nothing else that a key does
//! depends on its owner.

use super::stored;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::application::{Actor, Permission, PermissionSet, Principal};
use crate::values::ids::UserId;

/// The user for whom a principal decides, and the permissions that count for the decision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Authority {
    /// The user, or the key's owner; `None` for an operator and an operator's key.
    pub(crate) user: Option<UserId>,
    pub(crate) held: PermissionSet,
}

/// Returns the authority of the principal of this unit of work.
///
/// # Errors
/// `Forbidden` if the permission `needed` is not held: for example, if an API key has it and its owner lost it.
pub(crate) async fn authority(work: &mut UnitOfWork<'_>, needed: Permission) -> Result<Authority, Error> {
    let Principal { tenant_id, actor, permissions, .. } = *work.context().principal;
    let authority = match actor {
        Actor::User { user_id, .. } => Authority { user: Some(user_id), held: permissions },
        // Never happens: an operator account works in no tenant.
        Actor::OperatorAccount { .. } => return Err(Error::NotForOperators),
        // A person who may use the machine's command line may do everything.
        Actor::Operator => Authority { user: None, held: PermissionSet::all() },
        Actor::ApiKey(id) => match stored::owner(work.connection(), tenant_id, id).await? {
            None => Authority { user: None, held: permissions },
            Some((owner, owned)) => Authority { user: Some(owner), held: permissions.and(owned) },
        },
    };
    if !authority.held.contains(needed) {
        return Err(Error::Forbidden(needed));
    }
    Ok(authority)
}
