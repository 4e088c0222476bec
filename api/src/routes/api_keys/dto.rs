//! API keys as JSON.

use chrono::SubsecRound;
use comptoir_core::accounts::api_keys::{ApiKeyDetails, ApiKeyFilter, ApiKeyName, ApiKeyView};
use comptoir_core::application::{Permission, PermissionSet};
use comptoir_core::values::invalid::Invalid;
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::export::Exported;
use crate::extract::{Faults, Flag, Time, read_from_text};
use crate::routes::users::dto::permission_set;

read_from_text!(ApiKeyName);

#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ApiKeyRequest {
    /// The program that uses it.
    #[schema(value_type = String, example = "Web shop", min_length = 1, max_length = 100)]
    name: ApiKeyName,
    /// At least one, and none that you do not have yourself; `GET /api/v1/me` lists those.
    #[deserr(try_from(Vec<Permission>) = permissions_of_key -> Invalid)]
    #[schema(value_type = Vec<Permission>, example = json!(["orders:read", "orders:write"]), min_items = 1, max_items = 64)]
    permissions: PermissionSet,
    /// In the future, and within five years; without it, the key does not end by itself.
    #[deserr(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Option<Time>,
}

impl From<ApiKeyRequest> for ApiKeyDetails {
    fn from(ApiKeyRequest { name, permissions, expires_at }: ApiKeyRequest) -> Self {
        // The precision that the database keeps.
        let expires_at = expires_at.map(|Time(at)| at.trunc_subsecs(6));
        Self { name, permissions, expires_at }
    }
}

fn permissions_of_key(permissions: Vec<Permission>) -> Result<PermissionSet, Invalid> {
    permission_set(permissions).and_then(ApiKeyDetails::check_permissions)
}

/// A key that was just made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewApiKey)]
pub(crate) struct NewApiKeyResponse {
    #[serde(flatten)]
    pub(super) details: ApiKeyView,
    /// The key itself: shown this once, and kept nowhere. Null where the answer is repeated under an Idempotency-Key: the
    /// key is there, but nobody knows it; revoke it and make another one.
    #[schema(example = "ck_k3v9xw2p_…")]
    pub(super) key: Option<String>,
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApiKeyFilters {
    /// Only revoked keys (`true`), or only others (`false`).
    #[deserr(default)]
    #[param(value_type = Option<bool>)]
    revoked: Option<Flag>,
}

impl From<ApiKeyFilters> for ApiKeyFilter {
    fn from(ApiKeyFilters { revoked }: ApiKeyFilters) -> Self {
        Self { revoked: revoked.map(|Flag(revoked)| revoked) }
    }
}

impl Exported for ApiKeyView {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "version",
        "name",
        "prefix",
        "permissions",
        "created_by",
        "owner_id",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    ];
}
