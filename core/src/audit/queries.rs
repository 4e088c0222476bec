//! What can be read of the audit trail.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use crate::context::RequestContext;
use crate::database::Database;
use crate::error::Error;
use crate::paging::{Page, PageRequest, SortKey, keyset, look_through};
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
    pub before_digest: Option<Vec<u8>>,
    pub after_digest: Option<Vec<u8>>,
}

impl AuditEventDetails {
    /// Whether `before` and `after` were there and were erased.
    pub fn is_erased(&self) -> bool {
        let gone = |text: &Option<Value>, digest: &Option<Vec<u8>>| text.is_none() && digest.is_some();
        gone(&self.before, &self.before_digest) || gone(&self.after, &self.after_digest)
    }
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

type Rows<'a> = audit_events::BoxedQuery<'a, Pg>;

impl AuditFilter {
    /// Whether one index serves all filters. The trail grows with every command, and every index costs every command: there
    /// is one for each filter, and one for what an actor did of one kind. For the rest, rows are looked through.
    fn is_served(&self) -> bool {
        let (actor, action) = (self.actor_id.is_some(), self.action.is_some());
        if self.resource_id.is_some() {
            return !actor && !action && self.resource_type.is_none();
        }
        self.resource_type.is_none() || (!actor && !action)
    }

    /// The rows of the filters that one index serves, in the order of their times.
    fn served(&self, context: &RequestContext) -> Rows<'_> {
        let mut query = audit_events::table.into_boxed();
        query = query.filter(audit_events::tenant_id.eq(context.tenant_id().uuid()));
        if let Some(from) = self.occurred_from {
            query = query.filter(audit_events::occurred_at.ge(from));
        }
        if let Some(before) = self.occurred_before {
            query = query.filter(audit_events::occurred_at.lt(before));
        }
        if let Some(resource_id) = &self.resource_id {
            return query.filter(audit_events::resource_id.eq(resource_id));
        }
        if let Some(actor) = self.actor_id {
            query = query.filter(audit_events::actor_id.eq(actor));
        }
        if let Some(action) = &self.action {
            query = query.filter(audit_events::action.eq(action));
        }
        match &self.resource_type {
            Some(resource_type) if self.is_served() => {
                query.filter(audit_events::resource_type.eq(resource_type))
            }
            _ => query,
        }
    }

    /// All filters. Those that are not served are written so that no index can serve them: PostgreSQL would choose it by
    /// what it believes of the rows, and read any number of them.
    fn all(&self, context: &RequestContext) -> Rows<'_> {
        let mut query = self.served(context);
        if self.is_served() {
            return query;
        }
        if let (Some(_), Some(actor)) = (&self.resource_id, self.actor_id) {
            query = query.filter(audit_events::actor_id.is_not_distinct_from(actor));
        }
        if let (Some(_), Some(action)) = (&self.resource_id, &self.action) {
            query = query.filter(audit_events::action.is_not_distinct_from(action));
        }
        if let Some(resource_type) = &self.resource_type {
            query = query.filter(audit_events::resource_type.is_not_distinct_from(resource_type));
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
    use audit_events::{id, occurred_at};
    let columns = AuditEventDetails::as_select;
    let (edge, rows) = db
        .read(context, async |mut connection| {
            let after = request.after_time();
            if filter.is_served() {
                let query = filter.served(context).select(columns()).limit(request.rows());
                let query = keyset!(query, request.descending, after, occurred_at, id);
                return Ok((None, query.load(&mut connection).await?));
            }
            let (served, all) = (filter.served(context), filter.all(context).select(columns()));
            Ok(look_through!(connection, request, served, all, after, occurred_at, id))
        })
        .await?;
    Ok(request.page_up_to(edge, rows, |row: &AuditEventDetails| (row.occurred_at.to_rfc3339(), row.id)))
}

/// Whether more rows than this would have to be looked at to give all that the filter lets through.
///
/// # Errors
/// No database.
pub async fn is_larger_than(
    db: &Database,
    context: &RequestContext,
    filter: &AuditFilter,
    rows: i64,
) -> Result<bool, Error> {
    let beyond: Option<Uuid> = db
        .read(context, async |mut connection| {
            let order = (audit_events::occurred_at, audit_events::id);
            let query = filter.served(context).select(audit_events::id).order(order).offset(rows).limit(1);
            Ok(query.first(&mut connection).await.optional()?)
        })
        .await?;
    Ok(beyond.is_some())
}
