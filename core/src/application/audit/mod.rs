//! The audit trail: who did what, when, from where, and what it was before and after. One row for each command that
//! changes something, in the command's own transaction.
//!
//! Rows are chained by hash; the database's function `audit_append` is the only way to write one (docs/audit.md).

mod anchors;
mod chain;
pub(crate) mod erase;
mod queries;
mod refusals;
pub(crate) mod sight;
mod verification;
mod verify;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::application::context::RequestContext;

pub use anchors::{Anchors, ChainId, Head};
pub use chain::Rule;
pub use erase::{EraseError, erase};
pub use queries::{AuditEventView, AuditFilter, AuditSort, is_larger_than, list, list_of_operators};
pub use refusals::{Refusal, Refusals};
pub use verification::Verification;
pub use verify::{Broken, Report, TenantDigest, VerifyError, verify};

/// The action of a command on a resource.
#[derive(Debug)]
pub(crate) struct AuditEntry {
    /// The resource and the verb, such as `order.confirm`.
    pub(crate) action: &'static str,
    pub(crate) resource_type: Cow<'static, str>,
    pub(crate) resource_id: String,
    /// The state before, as JSON; `None` if there was none.
    pub(crate) before: Option<String>,
    /// The state after, as JSON; `None` if there is none any more.
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

/// The author of an action, as a row names them.
#[derive(Debug)]
struct Author<'a> {
    actor_type: &'static str,
    actor_id: Option<Uuid>,
    actor_name: &'a str,
    session_id: Option<Uuid>,
    request_id: &'a str,
    client_address: Option<&'a str>,
}

/// Writes a row to the trail of the tenant that the transaction is bound to. This locks one of the tenant's chains until
/// the transaction ends: call it last.
///
/// # Errors
/// Fails if the statement fails.
pub(crate) async fn append(
    connection: &AsyncPgConnection,
    context: &RequestContext,
    occurred_at: DateTime<Utc>,
    entry: &AuditEntry,
) -> QueryResult<()> {
    let principal = &context.principal;
    let author = Author {
        actor_type: principal.actor.kind(),
        actor_id: principal.id().map(|id| id.uuid()),
        actor_name: &principal.name,
        session_id: principal.session_id().map(|id| id.uuid()),
        request_id: &context.request_id,
        client_address: context.client_address.as_deref(),
    };
    append_by(connection, &author, occurred_at, entry).await
}

async fn append_by(
    mut connection: &AsyncPgConnection,
    author: &Author<'_>,
    occurred_at: DateTime<Utc>,
    entry: &AuditEntry,
) -> QueryResult<()> {
    let statement = Append::new(
        Uuid::now_v7(),
        occurred_at,
        author.actor_type,
        author.actor_id,
        author.actor_name,
        author.session_id,
        entry.action,
        &entry.resource_type,
        &entry.resource_id,
        entry.before.as_deref(),
        entry.after.as_deref(),
        author.request_id,
        author.client_address,
    );
    statement.execute(&mut connection).await?;
    Ok(())
}
