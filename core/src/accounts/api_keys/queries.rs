//! The queries on API keys.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::aggregate::{ApiKey, ApiKeyError};
use super::repository::ApiKeyRow;
use crate::application::aggregate::Aggregate;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::{Permission, TenantDatabase};
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::api_keys;
use crate::values::ids::{ApiKeyId, PrincipalId, UserId};

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct ApiKeyView {
    #[schema(value_type = Uuid)]
    pub id: ApiKeyId,
    /// Rises when it is revoked; the ETag.
    pub version: i64,
    #[schema(example = "Web shop")]
    pub name: String,
    /// What you recognise the key by.
    #[schema(example = "ck_k3v9xw2p")]
    pub prefix: String,
    #[schema(value_type = Vec<Permission>, example = json!(["orders:read", "orders:write"]))]
    pub permissions: Vec<&'static str>,
    /// The user or the key that made it; null for an operator.
    #[schema(value_type = Option<Uuid>)]
    pub created_by: Option<PrincipalId>,
    /// The user who answers for it: who made it, or answers for the key that made it; null for an operator. It is revoked when
    /// they are disabled, unless that is said otherwise.
    #[schema(value_type = Option<Uuid>)]
    pub owner_id: Option<UserId>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    /// To about a minute.
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ApiKeyView {
    pub(super) fn of(key: &ApiKey) -> Self {
        let details = key.details();
        Self {
            id: key.id(),
            version: key.version(),
            name: details.name.as_str().to_owned(),
            prefix: key.prefix().to_owned(),
            permissions: details.permissions.names(),
            created_by: key.created_by(),
            owner_id: key.owner_id(),
            created_at: key.created_at(),
            expires_at: details.expires_at,
            last_used_at: key.last_used_at(),
            revoked_at: key.revoked_at(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeySort {
    Name,
    CreatedAt,
}

impl SortKey for ApiKeySort {
    const NAMES: &'static [(&'static str, Self)] = &[("name", Self::Name), ("created_at", Self::CreatedAt)];
    const DEFAULT: &'static str = "-created_at";

    fn is_time(self) -> bool {
        self == Self::CreatedAt
    }
}

impl Listed<ApiKeySort> for ApiKeyView {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn sort_value(&self, key: ApiKeySort) -> SortValue {
        match key {
            ApiKeySort::Name => self.name.as_str().into(),
            ApiKeySort::CreatedAt => self.created_at.into(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct ApiKeyFilter {
    /// `true` for revoked keys only, `false` for the other keys only.
    pub revoked: Option<bool>,
}

/// # Errors
/// `NotFound` if the tenant has no such key. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: ApiKeyId) -> Result<ApiKeyView, Error> {
    let query =
        || api_keys::table.find((context.tenant_id().uuid(), id.uuid())).select(ApiKeyRow::as_select());
    let row: Option<ApiKeyRow> = db.find(context, query).await?;
    Ok(ApiKeyView::of(&row.ok_or(ApiKeyError::NotFound(id))?.into_key()))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &ApiKeyFilter,
    request: &PageRequest<ApiKeySort>,
) -> Result<Page<ApiKeyView>, Error> {
    let query = || {
        let query = api_keys::table
            .filter(api_keys::tenant_id.eq(context.tenant_id().uuid()))
            .select(ApiKeyRow::as_select())
            .limit(request.rows())
            .into_boxed();
        let query = match filter.revoked {
            Some(true) => query.filter(api_keys::revoked_at.is_not_null()),
            Some(false) => query.filter(api_keys::revoked_at.is_null()),
            None => query,
        };
        match request.key {
            ApiKeySort::Name => {
                walk!(query, request.texts(), [], api_keys::name, api_keys::id)
            }
            ApiKeySort::CreatedAt => {
                walk!(query, request.times(), [], api_keys::created_at, api_keys::id)
            }
        }
    };
    db.page(context, request, query, |row: ApiKeyRow| Ok(ApiKeyView::of(&row.into_key()))).await
}
