//! Who asks, and what they may do.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use futures::future::BoxFuture;

use super::error::Error;
use super::permission::{Permission, PermissionSet, Role};
use crate::values::ids::{ApiKeyId, PrincipalId, SessionId, TenantId, UserId};
use crate::values::money::Currency;

/// Who a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Without a session where a token that was sent to them proves who they are.
    User {
        user_id: UserId,
        session_id: Option<SessionId>,
    },
    ApiKey(ApiKeyId),
    /// Somebody at the command line of the machine.
    Operator,
}

impl Actor {
    /// As the audit trail and the API name it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::ApiKey(_) => "api_key",
            Self::Operator => "operator",
        }
    }
}

/// What a request proves itself with, once it has been verified: it says who, not what they may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Credential {
    pub tenant_id: TenantId,
    pub kind: CredentialKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    Session(SessionId),
    ApiKey(ApiKeyId),
}

/// Somebody who acts in a tenant, as they were when they were last looked up. Whether that still holds is found out
/// in every transaction ([`TenantDatabase`](super::TenantDatabase)).
#[derive(Debug)]
pub struct Principal {
    pub tenant_id: TenantId,
    pub actor: Actor,
    /// An e-mail address, the name of a key, or `user@host`.
    pub name: String,
    /// A user's.
    pub role: Option<Role>,
    pub permissions: PermissionSet,
    /// The tenant's; amounts are in it.
    pub currency: Currency,
    /// Of the credential when it was looked up. `None` is not asked again: an operator, and a user who is just being
    /// authenticated.
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

    /// Somebody whom nobody has to authenticate: an operator at the command line (`name` is `user@host`), or a user in
    /// the very transaction that logs them in.
    pub fn trusted(tenant_id: TenantId, actor: Actor, name: String, currency: Currency) -> Self {
        let (role, permissions) = (None, PermissionSet::EMPTY);
        let outdated = AtomicBool::new(false);
        Self { tenant_id, actor, name, role, permissions, currency, stamp: None, outdated }
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// What is recorded of who did it: the user or the key. `None` for an operator.
    pub fn id(&self) -> Option<PrincipalId> {
        match self.actor {
            Actor::User { user_id, .. } => Some(PrincipalId::from_uuid(user_id.uuid())),
            Actor::ApiKey(id) => Some(PrincipalId::from_uuid(id.uuid())),
            Actor::Operator => None,
        }
    }

    pub fn session_id(&self) -> Option<SessionId> {
        match self.actor {
            Actor::User { session_id, .. } => session_id,
            Actor::ApiKey(_) | Actor::Operator => None,
        }
    }

    pub fn credential(&self) -> Option<Credential> {
        let kind = match self.actor {
            Actor::User { session_id, .. } => CredentialKind::Session(session_id?),
            Actor::ApiKey(id) => CredentialKind::ApiKey(id),
            Actor::Operator => return None,
        };
        Some(Credential { tenant_id: self.tenant_id, kind })
    }

    /// A transaction found that it does not hold any more: whoever remembers it must look it up again.
    pub(crate) fn set_outdated(&self) {
        self.outdated.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_outdated(&self) -> bool {
        self.outdated.load(Ordering::Relaxed)
    }
}

/// Where principals are stored. [`TenantDatabase`](super::TenantDatabase) is given it: users, sessions and API keys are not the
/// application's.
pub trait PrincipalLookup: fmt::Debug + Send + Sync {
    /// Whether the principal is still what it was when it was looked up. The connection is in a transaction of its tenant.
    fn is_current<'a>(
        &'a self,
        connection: &'a AsyncPgConnection,
        principal: &'a Principal,
    ) -> BoxFuture<'a, QueryResult<bool>>;

    /// The principal behind a credential, if that holds. The connection is in a transaction of its tenant.
    fn load<'a>(
        &'a self,
        connection: &'a AsyncPgConnection,
        credential: Credential,
    ) -> BoxFuture<'a, Result<Option<Principal>, Error>>;
}
