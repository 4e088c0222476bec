//! Refused events, which wait for another attempt or for an operator's decision. Each holds back its own aggregate. They cost
//! the relay no memory, however many there are: their rows say how long they wait, and two partial indexes find them.
//!
//! An event counts as refused if, and only if, it has a `next_attempt_at`.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, Queryable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::fetch::{AggregateRange, is_behind, own_wait};
use super::row::Turn;

/// The first refused event of an aggregate.
#[derive(Debug, Clone, Queryable)]
pub struct RefusedEvent {
    /// The range that contains this event alone.
    pub range: AggregateRange,
    #[diesel(deserialize_as = Option<i64>)]
    pub turn: Turn,
}

/// The number of refused events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Queryable)]
pub struct WaitingCount {
    pub events: i64,
    /// Those of them that wait for an operator's decision.
    pub held: i64,
    /// When the oldest of them occurred.
    pub oldest: Option<DateTime<Utc>>,
}

crate::statement! {
    /// `shard + 0` and the bound `<= 'infinity'`, which holds for every time, match the index on times and no other (ADR 0003).
    /// If several events of an aggregate were in flight, more than one may be refused: only the first is returned, because the
    /// others are read together with it.
    struct ReadWaiting<'a> { shards: &'a [i16] => Array<SmallInt>, takes: &'a [i32] => Array<Integer>, last_seq: i64 => BigInt }
        -> ((SmallInt, SqlUuid, Text, Text, BigInt, BigInt), Nullable<BigInt>)
    = concat!("SELECT e.shard, e.tenant_id, e.aggregate_type, e.aggregate_id, e.seq, e.seq, ", own_wait!(), " END
    FROM unnest($1::smallint[], $2::integer[]) AS held (shard, take)
    CROSS JOIN LATERAL (
        SELECT * FROM outbox_events e
        WHERE e.shard + 0 = held.shard AND e.next_attempt_at <= 'infinity' AND e.seq + 0 <= $3
            AND CASE WHEN ", is_behind!(), " THEN false ELSE true END
        ORDER BY e.next_attempt_at
        LIMIT held.take
    ) AS e
    ORDER BY e.next_attempt_at")
}

crate::statement! {
    struct CountWaiting<'a> { shards: &'a [i16] => Array<SmallInt>, limit: i64 => BigInt }
        -> (BigInt, BigInt, Nullable<Timestamptz>)
    = "SELECT count(*), count(*) FILTER (WHERE e.next_attempt_at = 'infinity'), min(e.occurred_at)
    FROM unnest($1::smallint[]) AS held (shard)
    CROSS JOIN LATERAL (
        SELECT next_attempt_at, occurred_at FROM outbox_events e
        WHERE e.shard + 0 = held.shard AND e.next_attempt_at <= 'infinity'
        LIMIT $2
    ) AS e"
}

/// Reads the first refused event of each aggregate, ordered by the time of the next attempt, due or not. `takes` limits the
/// number for each shard; no event after `last_seq` is read.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn read_waiting(
    connection: &mut AsyncPgConnection,
    takes: &[(i16, i32)],
    last_seq: i64,
) -> QueryResult<Vec<RefusedEvent>> {
    let (shards, takes): (Vec<i16>, Vec<i32>) = takes.iter().copied().unzip();
    ReadWaiting::new(&shards, &takes, last_seq).load(connection).await
}

/// Counts refused events, at most `limit` of each shard.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn count_waiting(
    connection: &mut AsyncPgConnection,
    shards: &[i16],
    limit: i64,
) -> QueryResult<WaitingCount> {
    CountWaiting::new(shards, limit).get_result(connection).await
}
