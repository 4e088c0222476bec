//! The look-up of credentials in the database.

use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryResult, Queryable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::application::error::Error;
use crate::application::{
    Actor, Credential, CredentialKind, PermissionSet, Principal, PrincipalLookup, stored_role,
};
use crate::values::ids::{ApiKeyId, OperatorId, TenantId, UserId};
use crate::values::money::Currency;

/// The look-up of principals in the tables of users, sessions and API keys.
#[derive(Debug, Clone, Copy)]
pub struct StoredPrincipals;

impl PrincipalLookup for StoredPrincipals {
    fn is_current<'a>(
        &'a self,
        connection: &'a AsyncPgConnection,
        principal: &'a Principal,
    ) -> BoxFuture<'a, QueryResult<bool>> {
        Box::pin(is_current(connection, principal))
    }

    fn load<'a>(
        &'a self,
        connection: &'a AsyncPgConnection,
        credential: Credential,
    ) -> BoxFuture<'a, Result<Option<Principal>, Error>> {
        Box::pin(load(connection, credential))
    }
}

crate::statement! {
    struct CheckSession<'a> { tenant: Uuid => SqlUuid, id: Uuid => SqlUuid, stamp: i64 => BigInt } -> (Bool,)
    = "SELECT true FROM sessions
        WHERE tenant_id = $1 AND id = $2 AND stamp = $3 AND ended_at IS NULL AND expires_at > now()"
}

crate::statement! {
    struct CheckApiKey<'a> { tenant: Uuid => SqlUuid, id: Uuid => SqlUuid } -> (Bool,)
    = "SELECT true FROM api_keys
        WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
}

crate::statement! {
    struct CheckOperatorSession<'a> { id: Uuid => SqlUuid } -> (Bool,)
    = "SELECT true FROM operator_sessions WHERE id = $1 AND ended_at IS NULL AND expires_at > now()"
}

crate::statement! {
    struct OfOperatorSession<'a> { id: Uuid => SqlUuid } -> (SqlUuid, Text)
    = "SELECT o.id, o.email FROM operator_sessions s JOIN operators o ON o.id = s.operator_id
    WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > now() AND o.disabled_at IS NULL"
}

/// Whether the principal is unchanged since it was looked up. Costs one look-up by primary key, and no round trip of its
/// own when it is polled together with other statements.
async fn is_current(mut connection: &AsyncPgConnection, principal: &Principal) -> QueryResult<bool> {
    let (Some(credential), Some(stamp)) = (principal.credential(), principal.stamp) else {
        return Ok(true);
    };
    let tenant = credential.tenant_id.uuid();
    let found: Option<(bool,)> = match credential.kind {
        CredentialKind::Session(id) => {
            CheckSession::new(tenant, id.uuid(), stamp).get_result(&mut connection).await.optional()?
        }
        CredentialKind::ApiKey(id) => {
            CheckApiKey::new(tenant, id.uuid()).get_result(&mut connection).await.optional()?
        }
        CredentialKind::OperatorSession(id) => {
            CheckOperatorSession::new(id.uuid()).get_result(&mut connection).await.optional()?
        }
    };
    Ok(found.is_some())
}

type Names = Vec<Option<String>>;

/// A user's permissions as they are stored.
#[derive(Queryable)]
struct StoredPermissions {
    role: String,
    granted: Names,
    revoked: Names,
}

impl StoredPermissions {
    fn held(&self) -> Result<PermissionSet, Error> {
        let granted = PermissionSet::stored_known(&self.granted);
        let revoked = PermissionSet::stored_known(&self.revoked);
        Ok(stored_role(&self.role)?.permissions().with(granted).without(revoked))
    }
}

#[derive(Queryable)]
struct SessionsUser {
    id: Uuid,
    email: String,
    permissions: StoredPermissions,
    stamp: i64,
    currency: String,
}

crate::statement! {
    struct OfSession<'a> { tenant: Uuid => SqlUuid, id: Uuid => SqlUuid }
    -> (SqlUuid, Text, (Text, Array<Nullable<Text>>, Array<Nullable<Text>>), BigInt, Text)
    = "SELECT u.id, u.email, u.role, u.granted, u.revoked, s.stamp, t.currency
    FROM sessions s JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id JOIN tenants t ON t.id = s.tenant_id
    WHERE s.tenant_id = $1 AND s.id = $2 AND s.ended_at IS NULL AND s.expires_at > now() AND u.disabled_at IS NULL"
}

crate::statement! {
    struct OfApiKey<'a> { tenant: Uuid => SqlUuid, id: Uuid => SqlUuid } -> (Text, Array<Nullable<Text>>, Text)
    = "SELECT k.name, k.permissions, t.currency FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
    WHERE k.tenant_id = $1 AND k.id = $2 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())"
}

/// Loads the principal behind a credential; `None` if the credential is not valid any more. The transaction must be bound
/// to its tenant.
async fn load(
    mut connection: &AsyncPgConnection,
    credential: Credential,
) -> Result<Option<Principal>, Error> {
    let tenant_id = credential.tenant_id;
    match credential.kind {
        CredentialKind::Session(session_id) => {
            let found: Option<SessionsUser> = OfSession::new(tenant_id.uuid(), session_id.uuid())
                .get_result(&mut connection)
                .await
                .optional()?;
            let principal = |user: SessionsUser| {
                let (permissions, role) = (user.permissions.held()?, stored_role(&user.permissions.role)?);
                let actor = Actor::User { user_id: UserId::from_uuid(user.id), session_id: Some(session_id) };
                let currency = Currency::stored(user.currency);
                let (email, stamp) = (user.email, user.stamp);
                Ok(Principal::new(tenant_id, actor, email, Some(role), permissions, currency, stamp))
            };
            found.map(principal).transpose()
        }
        CredentialKind::OperatorSession(session_id) => {
            let row: Option<(Uuid, String)> =
                OfOperatorSession::new(session_id.uuid()).get_result(&mut connection).await.optional()?;
            Ok(row.map(|(id, email)| Principal::of_operator(OperatorId::from_uuid(id), session_id, email)))
        }
        CredentialKind::ApiKey(id) => {
            let row: Option<(String, Names, String)> =
                OfApiKey::new(tenant_id.uuid(), id.uuid()).get_result(&mut connection).await.optional()?;
            Ok(row.map(|(name, permissions, currency)| {
                let permissions = PermissionSet::stored_known(&permissions);
                Principal::new(
                    tenant_id,
                    Actor::ApiKey(id),
                    name,
                    None,
                    permissions,
                    Currency::stored(currency),
                    0,
                )
            }))
        }
    }
}

crate::statement! {
    struct OwnerOf<'a> { tenant: Uuid => SqlUuid, key: Uuid => SqlUuid }
    -> (SqlUuid, (Text, Array<Nullable<Text>>, Array<Nullable<Text>>), Bool)
    = "SELECT u.id, u.role, u.granted, u.revoked, u.disabled_at IS NOT NULL
    FROM api_keys k JOIN users u ON u.tenant_id = k.tenant_id AND u.id = k.owner_id
    WHERE k.tenant_id = $1 AND k.id = $2"
}

/// Loads the user who answers for an API key, with their current permissions; `None` for an operator's key.
pub(super) async fn owner(
    connection: &mut AsyncPgConnection,
    tenant_id: TenantId,
    key: ApiKeyId,
) -> Result<Option<(UserId, PermissionSet)>, Error> {
    let found: Option<(Uuid, StoredPermissions, bool)> =
        OwnerOf::new(tenant_id.uuid(), key.uuid()).get_result(connection).await.optional()?;
    let Some((user, permissions, is_disabled)) = found else { return Ok(None) };
    let held = if is_disabled { PermissionSet::EMPTY } else { permissions.held()? };
    Ok(Some((UserId::from_uuid(user), held)))
}

crate::statement! {
    struct FindApiKey<'a> { hash: &'a [u8] => Binary } -> (SqlUuid, SqlUuid)
    = "SELECT tenant_id, api_key_id FROM find_api_key($1)"
}

pub(super) async fn find_api_key(
    connection: &mut AsyncPgConnection,
    hash: &[u8; 32],
) -> QueryResult<Option<Credential>> {
    let found: Option<(Uuid, Uuid)> = FindApiKey::new(&hash[..]).get_result(connection).await.optional()?;
    Ok(found.map(|(tenant, id)| Credential {
        tenant_id: TenantId::from_uuid(tenant),
        kind: CredentialKind::ApiKey(ApiKeyId::from_uuid(id)),
    }))
}
