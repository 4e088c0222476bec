//! What can be read of the audit trail.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, Select};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::context::RequestContext;
use crate::database::Database;
use crate::error::Error;
use crate::paging::{Page, PageRequest, SortKey, keyset};
use crate::schema::audit_events;

/// One row, as it was written.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_events, check_for_backend(Pg))]
pub struct AuditEventDetails {
    pub id: Uuid,
    pub occurred_at: DateTime<Utc>,
    pub actor_type: String,
    pub actor_id: Option<Uuid>,
    pub actor_name: String,
    pub session_id: Option<Uuid>,
    pub action: String,
    pub resource_type: String,
    pub resource_id: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub request_id: String,
    pub client_address: Option<String>,
    pub chain: i16,
    pub position: i64,
    pub hash: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditSort {
    OccurredAt,
}

impl SortKey for AuditSort {
    const NAMES: &'static [(&'static str, Self)] = &[("occurred_at", Self::OccurredAt)];
    const DEFAULT: &'static str = "-occurred_at";

    fn is_time(self) -> bool {
        true
    }
}

#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Inclusive.
    pub occurred_from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub occurred_before: Option<DateTime<Utc>>,
    /// A user or an API key.
    pub actor_id: Option<Uuid>,
    pub action: Option<String>,
    pub resource_type: Option<String>,
    pub resource_id: Option<String>,
}

type Rows<'a> = diesel::dsl::IntoBoxed<'a, Select<audit_events::table, AsSelect<AuditEventDetails, Pg>>, Pg>;

impl AuditFilter {
    fn rows(&self, context: &RequestContext) -> Rows<'_> {
        let mut query = audit_events::table.select(AuditEventDetails::as_select()).into_boxed();
        query = query.filter(audit_events::tenant_id.eq(context.tenant_id().uuid()));
        if let Some(from) = self.occurred_from {
            query = query.filter(audit_events::occurred_at.ge(from));
        }
        if let Some(before) = self.occurred_before {
            query = query.filter(audit_events::occurred_at.lt(before));
        }
        if let Some(actor) = self.actor_id {
            query = query.filter(audit_events::actor_id.eq(actor));
        }
        if let Some(action) = &self.action {
            query = query.filter(audit_events::action.eq(action));
        }
        if let Some(resource_type) = &self.resource_type {
            query = query.filter(audit_events::resource_type.eq(resource_type));
        }
        if let Some(resource_id) = &self.resource_id {
            query = query.filter(audit_events::resource_id.eq(resource_id));
        }
        query
    }
}

/// # Errors
/// No database.
pub async fn list(
    db: &Database,
    context: &RequestContext,
    filter: &AuditFilter,
    request: &PageRequest<AuditSort>,
) -> Result<Page<AuditEventDetails>, Error> {
    let query = || {
        let query = filter.rows(context).limit(request.rows());
        keyset!(query, request.descending, request.after_time(), audit_events::occurred_at, audit_events::id)
    };
    let rows = db.read(context, async |mut connection| Ok(query().load(&mut connection).await?)).await?;
    Ok(request.page(rows, |row: &AuditEventDetails| (row.occurred_at.to_rfc3339(), row.id)))
}

/// Whether the filter lets more rows through than this.
///
/// # Errors
/// No database.
pub async fn has_more_than(
    db: &Database,
    context: &RequestContext,
    filter: &AuditFilter,
    rows: i64,
) -> Result<bool, Error> {
    let beyond: Option<AuditEventDetails> = db
        .read(context, async |mut connection| {
            let query = filter.rows(context).order(audit_events::occurred_at).offset(rows).limit(1);
            Ok(query.first(&mut connection).await.optional()?)
        })
        .await?;
    Ok(beyond.is_some())
}
