//! The audit trail as JSON, and the parameters of its queries.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use comptoir_core::application::audit::{AuditEventView, AuditFilter, AuditSort};
use comptoir_core::platform::paging::PageRequest;
use comptoir_core::values::invalid::{FieldError, Fields, Invalid};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::extract;
use crate::routes::parse_limit;

#[derive(Debug, Serialize, ToSchema)]
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
    resource_id: String,
    /// What it was; null for what was not there, or was erased. Secrets are never in it.
    before: Option<Value>,
    /// What it became; null for what is not there any more, or was erased.
    after: Option<Value>,
    request_id: String,
    /// Null at the command line.
    #[schema(example = "203.0.113.7")]
    client_address: Option<String>,
    /// With `position`, the row's place in the trail.
    chain: i16,
    position: i64,
    /// SHA-256 in hexadecimal, of this row and the one before it in its chain.
    hash: String,
    /// Whether `before` and `after` were erased, as the law may demand.
    erased: bool,
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

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only what happened at this time or later.
    #[param(value_type = Option<DateTime<Utc>>)]
    occurred_from: Option<String>,
    /// Only what happened before this time.
    #[param(value_type = Option<DateTime<Utc>>)]
    occurred_before: Option<String>,
    /// Only what this user or API key did.
    #[param(value_type = Option<Uuid>)]
    actor_id: Option<String>,
    /// Only this action, such as `order.confirm`.
    action: Option<String>,
    /// Only what was done to resources of this type, such as `order`.
    resource_type: Option<String>,
    /// Only what was done to the resource with this id.
    resource_id: Option<String>,
    /// `occurred_at`; `-` in front sorts descending, which is the default.
    #[param(example = "-occurred_at")]
    sort: Option<String>,
    /// Rows of a page.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// As [`AuditQuery`], for everything at once.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditExportQuery {
    /// Only what happened at this time or later.
    #[param(value_type = Option<DateTime<Utc>>)]
    occurred_from: Option<String>,
    /// Only what happened before this time.
    #[param(value_type = Option<DateTime<Utc>>)]
    occurred_before: Option<String>,
    /// Only what this user or API key did.
    #[param(value_type = Option<Uuid>)]
    actor_id: Option<String>,
    /// Only this action, such as `order.confirm`.
    action: Option<String>,
    /// Only what was done to resources of this type, such as `order`.
    resource_type: Option<String>,
    /// Only what was done to the resource with this id.
    resource_id: Option<String>,
}

impl AuditQuery {
    pub(super) fn parse(self) -> Result<(AuditFilter, PageRequest<AuditSort>), Vec<FieldError>> {
        let mut fields = Fields::default();
        let limit = fields.take("/query/limit", parse_limit(self.limit.as_deref()));
        let Self { occurred_from, occurred_before, actor_id, action, resource_type, resource_id, .. } = self;
        let filter =
            AuditExportQuery { occurred_from, occurred_before, actor_id, action, resource_type, resource_id };
        let filter = filter.filter(&mut fields);
        let (filter, limit) = fields.finish(filter.zip(limit))?;
        Ok((filter, PageRequest::parse(limit, self.sort.as_deref(), self.cursor.as_deref())?))
    }
}

impl AuditExportQuery {
    pub(super) fn parse(self) -> Result<AuditFilter, Vec<FieldError>> {
        let mut fields = Fields::default();
        let filter = self.filter(&mut fields);
        fields.finish(filter)
    }

    fn filter(self, fields: &mut Fields) -> Option<AuditFilter> {
        let from = fields.take("/query/occurred_from", extract::time(self.occurred_from.as_deref()));
        let before = fields.take("/query/occurred_before", extract::time(self.occurred_before.as_deref()));
        let actor_id = fields.take("/query/actor_id", self.actor_id.as_deref().map(parse_id).transpose());
        let action = fields.take("/query/action", extract::text(self.action));
        let resource_type = fields.take("/query/resource_type", extract::text(self.resource_type));
        let resource_id = fields.take("/query/resource_id", extract::text(self.resource_id));
        Some(AuditFilter {
            occurred_from: from?,
            occurred_before: before?,
            actor_id: actor_id?,
            action: action?,
            resource_type: resource_type?,
            resource_id: resource_id?,
        })
    }
}

fn parse_id(text: &str) -> Result<Uuid, Invalid> {
    Uuid::from_str(text).map_err(|_| Invalid::new("not_a_uuid", "expected a UUID"))
}
