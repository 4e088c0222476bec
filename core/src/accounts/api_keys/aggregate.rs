//! The API key and its rules.

use chrono::{DateTime, TimeDelta, Utc};

use super::events::ApiKeyEvent;
use crate::application::error::{Category, DomainError};
use crate::application::{Permission, PermissionSet};
use crate::values::ids::{ApiKeyId, PrincipalId, UserId};
use crate::values::invalid::{FieldError, Invalid};
use crate::values::text::text;

text!(
    /// The name of a key, such as that of the program that uses it.
    ApiKeyName, "the name of an API key", 100
);

/// A key lasts at most five years.
const MAX_LIFETIME: TimeDelta = TimeDelta::days(5 * 366);

/// The data of a key that its creator chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyDetails {
    pub name: ApiKeyName,
    /// At least one.
    pub permissions: PermissionSet,
    /// `None` means without end.
    pub expires_at: Option<DateTime<Utc>>,
}

impl ApiKeyDetails {
    /// # Errors
    /// `required` if there is no permission: the key would be useless.
    pub fn check_permissions(permissions: PermissionSet) -> Result<PermissionSet, Invalid> {
        if permissions == PermissionSet::EMPTY {
            return Err(Invalid::new("required", "an API key needs at least one permission"));
        }
        Ok(permissions)
    }
}

/// A program's credential. Only the hash of its text is stored, and not in this struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub(super) id: ApiKeyId,
    pub(super) version: i64,
    pub(super) details: ApiKeyDetails,
    /// The start of its text, by which people recognise it; no secret.
    pub(super) prefix: String,
    /// The user or the key that created it; `None` for an operator.
    pub(super) created_by: Option<PrincipalId>,
    /// The user who answers for it: its creator, or the owner of the key that created it. `None` for an operator.
    pub(super) owner_id: Option<UserId>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) last_used_at: Option<DateTime<Utc>>,
    pub(super) revoked_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// Creates a key. `held` are the permissions of its creator, who acts for `owner_id`.
    ///
    /// # Errors
    /// Fails if the key would have a permission that is not in `held`, or would end in the past or too late.
    pub fn create(
        id: ApiKeyId,
        details: ApiKeyDetails,
        prefix: &str,
        created_by: Option<PrincipalId>,
        owner_id: Option<UserId>,
        held: PermissionSet,
        now: DateTime<Utc>,
    ) -> Result<(Self, ApiKeyEvent), ApiKeyError> {
        if let Some(permission) = details.permissions.without(held).iter().next() {
            return Err(ApiKeyError::PermissionNotHeld(permission));
        }
        if details.expires_at.is_some_and(|at| at <= now || at > now + MAX_LIFETIME) {
            return Err(ApiKeyError::BadExpiry);
        }
        let prefix = prefix.to_owned();
        let key = Self {
            id,
            version: 1,
            details,
            prefix,
            created_by,
            owner_id,
            created_at: now,
            last_used_at: None,
            revoked_at: None,
        };
        let event = ApiKeyEvent::Created(key.clone());
        Ok((key, event))
    }

    /// Revokes the key; returns `None` if it was revoked already.
    pub fn revoke(&mut self, now: DateTime<Utc>) -> Option<ApiKeyEvent> {
        if self.revoked_at.is_some() {
            return None;
        }
        self.revoked_at = Some(now);
        self.version += 1;
        Some(ApiKeyEvent::Revoked(self.clone()))
    }

    /// Checks that a principal with the permissions `held`, who acts for `user`, may revoke the key. Its owner always may.
    ///
    /// # Errors
    /// `CannotRevoke` with a permission of the key that the principal lacks.
    pub fn check_revoker(&self, user: Option<UserId>, held: PermissionSet) -> Result<(), ApiKeyError> {
        if user.is_some() && user == self.owner_id {
            return Ok(());
        }
        match self.details.permissions.without(held).iter().next() {
            Some(missing) => Err(ApiKeyError::CannotRevoke(missing)),
            None => Ok(()),
        }
    }

    pub fn details(&self) -> &ApiKeyDetails {
        &self.details
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    pub fn created_by(&self) -> Option<PrincipalId> {
        self.created_by
    }

    pub fn owner_id(&self) -> Option<UserId> {
        self.owner_id
    }

    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    pub fn last_used_at(&self) -> Option<DateTime<Utc>> {
        self.last_used_at
    }

    pub fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.revoked_at
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    #[error("there is no API key {0}")]
    NotFound(ApiKeyId),
    #[error("you do not have the permission {0} yourself, so the key cannot have it")]
    PermissionNotHeld(Permission),
    #[error(
        "the key has the permission {0}, which you do not have: its owner, or somebody who has it, must revoke it"
    )]
    CannotRevoke(Permission),
    #[error("a key must end in the future, and within five years")]
    BadExpiry,
}

impl DomainError for ApiKeyError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::PermissionNotHeld(_) | Self::CannotRevoke(_) => Category::Forbidden,
            Self::BadExpiry => Category::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "api_key_not_found",
            Self::PermissionNotHeld(_) => "permission_not_held",
            Self::CannotRevoke(_) => "cannot_revoke",
            Self::BadExpiry => "invalid_request",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let (pointer, code) = match self {
            Self::NotFound(_) | Self::CannotRevoke(_) => return Vec::new(),
            Self::PermissionNotHeld(_) => ("/permissions", "permission_not_held"),
            Self::BadExpiry => ("/expires_at", "out_of_range"),
        };
        vec![Invalid::new(code, self.to_string()).at(pointer)]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::application::aggregate::Aggregate;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("a valid time")
    }

    fn owner() -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(7))
    }

    fn details(permissions: &[Permission], expires_at: Option<DateTime<Utc>>) -> ApiKeyDetails {
        let name = ApiKeyName::parse("Web shop").expect("valid");
        ApiKeyDetails { name, permissions: PermissionSet::of(permissions), expires_at }
    }

    fn create(details: ApiKeyDetails, held: &[Permission]) -> Result<(ApiKey, ApiKeyEvent), ApiKeyError> {
        let held = PermissionSet::of(held);
        ApiKey::create(ApiKeyId::generate(), details, "ck_abcdefgh", None, Some(owner()), held, at(0))
    }

    #[test]
    fn creating_a_key_announces_it_at_version_one() {
        let (key, event) =
            create(details(&[Permission::OrdersRead], None), &[Permission::OrdersRead]).expect("allowed");
        assert_eq!((key.version(), key.prefix()), (1, "ck_abcdefgh"));
        assert_eq!(event, ApiKeyEvent::Created(key));
    }

    #[test]
    fn nobody_gives_a_key_what_they_do_not_have() {
        let refused = create(
            details(&[Permission::OrdersRead, Permission::UsersWrite], None),
            &[Permission::OrdersRead, Permission::OrdersWrite],
        );
        assert_eq!(refused.map(drop), Err(ApiKeyError::PermissionNotHeld(Permission::UsersWrite)));
    }

    #[test]
    fn a_key_ends_in_the_future_and_within_five_years() {
        let with = |second| create(details(&[], Some(at(second))), &[]).map(drop);
        assert_eq!(with(1), Ok(()));
        assert_eq!(with(5 * 365 * 86_400), Ok(()));
        for second in [-1, 0, 6 * 365 * 86_400] {
            assert_eq!(with(second), Err(ApiKeyError::BadExpiry), "{second}");
        }
    }

    #[test]
    fn revoking_a_key_announces_it_once() {
        let (mut key, _) = create(details(&[], None), &[]).expect("allowed");
        let event = key.revoke(at(5)).expect("announced");
        assert_eq!((key.version(), key.revoked_at()), (2, Some(at(5))));
        assert_eq!(event, ApiKeyEvent::Revoked(key.clone()));
        assert_eq!(key.revoke(at(6)), None);
    }

    #[test]
    fn a_key_is_revoked_by_its_owner_or_by_who_has_all_that_it_has() {
        let (read, write) = (Permission::OrdersRead, Permission::OrdersWrite);
        let (key, _) = create(details(&[read, write], None), &[read, write]).expect("allowed");
        let check = |user, held: &[Permission]| key.check_revoker(user, PermissionSet::of(held));
        assert_eq!(check(Some(owner()), &[]), Ok(()));
        assert_eq!(check(Some(UserId::generate()), &[read]), Err(ApiKeyError::CannotRevoke(write)));
        assert_eq!(check(None, &[write]), Err(ApiKeyError::CannotRevoke(read)));
        assert_eq!(check(None, &[read, write]), Ok(()));
    }

    #[test]
    fn a_key_needs_a_permission() {
        let refused = ApiKeyDetails::check_permissions(PermissionSet::EMPTY).map_err(|refused| refused.code);
        assert_eq!(refused, Err("required"));
    }
}
