//! The audit trail as JSON, and the parameters of its queries.

use chrono::{DateTime, Utc};
use comptoir_core::application::audit::{AuditEventView, AuditFilter};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::export::Exported;
use crate::extract::{AnyId, Faults, Text, Time};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub(crate) struct AuditEventResponse {
    id: Uuid,
    occurred_at: DateTime<Utc>,
    /// `user`, `api_key`, `operator` (somebody at the command line of the machine) or `anonymous` (who did not prove who they
    /// are).
    #[schema(example = "user")]
    actor_type: String,
    /// Of the user or the API key; null for the others.
    actor_id: Option<Uuid>,
    /// An e-mail address, the name of a key, or `user@host`, as it was then; empty for `anonymous`.
    #[schema(example = "alice@carmes.example")]
    actor_name: String,
    session_id: Option<Uuid>,
    #[schema(example = "order.confirm")]
    action: String,
    #[schema(example = "order")]
    resource_type: String,
    #[schema(example = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b")]
    resource_id: String,
    /// What it was; null for what was not there, or was erased. Secrets are never in it.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// What it became; null for what is not there any more, or was erased.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
    #[schema(example = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0c")]
    request_id: String,
    /// Null at the command line.
    #[schema(example = "203.0.113.7")]
    client_address: Option<String>,
    /// With `position`, the row's place in the trail.
    chain: i16,
    position: i64,
    /// SHA-256 in hexadecimal, of this row and the one before it in its chain.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    hash: String,
    /// Whether `before` and `after` were erased, as the law may demand.
    erased: bool,
}

impl Exported for AuditEventResponse {
    const COLUMNS: &'static [&'static str] = &[
        "occurred_at",
        "id",
        "actor_type",
        "actor_id",
        "actor_name",
        "session_id",
        "action",
        "resource_type",
        "resource_id",
        "before",
        "after",
        "request_id",
        "client_address",
        "chain",
        "position",
        "hash",
        "erased",
    ];
}

impl From<AuditEventView> for AuditEventResponse {
    fn from(row: AuditEventView) -> Self {
        Self {
            erased: row.is_erased(),
            id: row.id,
            occurred_at: row.occurred_at,
            actor_type: row.actor_type,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            session_id: row.session_id,
            action: row.action,
            resource_type: row.resource_type,
            resource_id: row.resource_id,
            before: row.before,
            after: row.after,
            request_id: row.request_id,
            client_address: row.client_address,
            chain: row.chain,
            position: row.position,
            hash: hex::encode(&row.hash),
        }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditFilters {
    /// Only what happened at this time or later; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    occurred_from: Option<Time>,
    /// Only what happened before this time; RFC 3339.
    #[deserr(default)]
    #[param(value_type = Option<DateTime<Utc>>)]
    occurred_before: Option<Time>,
    /// Only what this user or API key did.
    #[deserr(default)]
    #[param(value_type = Option<Uuid>)]
    actor_id: Option<AnyId>,
    /// Only this action.
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "order.confirm")]
    action: Option<Text>,
    /// Only what was done to resources of this type.
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "order")]
    resource_type: Option<Text>,
    /// Only what was done to the resource with this id.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    resource_id: Option<Text>,
}

impl From<AuditFilters> for AuditFilter {
    fn from(filters: AuditFilters) -> Self {
        let AuditFilters { occurred_from, occurred_before, actor_id, action, resource_type, resource_id } =
            filters;
        Self {
            occurred_from: occurred_from.map(|Time(time)| time),
            occurred_before: occurred_before.map(|Time(time)| time),
            actor_id: actor_id.map(|AnyId(id)| id),
            action: action.map(Into::into),
            resource_type: resource_type.map(Into::into),
            resource_id: resource_id.map(Into::into),
        }
    }
}
