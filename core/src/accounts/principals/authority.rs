//! What somebody may decide about people and their credentials.
//!
//! A user decides by what they have. An API key decides for its owner, the user who made it or who answers for the key that
//! made it: by what it was given and its owner still has. Nothing else that a key does depends on its owner.

use super::stored;
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::application::{Actor, Permission, PermissionSet, Principal};
use crate::values::ids::UserId;

/// For whom somebody decides, and how far they may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Authority {
    /// The user, or the key's owner; `None` for an operator and an operator's key.
    pub(crate) user: Option<UserId>,
    pub(crate) held: PermissionSet,
}

/// Of whoever asks, in their own transaction.
///
/// # Errors
/// `Forbidden`: an API key was made with the permission `needed`, and its owner does not have it any more.
pub(crate) async fn authority(work: &mut UnitOfWork<'_>, needed: Permission) -> Result<Authority, Error> {
    let Principal { tenant_id, actor, permissions, .. } = *work.context().principal;
    let authority = match actor {
        Actor::User { user_id, .. } => Authority { user: Some(user_id), held: permissions },
        // Whoever may use the machine's command line may do everything.
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
