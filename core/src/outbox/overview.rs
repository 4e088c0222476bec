//! An operator's queries for the whole outbox: how many events wait, for how long, and which replicas work on them.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Nullable, SmallInt, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::SHARDS;
use crate::platform::schema::{relay_replicas, relay_shards};

/// The totals of the outbox. They are counted, not estimated, so the whole outbox is read.
#[derive(Debug, Clone, Queryable)]
pub struct Totals {
    pub pending: i64,
    /// Events that wait for another attempt.
    pub retrying: i64,
    /// Dead letters that hold back the later events of their aggregates; they are among the pending ones, too.
    pub held: i64,
    pub dead_letters: i64,
    /// Age of the oldest pending event, by the database's clock.
    pub oldest_pending_seconds: Option<f64>,
}

#[derive(Debug, Clone, Queryable)]
pub struct ShardState {
    pub shard: i16,
    pub owner: Option<Uuid>,
    pub epoch: i64,
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Queryable)]
pub struct ReplicaState {
    pub id: Uuid,
    pub name: String,
    pub started_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub blocked: bool,
    /// `None` for a replica that is older than the columns `version` and `lease_ttl_ms`.
    pub version: Option<String>,
    pub lease_ttl_ms: Option<i64>,
    /// When it last heard the broker; `None` if it never did.
    pub broker_heard_at: Option<DateTime<Utc>>,
    /// Whether the broker has been taking its messages for a while.
    pub publishes: bool,
}

/// The events that a relay has not read yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unread {
    pub events: u64,
    /// When the oldest of them occurred.
    pub oldest: Option<DateTime<Utc>>,
}

/// The events that are left after a run that began at `started_at`; of each kind, no more than [`COUNTED`].
#[derive(Debug, Clone)]
pub struct Remainder {
    /// Events that can be published now. 0 only if there are none.
    pub due: i64,
    /// Events that wait for a retry, or behind an event of their aggregate that does.
    pub waiting: i64,
    pub dead_lettered: i64,
}

/// The most events of a kind that a [`Remainder`] counts.
pub const COUNTED: i64 = 10_000;

/// Whether the event `e` waits for a retry, or behind an event of its aggregate that does. Nothing is looked up for one that waits
/// itself; for the others, the index on the aggregates of refused events (`waiting.rs`).
macro_rules! waits {
    () => {
        "CASE WHEN e.next_attempt_at > now() THEN true ELSE
            EXISTS (SELECT FROM outbox_events w WHERE w.aggregate_id = e.aggregate_id AND w.seq + 0 < e.seq
                AND w.next_attempt_at IS NOT NULL AND w.next_attempt_at > now() AND w.aggregate_type = e.aggregate_type
                AND w.tenant_id = e.tenant_id) END"
    };
}

crate::statement! {
    struct CountAll<'a> {} -> (BigInt, BigInt, BigInt, BigInt, Nullable<Double>)
    = "SELECT count(*), count(*) FILTER (WHERE retry_count > 0 AND next_attempt_at IS DISTINCT FROM 'infinity'),
        count(*) FILTER (WHERE next_attempt_at = 'infinity'), (SELECT count(*) FROM outbox_dead_letters),
        extract(epoch FROM now() - min(occurred_at))::double precision
    FROM outbox_events"
}

crate::statement! {
    /// Counts no more than `most`: there may be millions.
    struct CountDeadLetters<'a> { most: i64 => BigInt } -> (BigInt,)
    = "SELECT count(*) FROM (SELECT FROM outbox_dead_letters LIMIT $1) AS dead"
}

crate::statement! {
    struct Retrying<'a> { most: i64 => BigInt } -> (Nullable<Text>, BigInt)
    = "SELECT last_error, count(*) FROM outbox_events
    WHERE retry_count > 0 AND next_attempt_at IS DISTINCT FROM 'infinity'
    GROUP BY last_error ORDER BY count(*) DESC LIMIT $1"
}

crate::statement! {
    /// Reads the last row of each shard, which the primary key finds without reading the outbox.
    struct Start<'a> { shards: i32 => Integer } -> (BigInt, Timestamptz)
    = "SELECT COALESCE(max(last.seq), 0), now()
    FROM generate_series(0, $1 - 1) AS held (shard)
    CROSS JOIN LATERAL (
        SELECT seq FROM outbox_events WHERE shard = held.shard ORDER BY seq DESC LIMIT 1
    ) AS last"
}

crate::statement! {
    /// Whether anything is due is always certain: each shard is walked in the order of `seq` up to its first event whose turn it is. What
    /// is counted is no more than `most` of each kind.
    struct CountRemainder<'a> {
        last_seq: i64 => BigInt, started_at: DateTime<Utc> => Timestamptz, most: i64 => BigInt, shards: i32 => Integer,
    } -> (Bool, BigInt, BigInt, BigInt)
    = concat!("WITH run AS MATERIALIZED (SELECT $1::bigint AS last_seq, $2::timestamptz AS started_at, $3::bigint AS most),
    held AS (SELECT shard FROM generate_series(0, $4 - 1) AS held (shard)),
    counted AS (
        SELECT ", waits!(), " AS waits
        FROM held CROSS JOIN LATERAL (
            SELECT * FROM outbox_events
            WHERE shard = held.shard AND seq <= (SELECT last_seq FROM run) ORDER BY seq LIMIT (SELECT most FROM run)
        ) AS e
        LIMIT (SELECT most FROM run)
    )
    SELECT EXISTS (
            SELECT FROM held CROSS JOIN LATERAL (
                SELECT FROM outbox_events AS e
                WHERE e.shard = held.shard AND e.seq <= (SELECT last_seq FROM run) AND NOT ", waits!(), "
                ORDER BY e.seq LIMIT 1
            ) AS due
        ),
        count(*) FILTER (WHERE NOT waits), count(*) FILTER (WHERE waits),
        (SELECT count(*) FROM (
            SELECT FROM outbox_dead_letters
            WHERE failed_at >= (SELECT started_at FROM run) AND seq <= (SELECT last_seq FROM run) LIMIT (SELECT most FROM run)
        ) AS dead)
    FROM counted")
}

crate::statement! {
    struct CountUnread<'a> {
        shards: &'a [i16] => Array<SmallInt>,
        cursors: &'a [i64] => Array<BigInt>,
        limit: i64 => BigInt,
    } -> (Double, Nullable<Timestamptz>)
    = "WITH asked AS MATERIALIZED (SELECT $1::smallint[] AS shards, $2::bigint[] AS cursors, $3::bigint AS most)
    SELECT coalesce(sum(CASE WHEN e.counted < asked.most THEN e.counted ELSE
            e.counted * ((SELECT seq FROM outbox_events WHERE shard = held.shard ORDER BY seq DESC LIMIT 1) - e.first + 1)
                ::double precision / (e.last - e.first + 1) END), 0)::double precision,
        min(e.oldest)
    FROM asked
    CROSS JOIN LATERAL unnest(asked.shards, asked.cursors) AS held (shard, cursor)
    CROSS JOIN LATERAL (
        SELECT count(*) AS counted, min(seq) AS first, max(seq) AS last, min(occurred_at) AS oldest
        FROM (SELECT seq, occurred_at FROM outbox_events
            WHERE shard = held.shard AND seq > held.cursor ORDER BY seq LIMIT (SELECT most FROM asked)) AS unread
    ) AS e"
}

/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn totals(connection: &mut AsyncPgConnection) -> QueryResult<Totals> {
    CountAll::new().get_result(connection).await
}

/// Counts the dead letters that wait for a decision, but no more than `most`.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn dead_letters(connection: &mut AsyncPgConnection, most: i64) -> QueryResult<i64> {
    let (count,) = CountDeadLetters::new(most).get_result(connection).await?;
    Ok(count)
}

/// Returns the errors for which events wait for another attempt: the `most` most frequent ones, with their numbers of events.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn retry_errors(
    connection: &mut AsyncPgConnection,
    most: i64,
) -> QueryResult<Vec<(Option<String>, i64)>> {
    Retrying::new(most).load(connection).await
}

/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn shards(connection: &mut AsyncPgConnection) -> QueryResult<Vec<ShardState>> {
    RunQueryDsl::load(relay_shards::table.order(relay_shards::shard), connection).await
}

/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn replicas(connection: &mut AsyncPgConnection) -> QueryResult<Vec<ReplicaState>> {
    RunQueryDsl::load(
        relay_replicas::table.order((relay_replicas::started_at, relay_replicas::id)),
        connection,
    )
    .await
}

/// Returns the last seq that is visible now, and the time: a run that drains the existing events drains up to this seq.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn run_start(connection: &mut AsyncPgConnection) -> QueryResult<(i64, DateTime<Utc>)> {
    Start::new(i32::try_from(SHARDS).unwrap_or(i32::MAX)).get_result(connection).await
}

/// Looks what is left of the events up to `last_seq`, however many there are.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn remainder(
    connection: &mut AsyncPgConnection,
    last_seq: i64,
    started_at: DateTime<Utc>,
) -> QueryResult<Remainder> {
    let shards = i32::try_from(SHARDS).unwrap_or(i32::MAX);
    let statement = CountRemainder::new(last_seq, started_at, COUNTED, shards);
    let (is_due, due, waiting, dead_lettered): (bool, i64, i64, i64) =
        statement.get_result(connection).await?;
    // What is due may lie behind those that were counted.
    Ok(Remainder { due: if is_due { due.max(1) } else { 0 }, waiting, dead_lettered })
}

/// Counts the events in front of the cursors. At most `limit` rows of each shard are read. If a shard has more, its count is
/// estimated: for example, if every second seq among the rows read belongs to the shard, so does every second seq up to the
/// shard's last one. `oldest` is that of the rows read.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn unread(
    connection: &mut AsyncPgConnection,
    shards: &[i16],
    cursors: &[i64],
    limit: i64,
) -> QueryResult<Unread> {
    let (events, oldest): (f64, _) = CountUnread::new(shards, cursors, limit).get_result(connection).await?;
    Ok(Unread { events: events as u64, oldest })
}
