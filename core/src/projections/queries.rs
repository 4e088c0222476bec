//! The queries on the inbox: a tenant's own messages, and those of all for an operator.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::CONSUMER;
use super::apply::Projector;
use super::commands::MessageError;
use super::inbox::MessageState;
use crate::application::TenantDatabase;
use crate::application::context::RequestContext;
use crate::application::error::Error;
use crate::platform::paging::{Listed, Page, PageRequest, SortKey, SortValue, walk};
use crate::platform::schema::projection_inbox as inbox;
use crate::values::ids::TenantId;

/// An event that arrived for the projections.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ProjectionEvent)]
pub struct MessageView {
    pub id: Uuid,
    pub state: MessageState,
    #[schema(example = "order.placed")]
    pub event_type: String,
    #[schema(example = "order")]
    pub aggregate_type: String,
    #[schema(example = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b")]
    pub aggregate_id: String,
    pub aggregate_version: Option<i64>,
    /// Attempts that failed.
    pub attempts: i32,
    /// What was wrong with the last one, or what it waits for.
    pub last_error: Option<String>,
    /// The version of its aggregate that has to come first and has not arrived.
    pub missing_version: Option<i64>,
    /// When it is tried next, if it waits.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Whether it was decided that it is not applied; it is `discarded` once its turn has come.
    pub to_discard: bool,
    pub correlation_id: Option<String>,
    pub occurred_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    /// When it was applied or discarded.
    pub applied_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = inbox)]
pub(super) struct MessageRow {
    tenant_id: Uuid,
    id: Uuid,
    state: String,
    event_type: String,
    aggregate_type: String,
    aggregate_id: String,
    aggregate_version: Option<i64>,
    attempts: i32,
    last_error: Option<String>,
    missing_version: Option<i64>,
    next_attempt_at: DateTime<Utc>,
    skip: bool,
    correlation_id: Option<String>,
    occurred_at: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
    applied_at: Option<DateTime<Utc>>,
}

impl MessageRow {
    pub(super) fn into_view(self) -> Result<MessageView, Error> {
        let state = MessageState::ALL.into_iter().find(|state| state.name() == self.state);
        let state =
            state.ok_or_else(|| Error::Stored { what: "a state of a message", value: self.state.clone() })?;
        let next = Some(self.next_attempt_at).filter(|_| state == MessageState::Waiting);
        Ok(MessageView {
            id: self.id,
            state,
            event_type: self.event_type,
            aggregate_type: self.aggregate_type,
            aggregate_id: self.aggregate_id,
            aggregate_version: self.aggregate_version,
            attempts: self.attempts,
            last_error: self.last_error,
            missing_version: self.missing_version,
            next_attempt_at: next,
            to_discard: self.skip && state == MessageState::Waiting,
            correlation_id: self.correlation_id,
            occurred_at: self.occurred_at,
            received_at: self.received_at,
            applied_at: self.applied_at,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageSort {
    ReceivedAt,
}

impl SortKey for MessageSort {
    const NAMES: &'static [(&'static str, Self)] = &[("received_at", Self::ReceivedAt)];
    const DEFAULT: &'static str = "-received_at";

    fn is_time(self) -> bool {
        true
    }
}

impl Listed<MessageSort> for MessageView {
    fn id(&self) -> Uuid {
        self.id
    }

    fn sort_value(&self, _: MessageSort) -> SortValue {
        self.received_at.into()
    }
}

#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Those in one of these states; empty for all.
    pub states: Vec<MessageState>,
}

/// # Errors
/// `NotFound` if the tenant has no such message. Fails if the database cannot be reached.
pub async fn get(db: &TenantDatabase, context: &RequestContext, id: Uuid) -> Result<MessageView, Error> {
    let query = || inbox::table.find((context.tenant_id().uuid(), id)).select(MessageRow::as_select());
    let row: Option<MessageRow> = db.find(context, query).await?;
    row.ok_or(MessageError::NotFound(id))?.into_view()
}

/// Lists the tenant's messages.
///
/// # Errors
/// Fails if the database cannot be reached.
pub async fn list(
    db: &TenantDatabase,
    context: &RequestContext,
    filter: &MessageFilter,
    request: &PageRequest<MessageSort>,
) -> Result<Page<MessageView>, Error> {
    let states = if filter.states.is_empty() { &MessageState::ALL[..] } else { &filter.states };
    let mut views = db
        .read(context, async |mut connection| {
            let mut views = Vec::new();
            // Each state has its part of the index.
            for state in states {
                let rows = inbox::table
                    .filter(inbox::tenant_id.eq(context.tenant_id().uuid()))
                    .select(MessageRow::as_select())
                    .limit(request.rows())
                    .into_boxed();
                let rows = walk!(
                    rows,
                    request.times(),
                    [inbox::state => state.name()],
                    inbox::received_at,
                    inbox::id
                );
                let rows: Vec<MessageRow> = rows.load(&mut connection).await?;
                // A comparison of rows sets only the start: behind the last of this state come those of the next.
                let rows = rows.into_iter().filter(|row| row.state == state.name());
                for row in rows {
                    views.push(row.into_view()?);
                }
            }
            Ok(views)
        })
        .await?;
    request.sort_by_time(&mut views);
    Ok(request.page(views))
}

/// What an operator wants to see, of all tenants.
#[derive(Debug, Clone, Default)]
pub struct OperatorFilter {
    pub tenant: Option<TenantId>,
    pub state: Option<MessageState>,
    pub event_type: Option<String>,
    pub aggregate_id: Option<String>,
    pub ids: Vec<Uuid>,
}

/// Lists messages of all tenants, the oldest first, with their payloads.
///
/// # Errors
/// Fails if the database cannot be reached, or if the role may not.
pub async fn list_of_all(
    projector: &Projector,
    filter: &OperatorFilter,
    most: i64,
) -> Result<Vec<(TenantId, MessageView, Vec<u8>)>, Error> {
    let mut query = inbox::table
        .filter(inbox::consumer.eq(CONSUMER))
        .select((MessageRow::as_select(), inbox::payload))
        .order(inbox::number)
        .limit(most)
        .into_boxed();
    if let Some(tenant) = filter.tenant {
        query = query.filter(inbox::tenant_id.eq(tenant.uuid()));
    }
    if let Some(state) = filter.state {
        query = query.filter(inbox::state.eq(state.name()));
    }
    if let Some(event_type) = &filter.event_type {
        query = query.filter(inbox::event_type.eq(event_type));
    }
    if let Some(aggregate) = &filter.aggregate_id {
        query = query.filter(inbox::aggregate_id.eq(aggregate));
    }
    if !filter.ids.is_empty() {
        query = query.filter(inbox::id.eq_any(&filter.ids));
    }
    let mut connection = projector.database.connection().await?;
    let rows: Vec<(MessageRow, Vec<u8>)> = query.load(&mut connection).await?;
    rows.into_iter()
        .map(|(row, payload)| Ok((TenantId::from_uuid(row.tenant_id), row.into_view()?, payload)))
        .collect()
}
