//! The principal behind a request, and its permissions.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use futures::future::BoxFuture;

use super::error::Error;
use super::permission::{Permission, PermissionSet, Role};
use crate::values::ids::{ApiKeyId, OperatorId, PrincipalId, SessionId, TenantId, UserId};
use crate::values::money::Currency;

/// The identity of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// `session_id` is `None` if a one-time token authenticates the user.
    User {
        user_id: UserId,
        session_id: Option<SessionId>,
    },
    ApiKey(ApiKeyId),
    /// A person at the command line of the machine.
    Operator,
    /// A person with an operator account, over HTTP.
    OperatorAccount {
        operator_id: OperatorId,
        session_id: SessionId,
    },
}

impl Actor {
    /// The name of the kind in the audit trail and the API.
    pub fn kind(self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::ApiKey(_) => "api_key",
            Self::Operator | Self::OperatorAccount { .. } => "operator",
        }
    }
}

/// A verified credential of a request. It identifies the caller, and says nothing about permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Credential {
    pub tenant_id: TenantId,
    pub kind: CredentialKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    Session(SessionId),
    ApiKey(ApiKeyId),
    /// Of an operator account: its `tenant_id` is [`TenantId::OPERATORS`].
    OperatorSession(SessionId),
}

/// A user, API key or operator that acts in a tenant, or an operator who acts in none, as last looked up. Every transaction checks that this is still
/// current ([`TenantDatabase`](super::TenantDatabase)).
#[derive(Debug)]
pub struct Principal {
    /// [`TenantId::OPERATORS`] if it acts in none.
    pub tenant_id: TenantId,
    pub actor: Actor,
    /// An e-mail address, the name of a key, or `user@host`.
    pub name: String,
    /// The role of an authenticated user.
    pub role: Option<Role>,
    pub permissions: PermissionSet,
    /// The tenant's currency; amounts are in it.
    pub currency: Currency,
    /// The credential's stamp when it was looked up. `None` is never checked again: an operator, or a user who is just
    /// being authenticated.
    pub(crate) stamp: Option<i64>,
    outdated: AtomicBool,
}

impl Principal {
    pub(crate) fn new(
        tenant_id: TenantId,
        actor: Actor,
        name: String,
        role: Option<Role>,
        permissions: PermissionSet,
        currency: Currency,
        stamp: i64,
    ) -> Self {
        let (stamp, outdated) = (Some(stamp), AtomicBool::new(false));
        Self { tenant_id, actor, name, role, permissions, currency, stamp, outdated }
    }

    /// A principal that needs no further authentication: an operator at the command line (`name` is `user@host`), or a
    /// user in the transaction that logs them in.
    pub fn trusted(tenant_id: TenantId, actor: Actor, name: String, currency: Currency) -> Self {
        let (role, permissions) = (None, PermissionSet::EMPTY);
        let outdated = AtomicBool::new(false);
        Self { tenant_id, actor, name, role, permissions, currency, stamp: None, outdated }
    }

    /// The principal of an operator account. It holds no permission: those are for what belongs to a tenant.
    pub(crate) fn of_operator(operator_id: OperatorId, session_id: SessionId, email: String) -> Self {
        let actor = Actor::OperatorAccount { operator_id, session_id };
        let (tenant_id, permissions) = (TenantId::OPERATORS, PermissionSet::EMPTY);
        Self::new(tenant_id, actor, email, None, permissions, Currency::euro(), 0)
    }

    /// Whether it acts for the operators, and so in no tenant.
    pub fn is_of_operators(&self) -> bool {
        self.tenant_id == TenantId::OPERATORS
    }

    /// The tenant that it acts in, if it does.
    pub fn tenant(&self) -> Option<TenantId> {
        Some(self.tenant_id).filter(|_| !self.is_of_operators())
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// The id that is recorded as the author of a change: the user's, the key's or the operator account's. `None` for an
    /// operator at the command line.
    pub fn id(&self) -> Option<PrincipalId> {
        match self.actor {
            Actor::User { user_id, .. } => Some(PrincipalId::from_uuid(user_id.uuid())),
            Actor::ApiKey(id) => Some(PrincipalId::from_uuid(id.uuid())),
            Actor::OperatorAccount { operator_id, .. } => Some(PrincipalId::from_uuid(operator_id.uuid())),
            Actor::Operator => None,
        }
    }

    pub fn session_id(&self) -> Option<SessionId> {
        match self.actor {
            Actor::User { session_id, .. } => session_id,
            Actor::OperatorAccount { session_id, .. } => Some(session_id),
            Actor::ApiKey(_) | Actor::Operator => None,
        }
    }

    pub fn credential(&self) -> Option<Credential> {
        let kind = match self.actor {
            Actor::User { session_id, .. } => CredentialKind::Session(session_id?),
            Actor::ApiKey(id) => CredentialKind::ApiKey(id),
            Actor::OperatorAccount { session_id, .. } => CredentialKind::OperatorSession(session_id),
            Actor::Operator => return None,
        };
        Some(Credential { tenant_id: self.tenant_id, kind })
    }

    /// Marks the principal as outdated, because a transaction found so: a cache must look it up again.
    pub(crate) fn set_outdated(&self) {
        self.outdated.store(true, Ordering::Relaxed);
    }

    /// Whether a transaction has found that the principal is no longer what it was when it was looked up.
    pub fn is_outdated(&self) -> bool {
        self.outdated.load(Ordering::Relaxed)
    }
}

/// The store of principals. It is passed to [`TenantDatabase`](super::TenantDatabase), because the application knows no
/// users, sessions and API keys.
pub trait PrincipalLookup: fmt::Debug + Send + Sync {
    /// Whether the principal is still what it was when it was looked up. The connection is in a transaction of its tenant.
    fn is_current<'a>(
        &'a self,
        connection: &'a AsyncPgConnection,
        principal: &'a Principal,
    ) -> BoxFuture<'a, QueryResult<bool>>;

    /// Loads the principal behind a credential; `None` if the credential is not valid. The connection is in a transaction
    /// of its tenant, or of the operators.
    fn load<'a>(
        &'a self,
        connection: &'a AsyncPgConnection,
        credential: Credential,
    ) -> BoxFuture<'a, Result<Option<Principal>, Error>>;
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn tenant() -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(1))
    }

    fn principal(actor: Actor) -> Principal {
        Principal::trusted(tenant(), actor, "ada".to_owned(), Currency::euro())
    }

    #[test]
    fn a_principal_is_known_by_its_own_id_and_by_the_credential_that_it_came_with() {
        let (id, session_id) = (Uuid::from_u128(2), SessionId::from_uuid(Uuid::from_u128(3)));
        let user = |session_id| Actor::User { user_id: UserId::from_uuid(id), session_id };
        let key = ApiKeyId::from_uuid(id);
        let account = Actor::OperatorAccount { operator_id: OperatorId::from_uuid(id), session_id };
        let author = Some(PrincipalId::from_uuid(id));
        for (actor, kind, author, session, credential) in [
            (
                user(Some(session_id)),
                "user",
                author,
                Some(session_id),
                Some(CredentialKind::Session(session_id)),
            ),
            (user(None), "user", author, None, None),
            (Actor::ApiKey(key), "api_key", author, None, Some(CredentialKind::ApiKey(key))),
            (Actor::Operator, "operator", None, None, None),
            (
                account,
                "operator",
                author,
                Some(session_id),
                Some(CredentialKind::OperatorSession(session_id)),
            ),
        ] {
            let principal = principal(actor);
            assert_eq!((actor.kind(), principal.id(), principal.session_id()), (kind, author, session));
            let credential = credential.map(|kind| Credential { tenant_id: tenant(), kind });
            assert_eq!(principal.credential(), credential, "{actor:?}");
        }
    }

    #[test]
    fn an_operator_account_acts_in_no_tenant_and_may_nothing_there() {
        let (id, session_id) = (OperatorId::generate(), SessionId::generate());
        let operator = Principal::of_operator(id, session_id, "ada@example.com".to_owned());
        assert!(operator.is_of_operators() && operator.tenant().is_none());
        assert_eq!(operator.permissions, PermissionSet::EMPTY);
        let other = principal(Actor::Operator);
        assert!(!other.is_of_operators());
        assert_eq!(other.tenant(), Some(tenant()));
    }

    #[test]
    fn a_principal_may_what_it_holds_and_is_looked_up_again_once_it_is_known_to_be_outdated() {
        let (one, another) = (Permission::ALL[0], Permission::ALL[1]);
        let held = PermissionSet::of(&[one]);
        let principal = Principal { permissions: held, ..principal(Actor::Operator) };
        assert!(principal.may(one) && !principal.may(another));
        assert!(!principal.is_outdated());
        principal.set_outdated();
        assert!(principal.is_outdated());
    }
}
