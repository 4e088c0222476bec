//! The rule that says who may decide about a user. The decider must hold every permission that the user holds, before and
//! after the decision.

use super::aggregate::{User, UserError};
use crate::application::aggregate::Aggregate;
use crate::application::{Permission, PermissionSet};
use crate::values::ids::UserId;

/// The decider about a user, and the facts that the decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Decider {
    /// The user who decides, or the owner of the API key that decides. `None` for an operator and an operator's key.
    pub by: Option<UserId>,
    /// The permissions that the decider still holds.
    pub held: PermissionSet,
    /// Whether the company has another administrator than the user concerned.
    pub has_other_administrators: bool,
}

impl Decider {
    /// Checks that the decider holds all permissions of this user. Permissions of the role that were revoked from the
    /// user count too: they can be given back, and a new version may add permissions to the role. A decider always covers
    /// their own account.
    ///
    /// # Errors
    /// `CannotDecide` with a permission that the decider lacks.
    pub fn covers(&self, user: &User) -> Result<(), UserError> {
        match self.lacks(user) {
            Some(missing) if self.by != Some(user.id()) => Err(UserError::CannotDecide(missing)),
            _ => Ok(()),
        }
    }

    /// Checks the same for the user as the decision would leave them.
    ///
    /// # Errors
    /// `CannotGrant` with a permission that the decider lacks.
    pub(super) fn covers_after(&self, user: &User) -> Result<(), UserError> {
        self.lacks(user).map_or(Ok(()), |missing| Err(UserError::CannotGrant(missing)))
    }

    fn lacks(&self, user: &User) -> Option<Permission> {
        // A permission that this version does not know is held only by a decider who holds everything.
        let needed = if user.reaches_the_unknown() { PermissionSet::all() } else { user.reach() };
        needed.without(self.held).iter().next()
    }
}
