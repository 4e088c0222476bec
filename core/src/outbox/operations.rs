//! The audit trail of what operators decide about events. A requeue or a discard counts its events in the statement that
//! moves them ([`super::dead_letters`]); a replay counts when it ends.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;
use uuid::Uuid;

use super::NOTIFY_CHANNEL;
use crate::schema::outbox_operations;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Requeue,
    Discard,
    Replay,
}

impl Operation {
    /// As the table has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requeue => "requeue",
            Self::Discard => "discard",
            Self::Replay => "replay",
        }
    }
}

/// Who decides.
#[derive(Debug, Clone)]
pub struct Operator {
    pub name: String,
    pub host: String,
}

/// Notes that an operation begins; returns its id. `filter` is what was asked for, as a JSON object.
///
/// # Errors
/// The connection's own.
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

/// Notes that it ended, and adds to its count what was not counted before.
///
/// # Errors
/// The connection's own.
pub async fn finish(connection: &mut AsyncPgConnection, id: Uuid, uncounted: i64) -> QueryResult<()> {
    let update = diesel::update(outbox_operations::table.find(id)).set((
        outbox_operations::count.eq(outbox_operations::count + uncounted),
        outbox_operations::finished_at.eq(now.into_sql::<Nullable<Timestamptz>>()),
    ));
    RunQueryDsl::execute(update, connection).await.map(drop)
}

/// The database's clock, which every time of the outbox is by.
///
/// # Errors
/// The connection's own.
pub async fn clock(connection: &mut AsyncPgConnection) -> QueryResult<DateTime<Utc>> {
    RunQueryDsl::get_result(diesel::select(now.into_sql::<Timestamptz>()), connection).await
}

/// Tells the relays that there is something to publish. Not in the transaction that made it: `NOTIFY` locks the database
/// at commit.
///
/// # Errors
/// The connection's own; the relays then find it by polling.
pub async fn wake_relays(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    connection.batch_execute(&format!("NOTIFY {NOTIFY_CHANNEL}")).await
}
