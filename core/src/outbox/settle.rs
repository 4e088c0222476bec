//! Records the outcome for events that the relay tried to publish.
//!
//! What is settled keeps the transaction and the seq with which it was written first: the log of events orders by them (ADR 25).
//!
//! Every statement is fenced: it touches only rows of shards that the writer holds, under the epoch under which it
//! published. A former owner's late write changes nothing.
//!
//! Rows are found by primary key in a lateral subquery, which `OFFSET 0` keeps apart, and then by `ctid`. So, whatever the
//! statistics say, the planner cannot reverse the join and read the whole outbox once for each row (ADR 0003). Where a row
//! needs nothing but its key, which is nearly always, the `ctid`s are an array: one scan of the table visits them in their
//! order, instead of one scan for each row.

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// The leases under which the rows of a statement were published.
#[derive(Debug, Clone, Default)]
pub struct Fence {
    pub owner: Uuid,
    pub shards: Vec<i16>,
    pub epochs: Vec<i64>,
}

/// The keys of rows.
#[derive(Debug, Clone, Default)]
pub struct RowKeys {
    pub shards: Vec<i16>,
    pub seqs: Vec<i64>,
}

impl RowKeys {
    pub fn push(&mut self, shard: i16, seq: i64) {
        self.shards.push(shard);
        self.seqs.push(seq);
    }

    pub fn len(&self) -> usize {
        self.seqs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.seqs.is_empty()
    }
}

/// Events that will be tried again.
#[derive(Debug, Clone, Default)]
pub struct Retries {
    pub keys: RowKeys,
    pub retry_counts: Vec<i32>,
    /// `None` for an event that stands behind another one that waits: it has no time of its own.
    pub wait_ms: Vec<Option<i64>>,
    pub errors: Vec<String>,
}

/// Events that will not be tried again.
#[derive(Debug, Clone, Default)]
pub struct DeadLetters {
    pub keys: RowKeys,
    pub retry_counts: Vec<i32>,
    pub reasons: Vec<String>,
    pub errors: Vec<String>,
}

crate::statement! {
    struct MoveToHistory<'a> {
        owner: Uuid => SqlUuid,
        fence_shards: &'a [i16] => Array<SmallInt>,
        fence_epochs: &'a [i64] => Array<BigInt>,
        shards: &'a [i16] => Array<SmallInt>,
        seqs: &'a [i64] => Array<BigInt>,
    }
    = "WITH held AS MATERIALIZED (
        SELECT array_agg(r.shard) AS shards FROM relay_shards r
        WHERE r.owner = $1 AND (r.shard, r.epoch) IN (SELECT * FROM unnest($2::smallint[], $3::bigint[]))
    ), settled AS (
        DELETE FROM outbox_events e
        WHERE e.ctid = ANY (ARRAY(
            SELECT found.ctid FROM unnest($4::smallint[], $5::bigint[]) AS row (shard, seq), LATERAL (
                SELECT ctid FROM outbox_events WHERE shard = row.shard AND seq = row.seq OFFSET 0) AS found
            WHERE row.shard = ANY ((SELECT shards FROM held)::smallint[])))
        RETURNING e.*
    )
    INSERT INTO outbox_history (transaction_id, seq, id, tenant_id, aggregate_type, aggregate_id, aggregate_version,
        event_type, schema_version, payload, headers, origin, occurred_at, shard, retry_count, next_attempt_at, last_error)
    SELECT COALESCE(first_transaction_id, transaction_id), COALESCE(first_seq, seq), id, tenant_id, aggregate_type,
        aggregate_id, aggregate_version, event_type, schema_version, payload, headers, origin, occurred_at, shard,
        retry_count, next_attempt_at, last_error
    FROM settled"
}

crate::statement! {
    struct Remove<'a> {
        owner: Uuid => SqlUuid,
        fence_shards: &'a [i16] => Array<SmallInt>,
        fence_epochs: &'a [i64] => Array<BigInt>,
        shards: &'a [i16] => Array<SmallInt>,
        seqs: &'a [i64] => Array<BigInt>,
    }
    = "WITH held AS MATERIALIZED (
        SELECT array_agg(r.shard) AS shards FROM relay_shards r
        WHERE r.owner = $1 AND (r.shard, r.epoch) IN (SELECT * FROM unnest($2::smallint[], $3::bigint[]))
    )
    DELETE FROM outbox_events e
    WHERE e.ctid = ANY (ARRAY(
        SELECT found.ctid FROM unnest($4::smallint[], $5::bigint[]) AS row (shard, seq), LATERAL (
            SELECT ctid FROM outbox_events WHERE shard = row.shard AND seq = row.seq OFFSET 0) AS found
        WHERE row.shard = ANY ((SELECT shards FROM held)::smallint[])))"
}

crate::statement! {
    struct Reschedule<'a> {
        owner: Uuid => SqlUuid,
        fence_shards: &'a [i16] => Array<SmallInt>,
        fence_epochs: &'a [i64] => Array<BigInt>,
        shards: &'a [i16] => Array<SmallInt>,
        seqs: &'a [i64] => Array<BigInt>,
        retry_counts: &'a [i32] => Array<Integer>,
        wait_ms: &'a [Option<i64>] => Array<Nullable<BigInt>>,
        errors: &'a [String] => Array<Text>,
    }
    = "WITH held AS MATERIALIZED (
        SELECT array_agg(r.shard) AS shards FROM relay_shards r
        WHERE r.owner = $1 AND (r.shard, r.epoch) IN (SELECT * FROM unnest($2::smallint[], $3::bigint[]))
    )
    UPDATE outbox_events e
    SET retry_count = row.retry_count, last_error = row.error,
        next_attempt_at = now() + row.wait_ms * interval '1 millisecond'
    FROM unnest($4::smallint[], $5::bigint[], $6::integer[], $7::bigint[], $8::text[])
        AS row (shard, seq, retry_count, wait_ms, error), LATERAL (
        SELECT ctid FROM outbox_events WHERE shard = row.shard AND seq = row.seq OFFSET 0) AS found
    WHERE e.ctid = found.ctid AND row.shard = ANY ((SELECT shards FROM held)::smallint[])"
}

crate::statement! {
    /// If the id is already a dead letter, the event was inserted a second time: the newer failure replaces the older one.
    struct MoveToDeadLetters<'a> {
        owner: Uuid => SqlUuid,
        fence_shards: &'a [i16] => Array<SmallInt>,
        fence_epochs: &'a [i64] => Array<BigInt>,
        shards: &'a [i16] => Array<SmallInt>,
        seqs: &'a [i64] => Array<BigInt>,
        retry_counts: &'a [i32] => Array<Integer>,
        reasons: &'a [String] => Array<Text>,
        errors: &'a [String] => Array<Text>,
    }
    = "WITH held AS MATERIALIZED (
        SELECT array_agg(r.shard) AS shards FROM relay_shards r
        WHERE r.owner = $1 AND (r.shard, r.epoch) IN (SELECT * FROM unnest($2::smallint[], $3::bigint[]))
    ), dead AS (
        DELETE FROM outbox_events e
        USING unnest($4::smallint[], $5::bigint[], $6::integer[], $7::text[], $8::text[])
            AS row (shard, seq, retry_count, reason, error), LATERAL (
            SELECT ctid FROM outbox_events WHERE shard = row.shard AND seq = row.seq OFFSET 0) AS found
        WHERE e.ctid = found.ctid AND row.shard = ANY ((SELECT shards FROM held)::smallint[])
        RETURNING e.*, row.retry_count AS attempts, row.reason, row.error
    )
    INSERT INTO outbox_dead_letters (id, transaction_id, seq, tenant_id, aggregate_type, aggregate_id, aggregate_version,
        event_type, schema_version, payload, headers, origin, occurred_at, shard, retry_count, next_attempt_at, last_error,
        reason)
    SELECT id, COALESCE(first_transaction_id, transaction_id), COALESCE(first_seq, seq), tenant_id, aggregate_type,
        aggregate_id, aggregate_version, event_type, schema_version, payload, headers, origin, occurred_at, shard, attempts,
        NULL, error, reason
    FROM dead
    ON CONFLICT (id) DO UPDATE SET transaction_id = excluded.transaction_id, seq = excluded.seq,
        payload = excluded.payload, headers = excluded.headers, origin = excluded.origin,
        retry_count = excluded.retry_count, last_error = excluded.last_error, reason = excluded.reason,
        failed_at = excluded.failed_at"
}

crate::statement! {
    /// The event stays where it is, in front of its successors, and becomes a dead letter as well.
    struct Hold<'a> {
        owner: Uuid => SqlUuid,
        fence_shards: &'a [i16] => Array<SmallInt>,
        fence_epochs: &'a [i64] => Array<BigInt>,
        shards: &'a [i16] => Array<SmallInt>,
        seqs: &'a [i64] => Array<BigInt>,
        retry_counts: &'a [i32] => Array<Integer>,
        reasons: &'a [String] => Array<Text>,
        errors: &'a [String] => Array<Text>,
    }
    = "WITH held AS MATERIALIZED (
        SELECT array_agg(r.shard) AS shards FROM relay_shards r
        WHERE r.owner = $1 AND (r.shard, r.epoch) IN (SELECT * FROM unnest($2::smallint[], $3::bigint[]))
    ), dead AS (
        UPDATE outbox_events e
        SET retry_count = row.retry_count, last_error = row.error, next_attempt_at = 'infinity'
        FROM unnest($4::smallint[], $5::bigint[], $6::integer[], $7::text[], $8::text[])
            AS row (shard, seq, retry_count, reason, error), LATERAL (
            SELECT ctid FROM outbox_events WHERE shard = row.shard AND seq = row.seq OFFSET 0) AS found
        WHERE e.ctid = found.ctid AND row.shard = ANY ((SELECT shards FROM held)::smallint[])
        RETURNING e.*, row.reason
    )
    INSERT INTO outbox_dead_letters (id, transaction_id, seq, tenant_id, aggregate_type, aggregate_id, aggregate_version,
        event_type, schema_version, payload, headers, origin, occurred_at, shard, retry_count, next_attempt_at, last_error,
        reason)
    SELECT id, COALESCE(first_transaction_id, transaction_id), COALESCE(first_seq, seq), tenant_id, aggregate_type,
        aggregate_id, aggregate_version, event_type, schema_version, payload, headers, origin, occurred_at, shard,
        retry_count, next_attempt_at, last_error, reason
    FROM dead
    ON CONFLICT (id) DO UPDATE SET transaction_id = excluded.transaction_id, seq = excluded.seq,
        payload = excluded.payload, headers = excluded.headers, origin = excluded.origin,
        retry_count = excluded.retry_count, next_attempt_at = excluded.next_attempt_at,
        last_error = excluded.last_error, reason = excluded.reason, failed_at = excluded.failed_at"
}

/// Moves published events to the history; returns how many were moved.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement. Then no event was moved, or it is unknown whether they
/// were.
pub async fn move_to_history(
    connection: &mut AsyncPgConnection,
    fence: &Fence,
    keys: &RowKeys,
) -> QueryResult<usize> {
    let statement = MoveToHistory::new(fence.owner, &fence.shards, &fence.epochs, &keys.shards, &keys.seqs);
    statement.execute(connection).await
}

/// Deletes events without keeping them: published ones if `history.retention_days` is 0, and unroutable ones that are discarded.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn remove(connection: &mut AsyncPgConnection, fence: &Fence, keys: &RowKeys) -> QueryResult<usize> {
    Remove::new(fence.owner, &fence.shards, &fence.epochs, &keys.shards, &keys.seqs).execute(connection).await
}

/// Records failed attempts and when the next ones are due.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn reschedule(
    connection: &mut AsyncPgConnection,
    fence: &Fence,
    retries: &Retries,
) -> QueryResult<usize> {
    let statement = Reschedule::new(
        fence.owner,
        &fence.shards,
        &fence.epochs,
        &retries.keys.shards,
        &retries.keys.seqs,
        &retries.retry_counts,
        &retries.wait_ms,
        &retries.errors,
    );
    statement.execute(connection).await
}

/// Moves events that failed for good to `outbox_dead_letters`; the broker has confirmed their dead letters.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn move_to_dead_letters(
    connection: &mut AsyncPgConnection,
    fence: &Fence,
    dead: &DeadLetters,
) -> QueryResult<usize> {
    let statement = MoveToDeadLetters::new(
        fence.owner,
        &fence.shards,
        &fence.epochs,
        &dead.keys.shards,
        &dead.keys.seqs,
        &dead.retry_counts,
        &dead.reasons,
        &dead.errors,
    );
    statement.execute(connection).await
}

/// Makes dead letters of events that failed for good and also keeps them in the outbox. There they hold back the later
/// events of their aggregates until an operator decides ([`super::dead_letters`]).
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn hold(
    connection: &mut AsyncPgConnection,
    fence: &Fence,
    dead: &DeadLetters,
) -> QueryResult<usize> {
    let statement = Hold::new(
        fence.owner,
        &fence.shards,
        &fence.epochs,
        &dead.keys.shards,
        &dead.keys.seqs,
        &dead.retry_counts,
        &dead.reasons,
        &dead.errors,
    );
    statement.execute(connection).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_rows_are_counted_and_each_has_its_shard() {
        let mut keys = RowKeys::default();
        assert!(keys.is_empty());
        keys.push(3, 7);
        keys.push(4, 8);
        assert!(!keys.is_empty());
        assert_eq!((keys.len(), keys.shards, keys.seqs), (2, vec![3, 4], vec![7, 8]));
    }
}
