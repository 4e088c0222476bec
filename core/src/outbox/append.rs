//! Appends events to `outbox_events`, in the caller's transaction and for the tenant that it is bound to.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// One event as it is written. The database checks lengths and that payload and headers are JSON.
#[derive(Debug, Clone)]
pub struct NewOutboxEvent {
    /// Becomes the message id, by which consumers recognise a repeat.
    pub id: Uuid,
    pub aggregate_type: &'static str,
    pub aggregate_id: String,
    /// The aggregate's version after the change.
    pub aggregate_version: i64,
    /// Such as `order.placed`; also the routing key, unless a `[[routing]]` rule of the relay matches.
    pub event_type: &'static str,
    pub schema_version: i16,
    /// JSON text: the body of the message, or the `data` of its CloudEvent.
    pub payload: String,
    /// A JSON object's text: `correlation-id`, `causation-id`, `traceparent` and any other header.
    pub headers: String,
    pub occurred_at: DateTime<Utc>,
}

crate::statement! {
    /// One statement for any number of events; `seq` follows the order of the arrays. The runtime role can reach the outbox
    /// only through this function, which takes the tenant from the transaction.
    struct Append<'a> {
        ids: &'a [Uuid] => Array<SqlUuid>,
        aggregate_types: &'a [&'a str] => Array<Text>,
        aggregate_ids: &'a [&'a str] => Array<Text>,
        aggregate_versions: &'a [i64] => Array<BigInt>,
        event_types: &'a [&'a str] => Array<Text>,
        schema_versions: &'a [i16] => Array<SmallInt>,
        payloads: &'a [&'a str] => Array<Text>,
        headers: &'a [&'a str] => Array<Text>,
        occurred_at: &'a [DateTime<Utc>] => Array<Timestamptz>,
    }
    = "SELECT outbox_append($1, $2, $3, $4, $5, $6, $7, $8, $9)"
}

/// Appends `events` in the order of the slice; they exist when, and only if, the transaction commits.
///
/// The caller must already have locked or inserted the row of every aggregate concerned. Then, within an aggregate, the
/// order of `seq` is the order of commits, which is the order in which the relay publishes.
///
/// # Errors
/// Fails if a check of the table refuses an event that could never be published, or if the database does not answer.
pub async fn append(mut connection: &AsyncPgConnection, events: &[NewOutboxEvent]) -> QueryResult<()> {
    if events.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    let aggregate_types: Vec<_> = events.iter().map(|event| event.aggregate_type).collect();
    let aggregate_ids: Vec<_> = events.iter().map(|event| event.aggregate_id.as_str()).collect();
    let aggregate_versions: Vec<_> = events.iter().map(|event| event.aggregate_version).collect();
    let event_types: Vec<_> = events.iter().map(|event| event.event_type).collect();
    let schema_versions: Vec<_> = events.iter().map(|event| event.schema_version).collect();
    let payloads: Vec<_> = events.iter().map(|event| event.payload.as_str()).collect();
    let headers: Vec<_> = events.iter().map(|event| event.headers.as_str()).collect();
    let occurred_at: Vec<_> = events.iter().map(|event| event.occurred_at).collect();
    let statement = Append::new(
        &ids,
        &aggregate_types,
        &aggregate_ids,
        &aggregate_versions,
        &event_types,
        &schema_versions,
        &payloads,
        &headers,
        &occurred_at,
    );
    statement.execute(&mut connection).await?;
    Ok(())
}
