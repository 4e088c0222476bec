//! The queries of the audit trail.

use chrono::{DateTime, Utc};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::application::{OperatorContext, TenantDatabase};
use crate::platform::paging::{
    Filter, Listed, Matching, Page, PageRequest, Period, SortKey, SortValue, Start, look_through, walk,
};
use crate::platform::schema::audit_events;

/// One row, as it was written.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_events, check_for_backend(Pg))]
pub struct AuditEventView {
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

impl AuditEventView {
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

impl Listed<AuditSort> for AuditEventView {
    fn id(&self) -> Uuid {
        self.id
    }

    fn sort_value(&self, _: AuditSort) -> SortValue {
        self.occurred_at.into()
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuditFilter {
    /// Inclusive.
    pub occurred_from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub occurred_before: Option<DateTime<Utc>>,
    /// The id of a user or an API key.
    pub actor_id: Option<Uuid>,
    pub action: Option<String>,
    pub resource_type: Option<String>,
    pub resource_id: Option<String>,
}

type Rows<'a> = audit_events::BoxedQuery<'a, Pg, SqlTypeOf<AsSelect<AuditEventView, Pg>>>;
type Found<'a> = Matching<'a, Rows<'a>, audit_events::table>;

impl AuditFilter {
    /// The part of the filter that one index serves. Every command adds a row and pays for every index. So there is one
    /// index for each filter, and one for actor and action together; for other combinations, rows are read and filtered.
    fn served(&self) -> Self {
        let mut served = self.clone();
        if self.resource_id.is_some() {
            (served.actor_id, served.action) = (None, None);
        }
        if self.resource_id.is_some() || self.actor_id.is_some() || self.action.is_some() {
            served.resource_type = None;
        }
        served
    }

    /// The rows of the tenant, along the index that serves these filters best.
    fn walk(&self, context: &RequestContext, start: Start<DateTime<Utc>>) -> Rows<'_> {
        use audit_events::{action, actor_id, id, occurred_at, resource_id, resource_type};
        let start = start.within(Period { from: self.occurred_from, before: self.occurred_before });
        let of_tenant = audit_events::tenant_id.eq(context.tenant_id().uuid());
        let query = audit_events::table.filter(of_tenant).select(AuditEventView::as_select()).into_boxed();
        if let Some(resource) = self.resource_id.as_deref() {
            return walk!(query, start, [resource_id => resource], occurred_at, id);
        }
        match (self.actor_id, self.action.as_deref(), self.resource_type.as_deref()) {
            (Some(actor), Some(done), _) => {
                walk!(query, start, [actor_id => actor, action => done], occurred_at, id)
            }
            (Some(actor), None, _) => walk!(query, start, [actor_id => actor], occurred_at, id),
            (None, Some(done), _) => walk!(query, start, [action => done], occurred_at, id),
            (None, None, Some(kind)) => walk!(query, start, [resource_type => kind], occurred_at, id),
            (None, None, None) => walk!(query, start, [], occurred_at, id),
        }
    }

    /// Whether matching rows may follow this row, at which the walk along the index stopped.
    fn leads_to(&self, row: &AuditEventView) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        let served = self.served();
        served.occurred_from.is_none_or(|from| from <= row.occurred_at)
            && served.occurred_before.is_none_or(|before| row.occurred_at < before)
            && served.actor_id.is_none_or(|actor| row.actor_id == Some(actor))
            && is(&served.action, &row.action)
            && is(&served.resource_type, &row.resource_type)
            && is(&served.resource_id, &row.resource_id)
    }

    fn matching<'a>(&'a self, looked_at: Rows<'a>, limit: i64) -> Found<'a> {
        use audit_events::{action, actor_id, occurred_at, resource_id, resource_type};
        let mut filters: Vec<Filter<'_, audit_events::table>> = Vec::new();
        if let Some(from) = self.occurred_from {
            filters.push(Box::new(occurred_at.ge(from)));
        }
        if let Some(before) = self.occurred_before {
            filters.push(Box::new(occurred_at.lt(before)));
        }
        if let Some(actor) = self.actor_id {
            filters.push(Box::new(actor_id.is_not_distinct_from(actor)));
        }
        if let Some(done) = &self.action {
            filters.push(Box::new(action.eq(done)));
        }
        if let Some(kind) = &self.resource_type {
            filters.push(Box::new(resource_type.eq(kind)));
        }
        if let Some(resource) = &self.resource_id {
            filters.push(Box::new(resource_id.eq(resource)));
        }
        Matching::of(looked_at, "audit_events", filters, limit)
    }
}

/// Reads the rows of one page, and the row at which a look through others stopped.
async fn rows(
    mut connection: &AsyncPgConnection,
    context: &RequestContext,
    filter: &AuditFilter,
    request: &PageRequest<AuditSort>,
) -> Result<(Option<AuditEventView>, Vec<AuditEventView>), Error> {
    let walk = || filter.walk(context, request.times());
    let matching = |looked_at, limit| filter.matching(looked_at, limit);
    if filter.served() == *filter {
        let rows = matching(walk().limit(request.rows()), request.rows());
        return Ok((None, rows.load(&mut connection).await?));
    }
    let (last, rows): (Option<AuditEventView>, _) = look_through!(connection, request, walk, matching);
    Ok((last.filter(|last| filter.leads_to(last)), rows))
}

/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &AuditFilter,
    request: &PageRequest<AuditSort>,
) -> Result<Page<AuditEventView>, Error> {
    let (edge, rows) =
        db.read(context, async |connection| rows(connection, context, filter, request).await).await?;
    Ok(request.page_up_to(edge, rows))
}

/// Lists what operators did, as [`list`] lists what was done in a company.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn list_of_operators(
    db: &TenantDatabase,
    context: &OperatorContext,
    filter: &AuditFilter,
    request: &PageRequest<AuditSort>,
) -> Result<Page<AuditEventView>, Error> {
    let (edge, rows) = db
        .read_as_operator(context, async |connection| {
            rows(connection, context.request(), filter, request).await
        })
        .await?;
    Ok(request.page_up_to(edge, rows))
}

/// Whether more than `rows` rows would have to be read to find all that match the filter.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn is_larger_than(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &AuditFilter,
    rows: i64,
) -> Result<bool, Error> {
    let beyond: Option<AuditEventView> = db
        .read(context, async |mut connection| {
            let query = filter.walk(context, Start::first()).offset(rows).limit(1);
            Ok(query.first(&mut connection).await.optional()?)
        })
        .await?;
    Ok(beyond.is_some_and(|row| filter.leads_to(&row)))
}
