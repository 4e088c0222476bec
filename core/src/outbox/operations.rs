//! The log of operators' decisions about events (`outbox_operations`). A requeue or a discard counts its events in the statement that
//! moves them ([`super::dead_letters`]); a replay counts them when it ends.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;
use uuid::Uuid;

use super::NOTIFY_CHANNEL;
use crate::platform::schema::{outbox_operation_events, outbox_operations};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Requeue,
    Discard,
    Replay,
}

impl Operation {
    /// Returns the name that the table stores.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requeue => "requeue",
            Self::Discard => "discard",
            Self::Replay => "replay",
        }
    }
}

/// The operator who decides.
#[derive(Debug, Clone)]
pub struct Operator {
    pub name: String,
    pub host: String,
}

/// A decision that was made.
#[derive(Debug, Clone, Queryable)]
pub struct OperationRecord {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub operator: String,
    pub host: String,
    pub operation: String,
    pub filter: Value,
    pub count: i64,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Selects decisions; a field that is `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only decisions begun at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Only decisions that requeued or discarded this event.
    pub event_id: Option<Uuid>,
}

/// Lists decisions, the newest first.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn list(
    connection: &mut AsyncPgConnection,
    filter: &Filter,
    limit: i64,
) -> QueryResult<Vec<OperationRecord>> {
    let mut query = outbox_operations::table
        .order((outbox_operations::at.desc(), outbox_operations::id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(since) = filter.since {
        query = query.filter(outbox_operations::at.ge(since));
    }
    if let Some(event_id) = filter.event_id {
        let concerned = outbox_operation_events::table
            .filter(outbox_operation_events::event_id.eq(event_id))
            .select(outbox_operation_events::operation_id);
        query = query.filter(outbox_operations::id.eq_any(concerned));
    }
    RunQueryDsl::load(query, connection).await
}

crate::statement! {
    /// Finds events that an operator has decided about, and that wait neither for another decision nor for publication. The
    /// copies of them that the broker still has are out of date.
    struct Closed<'a> { ids: &'a [Uuid] => Array<SqlUuid> } -> (SqlUuid,)
    = "SELECT DISTINCT event_id FROM outbox_operation_events d
    WHERE event_id = ANY ($1)
        AND NOT EXISTS (SELECT FROM outbox_dead_letters WHERE id = d.event_id)
        AND NOT EXISTS (SELECT FROM outbox_events WHERE id = d.event_id)"
}

/// Returns the events of `ids` that were requeued or discarded and are no longer dead letters or in the outbox.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn closed(connection: &mut AsyncPgConnection, ids: &[Uuid]) -> QueryResult<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> = RunQueryDsl::load(Closed::new(ids), connection).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Records that an operation begins; returns its id. `filter` is the operator's filter, as a JSON object.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn begin(
    connection: &mut AsyncPgConnection,
    operation: Operation,
    operator: &Operator,
    filter: &Value,
) -> QueryResult<Uuid> {
    let id = Uuid::now_v7();
    let row = (
        outbox_operations::id.eq(id),
        outbox_operations::operator.eq(&operator.name),
        outbox_operations::host.eq(&operator.host),
        outbox_operations::operation.eq(operation.name()),
        outbox_operations::filter.eq(filter),
    );
    let insert = diesel::insert_into(outbox_operations::table).values(row);
    RunQueryDsl::execute(insert, connection).await?;
    Ok(id)
}

/// Records that the operation ended, and adds the events that were not counted before to its count.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn finish(connection: &mut AsyncPgConnection, id: Uuid, uncounted: i64) -> QueryResult<()> {
    let update = diesel::update(outbox_operations::table.find(id)).set((
        outbox_operations::count.eq(outbox_operations::count + uncounted),
        outbox_operations::finished_at.eq(now.into_sql::<Nullable<Timestamptz>>()),
    ));
    RunQueryDsl::execute(update, connection).await.map(drop)
}

/// Returns the time of the database's clock, which all times of the outbox follow.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn clock(connection: &mut AsyncPgConnection) -> QueryResult<DateTime<Utc>> {
    RunQueryDsl::get_result(diesel::select(now.into_sql::<Timestamptz>()), connection).await
}

/// Tells the relays that there are events to publish. Must not be called in the transaction that wrote them: `NOTIFY`
/// locks the database at commit.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement. The relays then find the events by polling.
pub async fn wake_relays(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    connection.batch_execute(&format!("NOTIFY {NOTIFY_CHANNEL}")).await
}
