//! The audit trail: who did what, when, from where, and what it was before and after. One row for each command that
//! changes something, in the command's own transaction.
//!
//! Rows are chained by hash; the database's function `audit_append` is the only way to write one (docs/audit.md).

mod queries;
mod verify;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::access::Actor;
use crate::context::RequestContext;

pub use queries::{AuditEventDetails, AuditFilter, AuditSort, is_larger_than, list};
pub use verify::{Anchors, Broken, ChainId, Head, Report, Rule, TenantDigest, VerifyError, verify};

/// What a command did to which resource.
#[derive(Debug)]
pub(crate) struct AuditEntry {
    /// Resource and verb, as in a sentence: `order.confirm`.
    pub(crate) action: &'static str,
    pub(crate) resource_type: &'static str,
    pub(crate) resource_id: String,
    /// JSON; `None` for what was not there before.
    pub(crate) before: Option<String>,
    /// JSON; `None` for what is not there any more.
    pub(crate) after: Option<String>,
}

crate::statement! {
    struct Append<'a> {
        id: Uuid => SqlUuid,
        occurred_at: DateTime<Utc> => Timestamptz,
        actor_type: &'a str => Text,
        actor_id: Option<Uuid> => Nullable<SqlUuid>,
        actor_name: &'a str => Text,
        session_id: Option<Uuid> => Nullable<SqlUuid>,
        action: &'a str => Text,
        resource_type: &'a str => Text,
        resource_id: &'a str => Text,
        before: Option<&'a str> => Nullable<Text>,
        after: Option<&'a str> => Nullable<Text>,
        request_id: &'a str => Text,
        client_address: Option<&'a str> => Nullable<Text>,
    }
    = "SELECT audit_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11::jsonb, $12, $13)"
}

/// Writes a row to the trail of the tenant that the transaction is bound to. From here on its chain is this session's until
/// the transaction ends: call it last.
///
/// # Errors
/// The connection's own.
pub(crate) async fn append(
    mut connection: &AsyncPgConnection,
    context: &RequestContext,
    occurred_at: DateTime<Utc>,
    entry: &AuditEntry,
) -> QueryResult<()> {
    let principal = &context.principal;
    let actor_type = match principal.actor {
        Actor::User { .. } => "user",
        Actor::ApiKey(_) => "api_key",
        Actor::Operator => "operator",
    };
    let statement = Append::new(
        Uuid::now_v7(),
        occurred_at,
        actor_type,
        principal.id().map(|id| id.uuid()),
        &principal.name,
        principal.session_id().map(|id| id.uuid()),
        entry.action,
        entry.resource_type,
        &entry.resource_id,
        entry.before.as_deref(),
        entry.after.as_deref(),
        &context.request_id,
        context.client_address.as_deref(),
    );
    statement.execute(&mut connection).await?;
    Ok(())
}
