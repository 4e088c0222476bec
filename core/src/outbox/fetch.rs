//! Reads events for the relay. Three statements share one row type:
//!
//! - [`read_batch`]: the new events behind and in front of the relay's cursors;
//! - [`read_new`]: all new events;
//! - [`read_aggregates`]: the events of given aggregates.
//!
//! Each is one statement, hence one snapshot. Nothing is locked: the lease of a shard keeps other relays away.
//!
//! The planner's statistics of a queue are wrong most of the time: they describe an empty table while it holds a million
//! rows, or the reverse. So the statements are written so that only the one good index applies: `seq + 0` and `shard + 0`
//! match no other index (ADR 0003).

use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Json, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{QueryResult, Queryable};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use uuid::Uuid;

use super::SHARDS;
use super::row::{OutboxRow, Snapshot};

/// The limits of a read, and whether it looks for refused events.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    /// The result ends with the row at which it reaches this many bytes, counting headers and the payloads that are sent.
    pub max_bytes: i64,
    /// Payloads above this size (roughly: a few bytes more pass) stay in the database; see [`OutboxRow::oversize`].
    pub max_payload_bytes: i32,
    /// Whether to find the events that stand behind a refused event of their aggregate. If false, these read [`Turn::Now`].
    /// Only a relay that knows of no waiting event in its shards may pass false, and it must discard a batch that contains one.
    pub look_behind: bool,
}

/// A request for the next batch.
#[derive(Debug, Clone)]
pub struct BatchRequest {
    /// Every event visible in this snapshot at or below its shard's cursor was read before.
    pub since: Snapshot,
    /// One cursor per shard; -1 for shards that are not held.
    pub cursors: [i64; SHARDS],
    /// The shards to read, in this order, each with its maximum of rows.
    pub takes: Vec<(i16, i32)>,
    /// The maximum of rows behind the cursors.
    pub late_limit: i64,
    pub scope: ReadLimits,
}

#[derive(Debug, Clone)]
pub struct Batch {
    pub snapshot: Snapshot,
    /// Rows behind a cursor, which were committed after the rows around them; ordered by seq.
    pub late: Vec<OutboxRow>,
    /// Rows in front of the cursors; those of one shard are ordered by seq.
    pub next: Vec<OutboxRow>,
    /// Whether the batch ended because it reached [`ReadLimits::max_bytes`]: there may be more rows after its last one.
    pub cut: bool,
}

/// The events of the requested aggregates.
#[derive(Debug, Clone)]
pub struct AggregateRows {
    pub rows: Vec<OutboxRow>,
    /// As [`Batch::cut`].
    pub cut: bool,
}

/// The events of one aggregate between two seqs, both included.
#[derive(Debug, Clone, Queryable)]
pub struct AggregateRange {
    pub shard: i16,
    pub tenant_id: Uuid,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub from_seq: i64,
    pub to_seq: i64,
}

/// The columns of [`OutboxRow`].
type Columns = (
    BigInt,
    SqlUuid,
    SmallInt,
    SqlUuid,
    Text,
    Text,
    Nullable<BigInt>,
    Text,
    SmallInt,
    Json,
    Jsonb,
    Timestamptz,
    Integer,
    Nullable<BigInt>,
    Nullable<Integer>,
);

/// A row that a statement returned: its kind, the event, and whether the event used up the byte budget.
type Found = (i16, OutboxRow, bool);

// Values of the first column: the kind of the row.
const HEADER: i16 = 0;
const LATE: i16 = 1;

/// How long the row `e` itself has to wait: see [`Turn`].
macro_rules! own_wait {
    () => {
        "CASE WHEN e.next_attempt_at <= now() THEN 0 WHEN e.next_attempt_at = 'infinity' THEN 9223372036854775807
            WHEN e.next_attempt_at > now() THEN (extract(epoch FROM e.next_attempt_at - now()) * 1000)::bigint"
    };
}

/// Whether an earlier event of the aggregate of the row `e` was refused. The index on the aggregates of refused events is
/// the only one that `aggregate_id` and `seq + 0` match.
macro_rules! is_behind {
    () => {
        "EXISTS (SELECT FROM outbox_events w WHERE w.aggregate_id = e.aggregate_id AND w.seq + 0 < e.seq
            AND w.next_attempt_at IS NOT NULL AND w.aggregate_type = e.aggregate_type AND w.tenant_id = e.tenant_id)"
    };
}

/// The [`Turn`] of the row `e`. Earlier events of its aggregate are looked up only if `look_behind` is set.
macro_rules! turn {
    () => {
        concat!(own_wait!(), " WHEN (SELECT look_behind FROM p) AND ", is_behind!(), " THEN -1 END")
    };
}

pub(super) use {is_behind, own_wait};

/// The first row of a batch, with the snapshot in the column of the aggregate's id.
macro_rules! header {
    () => {
        "SELECT 0::smallint, 0::bigint, '00000000-0000-0000-0000-000000000000'::uuid, 0::smallint,
            '00000000-0000-0000-0000-000000000000'::uuid, '', pg_current_snapshot()::text, NULL::bigint, '',
            0::smallint, 'null'::json, '{}'::jsonb, now(), 0, NULL::bigint, NULL::integer, false"
    };
}

/// The columns that are sent of rows with `sent` and `bytes_through`. The last column marks the row that uses up the byte
/// budget: only the statement knows which bytes counted.
macro_rules! sent_columns {
    () => {
        "seq, id, shard, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version,
        CASE WHEN sent > 0 THEN payload ELSE 'null' END, headers, occurred_at, retry_count, turn,
        CASE WHEN pg_column_size(payload) > (SELECT max_payload FROM p) THEN pg_column_size(payload) END,
        bytes_through >= (SELECT max_bytes FROM p)"
    };
}

/// How many bytes of a row's payload are sent: none if the payload is too large, or if the row's turn has not come.
macro_rules! sent {
    ($unless:literal) => {
        concat!(
            "CASE WHEN ",
            $unless,
            "pg_column_size(payload) <= (SELECT max_payload FROM p) THEN pg_column_size(payload) ELSE 0 END AS sent"
        )
    };
}

macro_rules! bytes_through {
    () => {
        "sum(sent + pg_column_size(headers)) OVER (ROWS UNBOUNDED PRECEDING) AS bytes_through"
    };
}

macro_rules! within_budget {
    () => {
        "bytes_through - sent - pg_column_size(headers) < (SELECT max_bytes FROM p)"
    };
}

crate::statement! {
    /// Limits and byte budget apply in the order of the nested loop, so the rows of a shard always form a prefix.
    struct ReadBatch<'a> {
        xmax: i64 => BigInt,
        in_progress: &'a [i64] => Array<BigInt>,
        cursors: &'a [i64] => Array<BigInt>,
        last_cursor: i64 => BigInt,
        max_payload_bytes: i32 => Integer,
        max_bytes: i64 => BigInt,
        look_behind: bool => Bool,
        late_limit: i64 => BigInt,
        shards: &'a [i16] => Array<SmallInt>,
        takes: &'a [i32] => Array<Integer>,
    } -> (SmallInt, Columns, Bool)
    = concat!("WITH p AS MATERIALIZED (
        SELECT $1::bigint AS xmax, $2::bigint[] AS in_progress, $3::bigint[] AS cursors, $4::bigint AS last_cursor,
            $5::integer AS max_payload, $6::bigint AS max_bytes, $7::boolean AS look_behind
    )
    ", header!(), "
    UNION ALL
    SELECT kind, ", sent_columns!(), "
    FROM (
        SELECT *, ", bytes_through!(), "
        FROM (
            SELECT *, ", sent!("turn IS NULL AND "), "
            FROM (
                (SELECT 1::smallint AS kind, e.*, ", turn!(), " AS turn
                FROM (
                    SELECT * FROM outbox_events
                    WHERE transaction_id >= (SELECT xmax FROM p) AND seq + 0 <= (SELECT last_cursor FROM p)
                    UNION ALL
                    SELECT * FROM outbox_events
                    WHERE transaction_id = ANY ((SELECT in_progress FROM p)::bigint[])
                        AND seq + 0 <= (SELECT last_cursor FROM p)
                ) AS e
                WHERE e.seq <= (SELECT cursors FROM p)[e.shard + 1]
                ORDER BY e.seq
                LIMIT $8)
                UNION ALL
                SELECT 2::smallint, e.*
                FROM unnest($9::smallint[], $10::integer[]) AS held (shard, take)
                CROSS JOIN LATERAL (
                    SELECT e.*, ", turn!(), " AS turn FROM outbox_events e
                    WHERE shard = held.shard AND seq > (SELECT cursors FROM p)[held.shard + 1]
                    ORDER BY seq
                    LIMIT held.take
                ) AS e
            ) AS found
        ) AS sized
    ) AS batch
    WHERE ", within_budget!())
}

crate::statement! {
    /// Reads every event that became visible since a snapshot, for a relay that has read every event visible in it.
    struct ReadNew<'a> {
        max_payload_bytes: i32 => Integer,
        max_bytes: i64 => BigInt,
        look_behind: bool => Bool,
        xmax: i64 => BigInt,
        in_progress: &'a [i64] => Array<BigInt>,
        shards: &'a [i32] => Array<Integer>,
        limit: i64 => BigInt,
    } -> (SmallInt, Columns, Bool)
    = concat!("WITH p AS MATERIALIZED (
        SELECT $1::integer AS max_payload, $2::bigint AS max_bytes, $3::boolean AS look_behind
    )
    ", header!(), "
    UNION ALL
    SELECT 2::smallint, ", sent_columns!(), "
    FROM (
        SELECT *, ", bytes_through!(), "
        FROM (
            SELECT *, ", sent!("turn IS NULL AND "), "
            FROM (
                SELECT e.*, ", turn!(), " AS turn
                FROM (
                    SELECT * FROM outbox_events WHERE transaction_id >= $4
                    UNION ALL
                    SELECT * FROM outbox_events WHERE transaction_id = ANY ($5::bigint[])
                ) AS e
                WHERE shard + 0 = ANY ($6::integer[])
                LIMIT $7
            ) AS fresh
        ) AS sized
    ) AS batch
    WHERE ", within_budget!())
}

crate::statement! {
    struct ReadAggregates<'a> {
        max_payload_bytes: i32 => Integer,
        max_bytes: i64 => BigInt,
        shards: &'a [i16] => Array<SmallInt>,
        tenants: &'a [Uuid] => Array<SqlUuid>,
        types: &'a [&'a str] => Array<Text>,
        ids: &'a [&'a str] => Array<Text>,
        from_seqs: &'a [i64] => Array<BigInt>,
        to_seqs: &'a [i64] => Array<BigInt>,
        limit: i64 => BigInt,
    } -> (SmallInt, Columns, Bool)
    = concat!("WITH p AS MATERIALIZED (SELECT $1::integer AS max_payload, $2::bigint AS max_bytes)
    SELECT 2::smallint, ", sent_columns!(), "
    FROM (
        SELECT *, ", bytes_through!(), "
        FROM (
            SELECT e.*, ", own_wait!(), " END AS turn, ", sent!(""), "
            FROM unnest($3::smallint[], $4::uuid[], $5::text[], $6::text[], $7::bigint[], $8::bigint[])
                AS wanted (shard, tenant_id, aggregate_type, aggregate_id, from_seq, to_seq)
            CROSS JOIN LATERAL (
                SELECT * FROM outbox_events
                WHERE shard = wanted.shard AND seq BETWEEN wanted.from_seq AND wanted.to_seq
                    AND aggregate_id = wanted.aggregate_id AND aggregate_type = wanted.aggregate_type
                    AND tenant_id = wanted.tenant_id
                ORDER BY seq
                LIMIT $9
            ) AS e
        ) AS sized
    ) AS batch
    WHERE ", within_budget!())
}

/// Prepares a connection for the relay's statements.
///
/// Their plan must not follow the statistics of a table that is empty at one moment and holds a million rows at the
/// next: every access is by index, planned once.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn prepare_reader(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    connection
        .batch_execute(
            "SET plan_cache_mode = force_generic_plan; SET jit = off; SET enable_seqscan = off; \
             SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
             SET max_parallel_workers_per_gather = 0",
        )
        .await
}

/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn read_batch(connection: &mut AsyncPgConnection, request: &BatchRequest) -> QueryResult<Batch> {
    let shards: Vec<i16> = request.takes.iter().map(|(shard, _)| *shard).collect();
    let takes: Vec<i32> = request.takes.iter().map(|(_, take)| *take).collect();
    let last_cursor = request.cursors.iter().copied().max().unwrap_or(-1);
    let statement = ReadBatch::new(
        request.since.xmax,
        &request.since.in_progress,
        &request.cursors,
        last_cursor,
        request.scope.max_payload_bytes,
        request.scope.max_bytes,
        request.scope.look_behind,
        request.late_limit,
        &shards,
        &takes,
    );
    batch(statement.load(connection).await?)
}

/// Reads the events that became visible after `since`, in any order and all as `next`. Only for a relay that has read
/// every event visible in `since`. A batch that has `limit` rows or is cut may be incomplete; the caller must discard it.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn read_new(
    connection: &mut AsyncPgConnection,
    since: &Snapshot,
    shards: &[i16],
    limit: i64,
    scope: ReadLimits,
) -> QueryResult<Batch> {
    let shards: Vec<i32> = shards.iter().copied().map(i32::from).collect();
    let ReadLimits { max_bytes, max_payload_bytes, look_behind } = scope;
    let statement = ReadNew::new(
        max_payload_bytes,
        max_bytes,
        look_behind,
        since.xmax,
        &since.in_progress,
        &shards,
        limit,
    );
    batch(statement.load(connection).await?)
}

/// Reads the events of the aggregates in `wanted`, in this order, refused ones as well, at most `limit` of each aggregate.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn read_aggregates(
    connection: &mut AsyncPgConnection,
    wanted: &[AggregateRange],
    limit: i64,
    scope: ReadLimits,
) -> QueryResult<AggregateRows> {
    let shards: Vec<_> = wanted.iter().map(|one| one.shard).collect();
    let tenants: Vec<_> = wanted.iter().map(|one| one.tenant_id).collect();
    let types: Vec<_> = wanted.iter().map(|one| one.aggregate_type.as_str()).collect();
    let ids: Vec<_> = wanted.iter().map(|one| one.aggregate_id.as_str()).collect();
    let from_seqs: Vec<_> = wanted.iter().map(|one| one.from_seq).collect();
    let to_seqs: Vec<_> = wanted.iter().map(|one| one.to_seq).collect();
    let statement = ReadAggregates::new(
        scope.max_payload_bytes,
        scope.max_bytes,
        &shards,
        &tenants,
        &types,
        &ids,
        &from_seqs,
        &to_seqs,
        limit,
    );
    let found: Vec<Found> = statement.load(connection).await?;
    let cut = found.iter().any(|(_, _, is_last)| *is_last);
    Ok(AggregateRows { rows: found.into_iter().map(|(_, row, _)| row).collect(), cut })
}

fn batch(rows: Vec<Found>) -> QueryResult<Batch> {
    let expected = rows.len();
    let mut snapshot = None;
    let (mut late, mut next, mut cut) = (Vec::new(), Vec::with_capacity(expected), false);
    for (kind, row, is_last) in rows {
        cut |= is_last;
        match kind {
            HEADER => snapshot = Snapshot::parse(&row.aggregate_id),
            LATE => late.push(row),
            _ => next.push(row),
        }
    }
    let snapshot = snapshot
        .ok_or_else(|| diesel::result::Error::DeserializationError("a batch without snapshot".into()))?;
    Ok(Batch { snapshot, late, next, cut })
}
