//! Who may decide about a user: whoever holds all that this user holds, before and after.

use super::aggregate::{User, UserError};
use crate::application::{Permission, PermissionSet};
use crate::values::ids::UserId;

/// Who decides about a user, and what of the company matters for it.
#[derive(Debug, Clone, Copy)]
pub struct Decision {
    /// The user, or who answers for the API key. `None` for an operator and an operator's key.
    pub by: Option<UserId>,
    /// What whoever decides may still do themselves.
    pub held: PermissionSet,
    /// Whether somebody else could look after the company.
    pub has_other_administrators: bool,
}

impl Decision {
    /// Whether this user is within reach. What was revoked from them counts as if they had it: a role can be given back, and
    /// gets new permissions with a new version. Everybody is within their own reach.
    ///
    /// # Errors
    /// `CannotDecide`, with a permission that is missing.
    pub fn covers(&self, user: &User) -> Result<(), UserError> {
        match self.lacks(user) {
            Some(missing) if self.by != Some(user.id()) => Err(UserError::CannotDecide(missing)),
            _ => Ok(()),
        }
    }

    /// The same for the user that comes of the decision.
    ///
    /// # Errors
    /// `CannotGrant`, with a permission that is missing.
    pub(super) fn covers_after(&self, user: &User) -> Result<(), UserError> {
        self.lacks(user).map_or(Ok(()), |missing| Err(UserError::CannotGrant(missing)))
    }

    fn lacks(&self, user: &User) -> Option<Permission> {
        // What is not known is held by nobody but those who hold everything.
        let needed = if user.reaches_the_unknown() { PermissionSet::all() } else { user.reach() };
        needed.without(self.held).iter().next()
    }
}
