//! The user and its rules.
//!
//! ```text
//! unverified ──verify──► active ──disable──► disabled
//!      └─────────────────────────disable───────┘ ◄─── enable leads back to where it was
//! ```

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::decider::Decider;
use super::events::UserEvent;
use crate::accounts::identity::passwords::HashedPassword;
use crate::application::error::{Category, DomainError};
use crate::application::{Permission, PermissionSet, Role};
use crate::values::contact::Email;
use crate::values::ids::{SessionId, UserId};
use crate::values::invalid::Invalid;
use crate::values::text::text;

text!(UserName, "a user's name", 200);

/// The status of a user, which decides whether they can log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserStatus {
    /// The e-mail address is not verified: the user cannot log in yet.
    Unverified,
    Active,
    Disabled,
}

impl UserStatus {
    pub const ALL: &'static [Self] = &[Self::Unverified, Self::Active, Self::Disabled];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for UserStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A user's permissions in addition to those of the role, and those of the role that the user does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Adjustments {
    pub(super) granted: PermissionSet,
    pub(super) revoked: PermissionSet,
}

impl Adjustments {
    /// # Errors
    /// `granted_and_revoked` if a permission is in both sets.
    pub fn new(granted: PermissionSet, revoked: PermissionSet) -> Result<Self, Invalid> {
        match granted.iter().find(|permission| revoked.contains(*permission)) {
            Some(permission) => {
                let message = format!("{permission} cannot be granted and revoked at the same time");
                Err(Invalid::new("granted_and_revoked", message))
            }
            None => Ok(Self { granted, revoked }),
        }
    }
}

/// The data of a new user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    pub email: Email,
    pub name: UserName,
    pub role: Role,
    pub adjustments: Adjustments,
    /// If it is `None`, the user sets it with a token.
    pub password: Option<HashedPassword>,
    /// Whether the address counts as verified from the beginning.
    pub is_verified: bool,
}

/// Names of permissions that this version does not know, stored by a newer version that runs beside this one. They give
/// no right here, and are kept when the user changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct UnknownPermissions {
    pub(super) granted: Vec<String>,
    pub(super) revoked: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub(super) id: UserId,
    pub(super) version: i64,
    pub(super) email: Email,
    pub(super) name: UserName,
    pub(super) role: Role,
    pub(super) adjustments: Adjustments,
    pub(super) unknown: UnknownPermissions,
    pub(super) password: Option<HashedPassword>,
    pub(super) email_verified_at: Option<DateTime<Utc>>,
    pub(super) disabled_at: Option<DateTime<Utc>>,
    pub(super) last_login_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl User {
    /// # Errors
    /// `CannotGrant` if the new user would have a permission that the decider lacks.
    pub fn register(
        id: UserId,
        new: NewUser,
        decider: Decider,
        now: DateTime<Utc>,
    ) -> Result<(Self, UserEvent), UserError> {
        let NewUser { email, name, role, adjustments, password, is_verified } = new;
        let user = Self {
            id,
            version: 1,
            email,
            name,
            role,
            adjustments,
            unknown: UnknownPermissions::default(),
            password,
            email_verified_at: is_verified.then_some(now),
            disabled_at: None,
            last_login_at: None,
            created_at: now,
            updated_at: now,
        };
        decider.covers_after(&user)?;
        let event = UserEvent::Registered(user.clone());
        Ok((user, event))
    }

    /// Changes the name; returns `None` if it is the same.
    ///
    /// # Errors
    /// `CannotDecide` if the user has a permission that the decider lacks.
    pub fn rename(
        &mut self,
        name: UserName,
        decider: Decider,
        now: DateTime<Utc>,
    ) -> Result<Option<UserEvent>, UserError> {
        decider.covers(self)?;
        if self.name == name {
            return Ok(None);
        }
        self.name = name;
        Ok(Some(UserEvent::Updated(self.changed(now))))
    }

    /// # Errors
    /// Fails if this is the decider's own account, if the user has or would get a permission that the decider lacks, or
    /// if the company would lose its last administrator.
    pub fn change_role(
        &mut self,
        role: Role,
        decider: Decider,
        now: DateTime<Utc>,
    ) -> Result<Option<UserEvent>, UserError> {
        let after = Self { role, ..self.clone() };
        self.check(&after, decider)?;
        if self.role == role {
            return Ok(None);
        }
        let previous = self.role;
        *self = after;
        Ok(Some(UserEvent::RoleChanged { user: self.changed(now), previous }))
    }

    /// # Errors
    /// Fails if this is the decider's own account, if the user has or would get a permission that the decider lacks, or
    /// if the company would lose its last administrator.
    pub fn change_permissions(
        &mut self,
        adjustments: Adjustments,
        decider: Decider,
        now: DateTime<Utc>,
    ) -> Result<Option<UserEvent>, UserError> {
        let after = Self { adjustments, ..self.clone() };
        self.check(&after, decider)?;
        if self.adjustments == adjustments {
            return Ok(None);
        }
        *self = after;
        Ok(Some(UserEvent::PermissionChanged(self.changed(now))))
    }

    /// # Errors
    /// Fails if this is the decider's own account, if the user has a permission that the decider lacks, if the company
    /// would lose its last administrator, or if the user is disabled already.
    pub fn disable(&mut self, decider: Decider, now: DateTime<Utc>) -> Result<UserEvent, UserError> {
        let after = Self { disabled_at: Some(now), ..self.clone() };
        self.check(&after, decider)?;
        if self.disabled_at.is_some() {
            return Err(UserError::Status { id: self.id, status: UserStatus::Disabled, verb: "disabled" });
        }
        *self = after;
        Ok(UserEvent::Disabled(self.changed(now)))
    }

    /// # Errors
    /// Fails if this is the decider's own account, if the user would get a permission that the decider lacks, or if the
    /// user is not disabled.
    pub fn enable(&mut self, decider: Decider, now: DateTime<Utc>) -> Result<UserEvent, UserError> {
        let after = Self { disabled_at: None, ..self.clone() };
        self.check(&after, decider)?;
        if self.disabled_at.is_none() {
            return Err(UserError::Status { id: self.id, status: self.status(), verb: "enabled" });
        }
        *self = after;
        Ok(UserEvent::Enabled(self.changed(now)))
    }

    /// # Errors
    /// Fails if the user is disabled, whatever proof of identity they have.
    pub fn change_password(
        &mut self,
        password: HashedPassword,
        now: DateTime<Utc>,
    ) -> Result<UserEvent, UserError> {
        self.check_not_disabled("given a password")?;
        self.password = Some(password);
        Ok(UserEvent::PasswordChanged(self.changed(now)))
    }

    /// Replaces the hash of the same password by a stronger one. This is no event.
    pub fn strengthen_password(&mut self, password: HashedPassword) {
        self.password = Some(password);
    }

    /// Marks the e-mail address as verified; returns `None` if it was already.
    ///
    /// # Errors
    /// Fails if the user is disabled.
    pub fn verify_email(&mut self, now: DateTime<Utc>) -> Result<Option<UserEvent>, UserError> {
        self.check_not_disabled("verified")?;
        if self.email_verified_at.is_some() {
            return Ok(None);
        }
        self.email_verified_at = Some(now);
        Ok(Some(UserEvent::EmailVerified(self.changed(now))))
    }

    /// Records that a session began.
    ///
    /// # Errors
    /// Fails if the user is not active.
    pub fn log_in(&mut self, session_id: SessionId, now: DateTime<Utc>) -> Result<UserEvent, UserError> {
        if self.status() != UserStatus::Active {
            return Err(UserError::Status { id: self.id, status: self.status(), verb: "logged in" });
        }
        self.last_login_at = Some(now);
        Ok(UserEvent::LoggedIn { user: self.changed(now), session_id })
    }

    /// Records that the user ended one of their sessions.
    pub fn log_out(&mut self, session_id: SessionId, now: DateTime<Utc>) -> UserEvent {
        UserEvent::LoggedOut { user: self.changed(now), session_id }
    }

    /// Checks whether the decider may turn this user into `after`.
    fn check(&self, after: &Self, decider: Decider) -> Result<(), UserError> {
        if decider.by == Some(self.id) {
            return Err(UserError::OwnAccount);
        }
        decider.covers(self)?;
        decider.covers_after(after)?;
        if self.is_administrator() && !after.is_administrator() && !decider.has_other_administrators {
            return Err(UserError::LastAdministrator(self.id));
        }
        Ok(())
    }

    pub(super) fn check_not_disabled(&self, verb: &'static str) -> Result<(), UserError> {
        match self.status() {
            status @ UserStatus::Disabled => Err(UserError::Status { id: self.id, status, verb }),
            UserStatus::Unverified | UserStatus::Active => Ok(()),
        }
    }

    /// Increments the version, and returns a copy for the event.
    fn changed(&mut self, now: DateTime<Utc>) -> Self {
        self.version += 1;
        self.updated_at = now;
        self.clone()
    }

    /// Whether the user can log in and do everything, including the management of users. Without any such user, a company
    /// could not help itself.
    pub fn is_administrator(&self) -> bool {
        self.status() == UserStatus::Active
            && self.password.is_some()
            && self.role == Role::Admin
            && self.adjustments.revoked == PermissionSet::EMPTY
            && self.unknown.revoked.is_empty()
    }

    /// The user's permissions, and those that were revoked and could be given back.
    pub(super) fn reach(&self) -> PermissionSet {
        self.role.permissions().with(self.adjustments.granted)
    }

    /// Whether the user was granted permissions that this version does not know.
    pub(super) fn reaches_the_unknown(&self) -> bool {
        !self.unknown.granted.is_empty()
    }

    /// The user's permissions: those of the role and those granted, without those revoked.
    pub fn permissions(&self) -> PermissionSet {
        self.role.permissions().with(self.adjustments.granted).without(self.adjustments.revoked)
    }

    pub fn status(&self) -> UserStatus {
        match (self.disabled_at, self.email_verified_at) {
            (Some(_), _) => UserStatus::Disabled,
            (None, Some(_)) => UserStatus::Active,
            (None, None) => UserStatus::Unverified,
        }
    }

    pub fn email(&self) -> &Email {
        &self.email
    }

    pub fn name(&self) -> &UserName {
        &self.name
    }

    pub fn role(&self) -> Role {
        self.role
    }

    pub fn granted(&self) -> PermissionSet {
        self.adjustments.granted
    }

    pub fn revoked(&self) -> PermissionSet {
        self.adjustments.revoked
    }

    pub fn password(&self) -> Option<&HashedPassword> {
        self.password.as_ref()
    }

    pub fn email_verified_at(&self) -> Option<DateTime<Utc>> {
        self.email_verified_at
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    #[error("there is no user {0}")]
    NotFound(UserId),
    #[error("the e-mail address {0:?} belongs to another user of the company")]
    EmailTaken(String),
    #[error("user {id} is {status} and cannot be {verb}")]
    Status { id: UserId, status: UserStatus, verb: &'static str },
    #[error(
        "user {0} is the last administrator who can log in and do everything: without one, nobody could look after the company"
    )]
    LastAdministrator(UserId),
    #[error("this is your own account: somebody else must decide about it")]
    OwnAccount,
    #[error("you do not have the permission {0} yourself and cannot give it")]
    CannotGrant(Permission),
    #[error(
        "this user has the permission {0}, or could be given it back, and you do not have it: somebody who has it must decide"
    )]
    CannotDecide(Permission),
    #[error("the e-mail address of user {0} is verified already")]
    AlreadyVerified(UserId),
    #[error("this token is unknown, used or expired; ask for another one")]
    InvalidToken,
}

impl DomainError for UserError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::EmailTaken(_)
            | Self::Status { .. }
            | Self::LastAdministrator(_)
            | Self::AlreadyVerified(_) => Category::Conflict,
            Self::OwnAccount | Self::CannotGrant(_) | Self::CannotDecide(_) => Category::Forbidden,
            Self::InvalidToken => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "user_not_found",
            Self::EmailTaken(_) => "email_taken",
            Self::Status { .. } => "user_status_conflict",
            Self::LastAdministrator(_) => "last_administrator",
            Self::OwnAccount => "own_account",
            Self::CannotGrant(_) => "cannot_grant",
            Self::CannotDecide(_) => "cannot_decide",
            Self::AlreadyVerified(_) => "email_already_verified",
            Self::InvalidToken => "invalid_token",
        }
    }
}

#[cfg(test)]
#[path = "aggregate_tests.rs"]
mod tests;
