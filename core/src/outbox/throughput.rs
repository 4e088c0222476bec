//! What was published lately, for an operator: how many events in each minute, how long after they occurred, and the last of them.
//! Changes nothing.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{BigInt, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::EventTypes;

/// Events are read up to this number: a page must not read ten million rows.
pub const EVENTS_READ_AT_MOST: i64 = 200_000;

/// The events that were published in one minute.
#[derive(Debug, Clone, Copy, PartialEq, diesel::Queryable)]
pub struct Minute {
    pub at: DateTime<Utc>,
    pub published: i64,
    /// Half of them were published so soon after they occurred, or sooner.
    pub half_within_seconds: f64,
    /// Nineteen of twenty.
    pub most_within_seconds: f64,
}

/// An event that was published.
#[derive(Debug, Clone, PartialEq, diesel::Queryable)]
pub struct Published {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub event_type: String,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub occurred_at: DateTime<Utc>,
    pub published_at: DateTime<Utc>,
    pub retry_count: i32,
}

crate::statement! {
    struct Minutes<'a> { since: DateTime<Utc> => Timestamptz, most: i64 => BigInt }
        -> (Timestamptz, BigInt, Double, Double)
    = "SELECT date_trunc('minute', e.published_at), count(*),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY e.took), percentile_cont(0.95) WITHIN GROUP (ORDER BY e.took)
    FROM (
        SELECT published_at, extract(epoch FROM published_at - occurred_at)::double precision AS took
        FROM outbox_history WHERE published_at >= $1 LIMIT $2
    ) AS e GROUP BY 1 ORDER BY 1"
}

crate::statement! {
    struct Latest<'a> { since: DateTime<Utc> => Timestamptz, most: i64 => BigInt }
        -> (SqlUuid, SqlUuid, Text, Text, Text, Timestamptz, Timestamptz, Integer)
    = "SELECT id, tenant_id, event_type, aggregate_type, aggregate_id, occurred_at, published_at, retry_count
    FROM outbox_history WHERE published_at >= $1 ORDER BY published_at DESC, seq DESC LIMIT $2"
}

/// An event as it comes: it waits, or what became of it.
#[derive(Debug, Clone, PartialEq, diesel::Queryable)]
pub struct Recent {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub event_type: String,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub occurred_at: DateTime<Utc>,
    /// When it was published or became a dead letter.
    pub settled_at: Option<DateTime<Utc>>,
    pub retry_count: i32,
    /// `pending`, `retrying`, `published` or `dead`.
    pub state: String,
}

crate::statement! {
    /// The last of each table, and of these the last. An event that holds its aggregate is in two of them: it counts as dead.
    struct Comes<'a> { since: DateTime<Utc> => Timestamptz, event_types: Option<&'a str> => Nullable<Text>, most: i64 => BigInt }
        -> (SqlUuid, SqlUuid, Text, Text, Text, Timestamptz, Nullable<Timestamptz>, Integer, Text)
    = "WITH asked AS (SELECT $1::timestamptz AS since, COALESCE($2::text, '') AS types, $3::bigint AS most)
    SELECT id, tenant_id, event_type, aggregate_type, aggregate_id, occurred_at, settled_at, retry_count, state
    FROM (
        (SELECT seq, id, tenant_id, event_type, aggregate_type, aggregate_id, occurred_at, NULL::timestamptz AS settled_at,
            retry_count, CASE WHEN next_attempt_at > now() THEN 'retrying' ELSE 'pending' END AS state
        FROM outbox_events
        WHERE next_attempt_at IS DISTINCT FROM 'infinity' AND ('.' || event_type) ~ (SELECT types FROM asked)
        ORDER BY seq DESC LIMIT (SELECT most FROM asked))
        UNION ALL
        (SELECT seq, id, tenant_id, event_type, aggregate_type, aggregate_id, occurred_at, published_at, retry_count,
            'published'
        FROM outbox_history
        WHERE published_at >= (SELECT since FROM asked) AND ('.' || event_type) ~ (SELECT types FROM asked)
        ORDER BY published_at DESC, seq DESC LIMIT (SELECT most FROM asked))
        UNION ALL
        (SELECT seq, id, tenant_id, event_type, aggregate_type, aggregate_id, occurred_at, failed_at, retry_count, 'dead'
        FROM outbox_dead_letters
        WHERE failed_at >= (SELECT since FROM asked) AND ('.' || event_type) ~ (SELECT types FROM asked)
        ORDER BY failed_at DESC, seq DESC LIMIT (SELECT most FROM asked))
    ) AS e ORDER BY COALESCE(settled_at, occurred_at) DESC, seq DESC LIMIT (SELECT most FROM asked)"
}

/// Returns the `most` events that came last, the newest first: those that wait, and those that were settled at `since` or later.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn recent(
    connection: &mut AsyncPgConnection,
    since: DateTime<Utc>,
    event_types: Option<&EventTypes>,
    most: i64,
) -> QueryResult<Vec<Recent>> {
    RunQueryDsl::load(Comes::new(since, event_types.map(EventTypes::regex), most), connection).await
}

/// Returns the minutes since then in which something was published, the earliest first. If their events are
/// [`EVENTS_READ_AT_MOST`] together, there are more, and nothing is known of those.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn minutes(connection: &mut AsyncPgConnection, since: DateTime<Utc>) -> QueryResult<Vec<Minute>> {
    RunQueryDsl::load(Minutes::new(since, EVENTS_READ_AT_MOST), connection).await
}

/// Returns the `most` events that were published last, the newest first, none from before `since`.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn latest(
    connection: &mut AsyncPgConnection,
    since: DateTime<Utc>,
    most: i64,
) -> QueryResult<Vec<Published>> {
    RunQueryDsl::load(Latest::new(since, most), connection).await
}
