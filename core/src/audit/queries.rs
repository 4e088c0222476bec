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
use crate::paging::{Page, PageRequest, SortKey, Span, look_through, walk};
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

    fn of_tenant<'a>(context: &RequestContext) -> Rows<'a> {
        audit_events::table.filter(audit_events::tenant_id.eq(context.tenant_id().uuid())).into_boxed()
    }

    /// Adds the filters that one index serves, in the order of the rows' times.
    fn walk<'a>(&'a self, query: Rows<'a>, span: Span<DateTime<Utc>>) -> Rows<'a> {
        use audit_events::{action, actor_id, id, occurred_at, resource_id, resource_type};
        let span = span.within(self.occurred_from, self.occurred_before);
        if let Some(resource) = self.resource_id.as_deref() {
            return walk!(query, span, [resource_id => resource], occurred_at, id);
        }
        match (self.actor_id, self.action.as_deref(), self.resource_type.as_deref()) {
            (Some(actor), Some(done), _) => {
                walk!(query, span, [actor_id => actor, action => done], occurred_at, id)
            }
            (Some(actor), None, _) => walk!(query, span, [actor_id => actor], occurred_at, id),
            (None, Some(done), _) => walk!(query, span, [action => done], occurred_at, id),
            (None, None, Some(kind)) => walk!(query, span, [resource_type => kind], occurred_at, id),
            (None, None, None) => walk!(query, span, [], occurred_at, id),
        }
    }

    /// Adds all filters but those that `walk` adds, written so that no index can serve them: PostgreSQL would choose it by
    /// what it believes of the rows, and read any number of them.
    fn not_served<'a>(&'a self, mut query: Rows<'a>) -> Rows<'a> {
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
            let (all, span) = (AuditFilter::of_tenant(context), request.times());
            if filter.is_served() {
                let query = filter.walk(all, span).select(columns()).limit(request.rows());
                return Ok((None, query.load(&mut connection).await?));
            }
            let (matching, walk) =
                (filter.not_served(AuditFilter::of_tenant(context)), |query, span| filter.walk(query, span));
            Ok(look_through!(connection, request, span, all, matching, walk, (occurred_at, id), columns()))
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
            let query = filter.walk(AuditFilter::of_tenant(context), Span::everything());
            let query = query.select(audit_events::id).offset(rows).limit(1);
            Ok(query.first(&mut connection).await.optional()?)
        })
        .await?;
    Ok(beyond.is_some())
}
