//! API keys as JSON.

use chrono::SubsecRound;
use comptoir_core::accounts::api_keys::{ApiKeyDetails, ApiKeyFilter, ApiKeyName, ApiKeySort, ApiKeyView};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::invalid::{FieldError, Fields, Invalid};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::extract;
use crate::routes::parse_limit;
use crate::routes::users::dto::permissions;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKeyRequest {
    /// The program that uses it.
    #[schema(example = "Web shop", min_length = 1, max_length = 100)]
    name: String,
    /// At least one, and none that you do not have yourself; `GET /api/v1/me` lists those.
    #[schema(example = json!(["orders:read", "orders:write"]), min_items = 1, max_items = 64)]
    permissions: Vec<String>,
    /// In the future, and within five years; without it, the key does not end by itself.
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Option<String>,
}

impl ApiKeyRequest {
    pub(super) fn into_details(self) -> Result<ApiKeyDetails, Vec<FieldError>> {
        let mut fields = Fields::default();
        let name = fields.take("/name", ApiKeyName::parse(&self.name));
        let permissions = permissions(&mut fields, "/permissions", &self.permissions)
            .and_then(|set| fields.take("/permissions", ApiKeyDetails::check_permissions(set)));
        let expires_at = fields.take("/expires_at", extract::time(self.expires_at.as_deref()));
        let details = (|| {
            // The precision that the database keeps.
            let expires_at = expires_at?.map(|at| at.trunc_subsecs(6));
            Some(ApiKeyDetails { name: name?, permissions: permissions?, expires_at })
        })();
        fields.finish(details)
    }
}

/// A key that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewApiKeyResponse {
    #[serde(flatten)]
    pub(super) details: ApiKeyView,
    /// The key itself: shown this once, and kept nowhere. Null where the answer is repeated under an Idempotency-Key: the
    /// key is there, but nobody knows it; revoke it and make another one.
    #[schema(example = "ck_k3v9xw2p_…")]
    pub(super) key: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApiKeyQuery {
    /// Only revoked keys (`true`), or only others (`false`).
    #[param(value_type = Option<bool>)]
    revoked: Option<String>,
    /// `name`, `created_at`; `-` in front sorts descending.
    #[param(example = "name")]
    sort: Option<String>,
    /// Rows of a page.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl ApiKeyQuery {
    pub(super) fn parse(self) -> Result<(ApiKeyFilter, PageRequest<ApiKeySort>), Vec<FieldError>> {
        let mut fields = Fields::default();
        let revoked = fields.take("/query/revoked", boolean(self.revoked.as_deref()));
        let limit = fields.take("/query/limit", parse_limit(self.limit.as_deref()));
        let (revoked, limit) = fields.finish(revoked.zip(limit))?;
        let page = PageRequest::parse(limit, self.sort.as_deref(), self.cursor.as_deref())?;
        Ok((ApiKeyFilter { revoked }, page))
    }
}

fn boolean(text: Option<&str>) -> Result<Option<bool>, Invalid> {
    let parse =
        |text: &str| text.parse().map_err(|_| Invalid::new("not_a_boolean", "expected true or false"));
    text.map(parse).transpose()
}
