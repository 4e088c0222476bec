//! The queries of `relay check` for the types of events in the outbox. Changes nothing.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// Events are counted up to this number in each table: a check must not read ten million rows.
pub const EVENTS_READ_AT_MOST: i64 = 200_000;

/// An event type and how often it occurs, as far as it was counted.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct TypeCount {
    pub event_type: String,
    pub count: i64,
}

/// A [`TypeCount`] with the fields of the type's newest event from which a routing key is made.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct TypeSample {
    pub event_type: String,
    pub count: i64,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub tenant_id: Uuid,
    pub schema_version: i16,
}

crate::statement! {
    struct PendingTypes<'a> { limit: i64 => BigInt } -> (Text, BigInt, Text, Text, SqlUuid, SmallInt)
    = "SELECT event_type, count(*), (array_agg(aggregate_type ORDER BY seq DESC))[1],
        (array_agg(aggregate_id ORDER BY seq DESC))[1], (array_agg(tenant_id ORDER BY seq DESC))[1],
        (array_agg(schema_version ORDER BY seq DESC))[1]
    FROM (
        SELECT seq, event_type, aggregate_type, aggregate_id, tenant_id, schema_version FROM outbox_events LIMIT $1
    ) AS e GROUP BY 1 ORDER BY 1"
}

crate::statement! {
    struct PublishedTypes<'a> { since: DateTime<Utc> => Timestamptz, limit: i64 => BigInt }
        -> (Text, BigInt, Text, Text, SqlUuid, SmallInt)
    = "SELECT event_type, count(*), (array_agg(aggregate_type ORDER BY seq DESC))[1],
        (array_agg(aggregate_id ORDER BY seq DESC))[1], (array_agg(tenant_id ORDER BY seq DESC))[1],
        (array_agg(schema_version ORDER BY seq DESC))[1]
    FROM (
        SELECT seq, event_type, aggregate_type, aggregate_id, tenant_id, schema_version FROM outbox_history
        WHERE published_at >= $1 LIMIT $2
    ) AS e GROUP BY 1 ORDER BY 1"
}

crate::statement! {
    struct DeadTypes<'a> { reason: &'a str => Text, since: DateTime<Utc> => Timestamptz, limit: i64 => BigInt }
        -> (Text, BigInt)
    = "SELECT event_type, count(*) FROM (
        SELECT event_type FROM outbox_dead_letters WHERE reason = $1 AND failed_at >= $2 LIMIT $3
    ) AS e GROUP BY 1 ORDER BY 1"
}

/// Returns the types of the pending events, of at most [`EVENTS_READ_AT_MOST`] events.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn pending_types(connection: &mut AsyncPgConnection) -> QueryResult<Vec<TypeSample>> {
    RunQueryDsl::load(PendingTypes::new(EVENTS_READ_AT_MOST), connection).await
}

/// Returns the types of the events published at `since` or later, of at most [`EVENTS_READ_AT_MOST`] events.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn published_types(
    connection: &mut AsyncPgConnection,
    since: DateTime<Utc>,
) -> QueryResult<Vec<TypeSample>> {
    RunQueryDsl::load(PublishedTypes::new(since, EVENTS_READ_AT_MOST), connection).await
}

/// Returns the types of the dead letters with this reason that failed at `since` or later.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn dead_types(
    connection: &mut AsyncPgConnection,
    reason: &str,
    since: DateTime<Utc>,
) -> QueryResult<Vec<TypeCount>> {
    RunQueryDsl::load(DeadTypes::new(reason, since, EVENTS_READ_AT_MOST), connection).await
}
