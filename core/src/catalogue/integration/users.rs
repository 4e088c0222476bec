//! The integration events of users. They never contain a password or its hash.

use serde::Serialize;

use super::{IntegrationEvent, integration_event, payload};
use crate::accounts::users::{User, UserEvent};
use crate::application::aggregate::Aggregate;
use crate::application::error::Error;
use crate::application::{PermissionSet, Role};
use crate::values::ids::SessionId;

/// A user was registered: the user as it is from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct UserRegisteredV1 {
    user_id: String,
    email: String,
    name: String,
    /// `admin`, `management`, `sales` or `warehouse`.
    role: String,
    /// Permissions beside those of the role.
    granted: Vec<String>,
    /// Permissions of the role that this user does not have.
    revoked: Vec<String>,
    /// False if the address is still to be verified.
    email_verified: bool,
    /// False if a password is still to be set.
    has_password: bool,
    /// RFC 3339, UTC.
    registered_at: String,
}
payload!(UserRegisteredV1, "user", "user.registered", 1);

/// A user was updated: what can be updated of a user, as it is from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct UserUpdatedV1 {
    user_id: String,
    name: String,
    /// RFC 3339, UTC.
    updated_at: String,
}
payload!(UserUpdatedV1, "user", "user.updated", 1);

/// The user's e-mail address is verified.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct UserEmailVerifiedV1 {
    user_id: String,
    email: String,
    /// RFC 3339, UTC.
    verified_at: String,
}
payload!(UserEmailVerifiedV1, "user", "user.email_verified", 1);

/// The user has another password from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct UserPasswordChangedV1 {
    user_id: String,
    email: String,
    /// RFC 3339, UTC.
    changed_at: String,
}
payload!(UserPasswordChangedV1, "user", "user.password_changed", 1);

/// The user has logged in.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct UserLoggedInV1 {
    user_id: String,
    session_id: String,
    /// RFC 3339, UTC.
    logged_in_at: String,
}
payload!(UserLoggedInV1, "user", "user.logged_in", 1);

/// The user has logged out.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct UserLoggedOutV1 {
    user_id: String,
    session_id: String,
    /// RFC 3339, UTC.
    logged_out_at: String,
}
payload!(UserLoggedOutV1, "user", "user.logged_out", 1);

/// The user has another role from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct UserRoleChangedV1 {
    user_id: String,
    /// `admin`, `management`, `sales` or `warehouse`.
    previous_role: String,
    role: String,
    /// All that the user may do from now on.
    permissions: Vec<String>,
    /// RFC 3339, UTC.
    changed_at: String,
}
payload!(UserRoleChangedV1, "user", "user.role_changed", 1);

/// The user has other permissions from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct UserPermissionChangedV1 {
    user_id: String,
    role: String,
    /// Permissions beside those of the role.
    granted: Vec<String>,
    /// Permissions of the role that this user does not have.
    revoked: Vec<String>,
    /// All that the user may do from now on.
    permissions: Vec<String>,
    /// RFC 3339, UTC.
    changed_at: String,
}
payload!(UserPermissionChangedV1, "user", "user.permission_changed", 1);

/// The user cannot log in any more, and their sessions have ended.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct UserDisabledV1 {
    user_id: String,
    /// RFC 3339, UTC.
    disabled_at: String,
}
payload!(UserDisabledV1, "user", "user.disabled", 1);

/// The user is no longer disabled.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct UserEnabledV1 {
    user_id: String,
    /// RFC 3339, UTC.
    enabled_at: String,
}
payload!(UserEnabledV1, "user", "user.enabled", 1);

/// Returns `None` if nothing is published: nobody learns from an event that somebody asked for a new password.
pub(super) fn translate(event: &UserEvent) -> Result<Option<IntegrationEvent>, Error> {
    match event {
        UserEvent::Registered(user) => integration_event(user, &registered(user)),
        UserEvent::Updated(user) => integration_event(user, &updated(user)),
        UserEvent::EmailVerified(user) => integration_event(user, &email_verified(user)),
        UserEvent::PasswordChanged(user) => integration_event(user, &password_changed(user)),
        UserEvent::PasswordResetRequested { .. } => return Ok(None),
        UserEvent::LoggedIn { user, session_id } => integration_event(user, &logged_in(user, *session_id)),
        UserEvent::LoggedOut { user, session_id } => integration_event(user, &logged_out(user, *session_id)),
        UserEvent::RoleChanged { user, previous } => integration_event(user, &role_changed(user, *previous)),
        UserEvent::PermissionChanged(user) => integration_event(user, &permission_changed(user)),
        UserEvent::Disabled(user) => integration_event(user, &disabled(user)),
        UserEvent::Enabled(user) => integration_event(user, &enabled(user)),
    }
    .map(Some)
}

fn names(permissions: PermissionSet) -> Vec<String> {
    permissions.names().into_iter().map(str::to_owned).collect()
}

fn registered(user: &User) -> UserRegisteredV1 {
    UserRegisteredV1 {
        user_id: user.id().to_string(),
        email: user.email().as_str().to_owned(),
        name: user.name().to_string(),
        role: user.role().to_string(),
        granted: names(user.granted()),
        revoked: names(user.revoked()),
        email_verified: user.email_verified_at().is_some(),
        has_password: user.password().is_some(),
        registered_at: super::time(user.created_at()),
    }
}

fn updated(user: &User) -> UserUpdatedV1 {
    UserUpdatedV1 {
        user_id: user.id().to_string(),
        name: user.name().to_string(),
        updated_at: super::time(user.updated_at()),
    }
}

fn email_verified(user: &User) -> UserEmailVerifiedV1 {
    UserEmailVerifiedV1 {
        user_id: user.id().to_string(),
        email: user.email().as_str().to_owned(),
        verified_at: super::time(user.updated_at()),
    }
}

fn password_changed(user: &User) -> UserPasswordChangedV1 {
    UserPasswordChangedV1 {
        user_id: user.id().to_string(),
        email: user.email().as_str().to_owned(),
        changed_at: super::time(user.updated_at()),
    }
}

fn logged_in(user: &User, session_id: SessionId) -> UserLoggedInV1 {
    UserLoggedInV1 {
        user_id: user.id().to_string(),
        session_id: session_id.to_string(),
        logged_in_at: super::time(user.updated_at()),
    }
}

fn logged_out(user: &User, session_id: SessionId) -> UserLoggedOutV1 {
    UserLoggedOutV1 {
        user_id: user.id().to_string(),
        session_id: session_id.to_string(),
        logged_out_at: super::time(user.updated_at()),
    }
}

fn role_changed(user: &User, previous: Role) -> UserRoleChangedV1 {
    UserRoleChangedV1 {
        user_id: user.id().to_string(),
        previous_role: previous.to_string(),
        role: user.role().to_string(),
        permissions: names(user.permissions()),
        changed_at: super::time(user.updated_at()),
    }
}

fn permission_changed(user: &User) -> UserPermissionChangedV1 {
    UserPermissionChangedV1 {
        user_id: user.id().to_string(),
        role: user.role().to_string(),
        granted: names(user.granted()),
        revoked: names(user.revoked()),
        permissions: names(user.permissions()),
        changed_at: super::time(user.updated_at()),
    }
}

fn disabled(user: &User) -> UserDisabledV1 {
    UserDisabledV1 { user_id: user.id().to_string(), disabled_at: super::time(user.updated_at()) }
}

fn enabled(user: &User) -> UserEnabledV1 {
    UserEnabledV1 { user_id: user.id().to_string(), enabled_at: super::time(user.updated_at()) }
}
