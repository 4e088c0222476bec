//! API keys in the database, as commands read and write them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::aggregate::{ApiKey, ApiKeyDetails, ApiKeyError, ApiKeyName};
use super::events::ApiKeyEvent;
use super::queries::ApiKeyView;
use crate::accounts::identity::secrets::SecretHash;
use crate::application::Locked;
use crate::application::PermissionSet;
use crate::application::aggregate::{Aggregate, LockMode, find};
use crate::application::error::Error;
use crate::application::unit_of_work::UnitOfWork;
use crate::platform::schema::api_keys;
use crate::values::ids::{ApiKeyId, PrincipalId, UserId};

/// A stored key without its hash, which is never read back.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = api_keys)]
pub(super) struct ApiKeyRow {
    id: Uuid,
    version: i64,
    name: String,
    prefix: String,
    permissions: Vec<Option<String>>,
    created_by: Option<Uuid>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    owner_id: Option<Uuid>,
}

impl ApiKeyRow {
    pub(super) fn into_key(self) -> ApiKey {
        ApiKey {
            id: ApiKeyId::from_uuid(self.id),
            version: self.version,
            details: ApiKeyDetails {
                name: ApiKeyName::stored(self.name),
                permissions: PermissionSet::stored_known(&self.permissions),
                expires_at: self.expires_at,
            },
            prefix: self.prefix,
            created_by: self.created_by.map(PrincipalId::from_uuid),
            owner_id: self.owner_id.map(UserId::from_uuid),
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            revoked_at: self.revoked_at,
        }
    }
}

/// Loads a key and locks it until the unit of work ends.
pub(super) async fn load(work: &mut UnitOfWork<'_>, id: ApiKeyId) -> Result<ApiKey, Error> {
    let query = api_keys::table.find((work.tenant().uuid(), id.uuid())).select(ApiKeyRow::as_select());
    let row: Option<ApiKeyRow> = find(work, Locked::ApiKey, LockMode::Change, query).await?;
    Ok(row.ok_or(ApiKeyError::NotFound(id))?.into_key())
}

/// Loads and locks the keys that a user owns and that are not revoked.
pub(super) async fn load_all_of(work: &mut UnitOfWork<'_>, owner: UserId) -> Result<Vec<ApiKey>, Error> {
    work.locks(Locked::ApiKey);
    let rows: Vec<ApiKeyRow> = api_keys::table
        .filter(api_keys::tenant_id.eq(work.tenant().uuid()).and(api_keys::owner_id.eq(owner.uuid())))
        .filter(api_keys::revoked_at.is_null())
        .order(api_keys::id)
        .select(ApiKeyRow::as_select())
        .for_no_key_update()
        .load(work.connection())
        .await?;
    Ok(rows.into_iter().map(ApiKeyRow::into_key).collect())
}

pub(super) async fn insert(work: &mut UnitOfWork<'_>, key: &ApiKey, hash: &SecretHash) -> Result<(), Error> {
    let tenant = work.tenant().uuid();
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::tenant_id.eq(tenant),
            api_keys::id.eq(key.id.uuid()),
            api_keys::version.eq(key.version),
            api_keys::name.eq(key.details.name.as_str()),
            api_keys::prefix.eq(&key.prefix),
            api_keys::key_hash.eq(hash.as_bytes().as_slice()),
            api_keys::permissions.eq(key.details.permissions.names()),
            api_keys::created_by.eq(key.created_by.map(|id| id.uuid())),
            api_keys::owner_id.eq(key.owner_id.map(|id| id.uuid())),
            api_keys::created_at.eq(key.created_at),
            api_keys::expires_at.eq(key.details.expires_at),
        ))
        .execute(work.connection())
        .await?;
    Ok(())
}

impl Aggregate for ApiKey {
    type Id = ApiKeyId;
    type Event = ApiKeyEvent;
    type Audited = ApiKeyView;
    const NAME: &'static str = "api_key";

    fn id(&self) -> ApiKeyId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    /// Returns the time of creation: the only later change is the revocation.
    fn updated_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    fn audited(&self) -> ApiKeyView {
        ApiKeyView::of(self)
    }

    /// Saves the revocation: nothing else of a key changes.
    async fn save(&self, work: &mut UnitOfWork<'_>) -> Result<(), Error> {
        let tenant = work.tenant().uuid();
        diesel::update(api_keys::table.find((tenant, self.id.uuid())))
            .set((api_keys::version.eq(self.version), api_keys::revoked_at.eq(self.revoked_at)))
            .execute(work.connection())
            .await?;
        Ok(())
    }
}
