//! The events of users.

use super::{IssuedOneTimeToken, User};
use crate::application::Role;
use crate::application::events::Event;
use crate::values::ids::SessionId;

/// An event of a user, with the user as they are afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserEvent {
    Registered(User),
    Updated(User),
    EmailVerified(User),
    PasswordChanged(User),
    /// Somebody asks for a new password of the user. The token is for them alone.
    PasswordResetRequested {
        user: User,
        token: IssuedOneTimeToken,
    },
    LoggedIn {
        user: User,
        session_id: SessionId,
    },
    LoggedOut {
        user: User,
        session_id: SessionId,
    },
    RoleChanged {
        user: User,
        previous: Role,
    },
    PermissionChanged(User),
    Disabled(User),
    Enabled(User),
}

impl Event for UserEvent {}
