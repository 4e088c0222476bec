//! The user and its rules.
//!
//! ```text
//! unverified ──verify──► active ──disable──► disabled
//!      └─────────────────────────disable───────┘ ◄─── enable leads back to where it was
//! ```

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::events::UserEvent;
use crate::access::{Permission, PermissionSet, Role};
use crate::contact::Email;
use crate::error::{Category, DomainError};
use crate::identity::passwords::HashedPassword;
use crate::ids::{SessionId, UserId};
use crate::invalid::Invalid;
use crate::text::text;

text!(UserName, "a user's name", 200);

/// Whether somebody can log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UserStatus {
    /// Their e-mail address is not known to be theirs: they cannot log in yet.
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

impl FromStr for UserStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.iter().copied().find(|status| status.name() == text);
        found.ok_or_else(|| Invalid::new("unknown_status", "expected unverified, active or disabled"))
    }
}

/// Permissions beside those of the role, and those of the role that this user does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Adjustments {
    pub(super) granted: PermissionSet,
    pub(super) revoked: PermissionSet,
}

impl Adjustments {
    /// # Errors
    /// `granted_and_revoked`: a permission that is in both.
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

/// What is said of a user at first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    pub email: Email,
    pub name: UserName,
    pub role: Role,
    pub adjustments: Adjustments,
    /// Without one, the user sets it by a token.
    pub password: Option<HashedPassword>,
    /// Somebody vouches for the address.
    pub is_verified: bool,
}

/// Who decides about a user, and what of the company matters for it.
#[derive(Debug, Clone, Copy)]
pub struct Decision {
    /// `None` for an API key and for an operator.
    pub by: Option<UserId>,
    /// What whoever decides has themselves.
    pub may_grant: PermissionSet,
    /// Whether somebody else looks after the company's users.
    pub has_other_administrators: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub(super) id: UserId,
    pub(super) version: i64,
    pub(super) email: Email,
    pub(super) name: UserName,
    pub(super) role: Role,
    pub(super) adjustments: Adjustments,
    pub(super) password: Option<HashedPassword>,
    pub(super) email_verified_at: Option<DateTime<Utc>>,
    pub(super) disabled_at: Option<DateTime<Utc>>,
    pub(super) last_login_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl User {
    /// # Errors
    /// Nobody gives what they do not have.
    pub fn register(
        id: UserId,
        new: NewUser,
        decision: Decision,
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
            password,
            email_verified_at: is_verified.then_some(now),
            disabled_at: None,
            last_login_at: None,
            created_at: now,
            updated_at: now,
        };
        check_grant(user.permissions(), decision)?;
        let event = UserEvent::Registered(user.clone());
        Ok((user, event))
    }

    /// Nothing happens, and nothing is announced, when nothing changes.
    pub fn rename(&mut self, name: UserName, now: DateTime<Utc>) -> Option<UserEvent> {
        if self.name == name {
            return None;
        }
        self.name = name;
        Some(UserEvent::Updated(self.changed(now)))
    }

    /// # Errors
    /// One's own, a permission that whoever decides does not have, the last administrator.
    pub fn change_role(
        &mut self,
        role: Role,
        decision: Decision,
        now: DateTime<Utc>,
    ) -> Result<Option<UserEvent>, UserError> {
        let after = Self { role, ..self.clone() };
        self.check(&after, decision)?;
        if self.role == role {
            return Ok(None);
        }
        let previous = self.role;
        *self = after;
        Ok(Some(UserEvent::RoleChanged { user: self.changed(now), previous }))
    }

    /// # Errors
    /// One's own, a permission that whoever decides does not have, the last administrator.
    pub fn change_permissions(
        &mut self,
        adjustments: Adjustments,
        decision: Decision,
        now: DateTime<Utc>,
    ) -> Result<Option<UserEvent>, UserError> {
        let after = Self { adjustments, ..self.clone() };
        self.check(&after, decision)?;
        if self.adjustments == adjustments {
            return Ok(None);
        }
        *self = after;
        Ok(Some(UserEvent::PermissionChanged(self.changed(now))))
    }

    /// # Errors
    /// Oneself, the last administrator, somebody who is disabled already.
    pub fn disable(&mut self, decision: Decision, now: DateTime<Utc>) -> Result<UserEvent, UserError> {
        let after = Self { disabled_at: Some(now), ..self.clone() };
        self.check(&after, decision)?;
        if self.disabled_at.is_some() {
            return Err(UserError::Status { id: self.id, status: UserStatus::Disabled, verb: "disabled" });
        }
        *self = after;
        Ok(UserEvent::Disabled(self.changed(now)))
    }

    /// # Errors
    /// Somebody who is not disabled.
    pub fn enable(&mut self, now: DateTime<Utc>) -> Result<UserEvent, UserError> {
        if self.disabled_at.is_none() {
            return Err(UserError::Status { id: self.id, status: self.status(), verb: "enabled" });
        }
        self.disabled_at = None;
        Ok(UserEvent::Enabled(self.changed(now)))
    }

    pub fn change_password(&mut self, password: HashedPassword, now: DateTime<Utc>) -> UserEvent {
        self.password = Some(password);
        UserEvent::PasswordChanged(self.changed(now))
    }

    /// Keeps the same password with a stronger hash: nothing happened.
    pub fn strengthen_password(&mut self, password: HashedPassword) {
        self.password = Some(password);
    }

    /// Nothing happens if it is verified already.
    pub fn verify_email(&mut self, now: DateTime<Utc>) -> Option<UserEvent> {
        if self.email_verified_at.is_some() {
            return None;
        }
        self.email_verified_at = Some(now);
        Some(UserEvent::EmailVerified(self.changed(now)))
    }

    /// Notes that a session began.
    ///
    /// # Errors
    /// Somebody who is not active.
    pub fn log_in(&mut self, session_id: SessionId, now: DateTime<Utc>) -> Result<UserEvent, UserError> {
        if self.status() != UserStatus::Active {
            return Err(UserError::Status { id: self.id, status: self.status(), verb: "logged in" });
        }
        self.last_login_at = Some(now);
        Ok(UserEvent::LoggedIn { user: self.changed(now), session_id })
    }

    /// Notes that the user ended a session of theirs.
    pub fn log_out(&mut self, session_id: SessionId, now: DateTime<Utc>) -> UserEvent {
        UserEvent::LoggedOut { user: self.changed(now), session_id }
    }

    /// What others may not do to this user.
    fn check(&self, after: &Self, decision: Decision) -> Result<(), UserError> {
        if decision.by == Some(self.id) {
            return Err(UserError::OwnAccount);
        }
        check_grant(after.permissions().without(self.permissions()), decision)?;
        if self.is_administrator() && !after.is_administrator() && !decision.has_other_administrators {
            return Err(UserError::LastAdministrator(self.id));
        }
        Ok(())
    }

    /// One version further.
    fn changed(&mut self, now: DateTime<Utc>) -> Self {
        self.version += 1;
        self.updated_at = now;
        self.clone()
    }

    /// Looks after users: without any such user, a company could not help itself.
    pub fn is_administrator(&self) -> bool {
        self.status() == UserStatus::Active
            && self.role == Role::Admin
            && self.permissions().contains(Permission::UsersWrite)
    }

    /// What the user may do: the role's permissions, with those that are granted and without those that are revoked.
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

    pub fn id(&self) -> UserId {
        self.id
    }

    pub fn version(&self) -> i64 {
        self.version
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

    pub fn updated_at(&self) -> DateTime<Utc> {
        self.updated_at
    }
}

fn check_grant(gained: PermissionSet, decision: Decision) -> Result<(), UserError> {
    match gained.without(decision.may_grant).iter().next() {
        Some(permission) => Err(UserError::CannotGrant(permission)),
        None => Ok(()),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    #[error("there is no user {0}")]
    NotFound(UserId),
    #[error("the e-mail address {0:?} belongs to another user, of this company or of another one")]
    EmailTaken(String),
    #[error("user {id} is {status} and cannot be {verb}")]
    Status { id: UserId, status: UserStatus, verb: &'static str },
    #[error(
        "user {0} is the last active administrator: without one, nobody could look after the company's users"
    )]
    LastAdministrator(UserId),
    #[error("this is your own account: somebody else must decide about it")]
    OwnAccount,
    #[error("you do not have the permission {0} yourself and cannot give it")]
    CannotGrant(Permission),
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
            Self::OwnAccount | Self::CannotGrant(_) => Category::Forbidden,
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
            Self::AlreadyVerified(_) => "email_already_verified",
            Self::InvalidToken => "invalid_token",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + second, 0).expect("a valid time")
    }

    /// An administrator decides, and is not the only one.
    fn colleague() -> Decision {
        let by = Some(UserId::generate());
        Decision { by, may_grant: PermissionSet::all(), has_other_administrators: true }
    }

    fn user(role: Role) -> User {
        let new = NewUser {
            email: Email::parse("ada@example.com").expect("valid"),
            name: UserName::parse("Ada").expect("valid"),
            role,
            adjustments: Adjustments::default(),
            password: None,
            is_verified: true,
        };
        User::register(UserId::generate(), new, colleague(), at(0)).expect("allowed").0
    }

    fn adjustments(granted: &[Permission], revoked: &[Permission]) -> Adjustments {
        Adjustments::new(PermissionSet::of(granted), PermissionSet::of(revoked)).expect("valid")
    }

    #[test]
    fn what_is_granted_and_revoked_adjusts_the_role() {
        let mut ada = user(Role::Warehouse);
        let wanted = adjustments(&[Permission::OrdersWrite], &[Permission::CustomersRead]);
        let event = ada.change_permissions(wanted, colleague(), at(1)).expect("allowed");
        assert!(ada.permissions().contains(Permission::OrdersWrite));
        assert!(!ada.permissions().contains(Permission::CustomersRead));
        assert_eq!(event, Some(UserEvent::PermissionChanged(ada.clone())));
        assert_eq!((ada.version(), ada.updated_at()), (2, at(1)));
        assert_eq!(ada.change_permissions(wanted, colleague(), at(2)), Ok(None), "nothing changes");
    }

    #[test]
    fn nothing_is_granted_and_revoked_at_once() {
        let both = PermissionSet::of(&[Permission::AuditRead]);
        assert_eq!(Adjustments::new(both, both).map_err(|error| error.code), Err("granted_and_revoked"));
    }

    #[test]
    fn nobody_decides_about_themselves() {
        let mut ada = user(Role::Admin);
        let own = Decision { by: Some(ada.id()), ..colleague() };
        assert_eq!(ada.change_role(Role::Sales, own, at(1)), Err(UserError::OwnAccount));
        assert_eq!(ada.change_role(Role::Admin, own, at(1)), Err(UserError::OwnAccount));
        assert_eq!(ada.change_permissions(Adjustments::default(), own, at(1)), Err(UserError::OwnAccount));
        assert_eq!(ada.disable(own, at(1)), Err(UserError::OwnAccount));
    }

    #[test]
    fn the_last_administrator_stays_one() {
        let alone = Decision { has_other_administrators: false, ..colleague() };
        let mut ada = user(Role::Admin);
        let refused = UserError::LastAdministrator(ada.id());
        assert_eq!(ada.change_role(Role::Management, alone, at(1)), Err(refused.clone()));
        assert_eq!(ada.disable(alone, at(1)), Err(refused.clone()));
        let without_users = adjustments(&[], &[Permission::UsersWrite]);
        assert_eq!(ada.change_permissions(without_users, alone, at(1)), Err(refused));
        assert_eq!(ada.version(), 1, "what is refused changes nothing");
        assert!(ada.disable(colleague(), at(1)).is_ok());
    }

    #[test]
    fn nobody_gives_what_they_do_not_have() {
        let clerk = Decision {
            may_grant: Role::Sales.permissions().with(PermissionSet::of(&[Permission::UsersWrite])),
            ..colleague()
        };
        let mut ada = user(Role::Sales);
        assert!(matches!(ada.change_role(Role::Admin, clerk, at(1)), Err(UserError::CannotGrant(_))));
        let ship = adjustments(&[Permission::OrdersShip], &[]);
        let refused = UserError::CannotGrant(Permission::OrdersShip);
        assert_eq!(ada.change_permissions(ship, clerk, at(1)), Err(refused));
        // What is taken away needs not be had, and giving back what one has is possible.
        let less = adjustments(&[], &[Permission::OrdersWrite]);
        assert!(ada.change_permissions(less, clerk, at(1)).is_ok());
        assert!(ada.change_permissions(Adjustments::default(), clerk, at(2)).is_ok());
    }

    #[test]
    fn a_disabled_user_is_enabled_to_where_it_was() {
        let mut ada = user(Role::Sales);
        assert_eq!(ada.enable(at(1)).map_err(|error| error.code()), Err("user_status_conflict"));
        let event = ada.disable(colleague(), at(1)).expect("allowed");
        assert_eq!((event, ada.status()), (UserEvent::Disabled(ada.clone()), UserStatus::Disabled));
        assert!(ada.disable(colleague(), at(2)).is_err());
        assert!(ada.log_in(SessionId::generate(), at(2)).is_err());
        assert!(ada.enable(at(2)).is_ok());
        assert_eq!((ada.status(), ada.version()), (UserStatus::Active, 3));
    }

    #[test]
    fn an_address_is_verified_once() {
        let mut ada = user(Role::Sales);
        ada.email_verified_at = None;
        assert_eq!(ada.status(), UserStatus::Unverified);
        assert!(ada.log_in(SessionId::generate(), at(1)).is_err());
        assert!(ada.verify_email(at(1)).is_some());
        assert_eq!(ada.verify_email(at(2)), None);
        let session_id = SessionId::generate();
        let event = ada.log_in(session_id, at(3)).expect("active");
        assert_eq!(event, UserEvent::LoggedIn { user: ada.clone(), session_id });
    }
}
