//! The operators' actions on dead letters: list and show, requeue, discard.
//!
//! Dead letters are moved in batches, one statement each, in the order of `seq`, so that the events of an aggregate keep
//! their order. Each batch is in the log of operations ([`super::operations`]) if, and only if, it happened.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Json, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::{EventTypes, JsonText};

/// Selects dead letters; a field that is `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub ids: Option<Vec<Uuid>>,
    pub event_types: Option<EventTypes>,
    pub aggregate_id: Option<String>,
    /// Only those that failed at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Only those that failed at this time or earlier. [`extent`] keeps to it, and so does what is decided up to its time;
    /// [`list`] shows the newer ones too.
    pub until: Option<DateTime<Utc>>,
}

/// A line of the list.
#[derive(Debug, Clone, diesel::Queryable)]
pub struct Summary {
    pub id: Uuid,
    pub event_type: String,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub reason: String,
    pub last_error: Option<String>,
    pub retry_count: i32,
    pub failed_at: DateTime<Utc>,
}

/// Everything about one dead letter.
#[derive(Debug, Clone, diesel::Queryable)]
pub struct Details {
    pub id: Uuid,
    pub seq: i64,
    pub tenant_id: Uuid,
    pub event_type: String,
    pub schema_version: i16,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub aggregate_version: Option<i64>,
    pub occurred_at: DateTime<Utc>,
    pub reason: String,
    pub last_error: Option<String>,
    pub retry_count: i32,
    pub failed_at: DateTime<Utc>,
    pub headers: JsonText,
    pub payload: JsonText,
}

/// The end of a page of the list; the next page begins with the dead letter that failed before it.
pub type Position = (DateTime<Utc>, Uuid);

/// The number of dead letters, and the time at which they were counted. An operation takes only those that failed by
/// then, so that it leaves alone an event that fails again while it runs.
#[derive(Debug, Clone, Copy, diesel::Queryable)]
pub struct Extent {
    pub count: i64,
    pub until: DateTime<Utc>,
}

/// What a batch did with one dead letter.
#[derive(Debug, Clone, Copy, diesel::Queryable)]
pub struct Decided {
    pub id: Uuid,
    pub seq: i64,
    /// False if an event with this id already waits in `outbox_events`: then the dead letter was left.
    pub moved: bool,
}

/// One batch of an operation.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// The id of the operation in the log.
    pub operation: Uuid,
    /// Only dead letters that failed at this time or earlier.
    pub until: DateTime<Utc>,
    /// Only dead letters with a higher seq than this, which is the last seq of the previous batch.
    pub after_seq: i64,
    pub limit: i64,
}

crate::statement! {
    struct Count<'a> {
        ids: Option<&'a [Uuid]> => Nullable<Array<SqlUuid>>,
        event_types: Option<&'a str> => Nullable<Text>,
        aggregate_id: Option<&'a str> => Nullable<Text>,
        since: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        until: Option<DateTime<Utc>> => Nullable<Timestamptz>,
    } -> (BigInt, Timestamptz)
    = "SELECT count(dead.id), asked.until
    FROM (SELECT $1::uuid[] AS ids, $2::text AS types, $3::text AS aggregate, $4::timestamptz AS since,
            LEAST(now(), $5::timestamptz) AS until) AS asked
        LEFT JOIN outbox_dead_letters AS dead ON dead.id = ANY (COALESCE(asked.ids, ARRAY[dead.id]))
            AND ('.' || dead.event_type) ~ COALESCE(asked.types, '')
            AND dead.aggregate_id = COALESCE(asked.aggregate, dead.aggregate_id)
            AND dead.failed_at >= COALESCE(asked.since, '-infinity') AND dead.failed_at <= asked.until
    GROUP BY asked.until"
}

crate::statement! {
    /// Lists dead letters, the newest first.
    struct List<'a> {
        ids: Option<&'a [Uuid]> => Nullable<Array<SqlUuid>>,
        event_types: Option<&'a str> => Nullable<Text>,
        aggregate_id: Option<&'a str> => Nullable<Text>,
        since: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        before: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        before_id: Option<Uuid> => Nullable<SqlUuid>,
        limit: i64 => BigInt,
    } -> (SqlUuid, Text, Text, Text, Text, Nullable<Text>, Integer, Timestamptz)
    = "SELECT id, event_type, aggregate_type, aggregate_id, reason, last_error, retry_count, failed_at
    FROM outbox_dead_letters
    WHERE id = ANY (COALESCE($1::uuid[], ARRAY[id])) AND ('.' || event_type) ~ COALESCE($2, '')
        AND aggregate_id = COALESCE($3, aggregate_id) AND failed_at >= COALESCE($4, '-infinity')
        AND (failed_at, id) < (COALESCE($5, 'infinity'), COALESCE($6, '00000000-0000-0000-0000-000000000000'))
    ORDER BY failed_at DESC, id DESC
    LIMIT $7"
}

crate::statement! {
    struct Show<'a> { id: Uuid => SqlUuid }
        -> (SqlUuid, BigInt, SqlUuid, Text, SmallInt, Text, Text, Nullable<BigInt>, Timestamptz, Text, Nullable<Text>,
            Integer, Timestamptz, Jsonb, Json)
    = "SELECT id, seq, tenant_id, event_type, schema_version, aggregate_type, aggregate_id, aggregate_version,
        occurred_at, reason, last_error, retry_count, failed_at, headers, payload
    FROM outbox_dead_letters WHERE id = $1"
}

crate::statement! {
    /// Keeps everything of the row except what the relay wrote into it: the event starts anew, behind the events that wait. Its
    /// first transaction and seq go with it.
    ///
    /// An event that holds its aggregate is still in `outbox_events`, in front of its successors, and starts anew there. It is
    /// due, and gets this transaction's id, so that relays see it as new. It keeps a `next_attempt_at`: without one, its
    /// successors would not stand behind it.
    struct Requeue<'a> {
        operation: Uuid => SqlUuid,
        until: DateTime<Utc> => Timestamptz,
        after_seq: i64 => BigInt,
        ids: Option<&'a [Uuid]> => Nullable<Array<SqlUuid>>,
        event_types: Option<&'a str> => Nullable<Text>,
        aggregate_id: Option<&'a str> => Nullable<Text>,
        since: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        limit: i64 => BigInt,
    } -> (SqlUuid, BigInt, Bool)
    = "WITH operation AS (SELECT $1::uuid AS id), candidates AS MATERIALIZED (
        SELECT * FROM outbox_dead_letters
        WHERE failed_at <= $2 AND seq > $3
            AND id = ANY (COALESCE($4::uuid[], ARRAY[id])) AND ('.' || event_type) ~ COALESCE($5, '')
            AND aggregate_id = COALESCE($6, aggregate_id) AND failed_at >= COALESCE($7, '-infinity')
        ORDER BY seq
        LIMIT $8
        FOR UPDATE
    ), released AS (
        UPDATE outbox_events e SET retry_count = 0, next_attempt_at = now(), last_error = NULL,
            first_transaction_id = COALESCE(e.first_transaction_id, e.transaction_id),
            first_seq = COALESCE(e.first_seq, e.seq), transaction_id = pg_current_xact_id()::text::bigint
        FROM candidates c WHERE e.id = c.id AND e.next_attempt_at = 'infinity'
        RETURNING e.id
    ), inserted AS (
        INSERT INTO outbox_events (id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type,
            schema_version, payload, headers, origin, occurred_at, first_transaction_id, first_seq)
        SELECT id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version, payload,
            headers, origin, occurred_at, transaction_id, CASE WHEN transaction_id IS NOT NULL THEN seq END
        FROM candidates ORDER BY seq
        ON CONFLICT (id) DO NOTHING
        RETURNING id
    ), moved AS (
        DELETE FROM outbox_dead_letters d USING (SELECT id FROM released UNION ALL SELECT id FROM inserted) AS back
        WHERE d.id = back.id RETURNING d.id
    ), noted AS (
        INSERT INTO outbox_operation_events (operation_id, event_id) SELECT operation.id, moved.id FROM operation, moved
    ), counted AS (
        UPDATE outbox_operations SET count = count + (SELECT count(*) FROM moved)
        WHERE id = (SELECT id FROM operation)
    )
    SELECT c.id, c.seq, moved.id IS NOT NULL FROM candidates c LEFT JOIN moved ON moved.id = c.id ORDER BY c.seq"
}

/// For each aggregate that an event of `released` held: makes its next event one that waits and is due, because relays have
/// already read past it.
macro_rules! free_successors {
    ($unless:literal) => {
        concat!(
            "UPDATE outbox_events e SET next_attempt_at = now(),
                first_transaction_id = COALESCE(e.first_transaction_id, e.transaction_id),
                first_seq = COALESCE(e.first_seq, e.seq), transaction_id = pg_current_xact_id()::text::bigint
            FROM released r, LATERAL (
                SELECT shard, seq FROM outbox_events
                WHERE shard = r.shard AND seq > r.seq AND aggregate_id = r.aggregate_id
                    AND aggregate_type = r.aggregate_type AND tenant_id = r.tenant_id",
            $unless,
            " ORDER BY seq LIMIT 1) AS next
            WHERE e.shard = next.shard AND e.seq = next.seq AND e.next_attempt_at IS NULL"
        )
    };
}

crate::statement! {
    /// Deletes dead letters, and their events in `outbox_events` that hold their aggregates.
    struct Discard<'a> {
        operation: Uuid => SqlUuid,
        until: DateTime<Utc> => Timestamptz,
        after_seq: i64 => BigInt,
        ids: Option<&'a [Uuid]> => Nullable<Array<SqlUuid>>,
        event_types: Option<&'a str> => Nullable<Text>,
        aggregate_id: Option<&'a str> => Nullable<Text>,
        since: Option<DateTime<Utc>> => Nullable<Timestamptz>,
        limit: i64 => BigInt,
    } -> (SqlUuid, BigInt, Nullable<SmallInt>, Nullable<BigInt>, Nullable<SqlUuid>, Nullable<Text>, Nullable<Text>)
    = concat!("WITH operation AS (SELECT $1::uuid AS id), candidates AS MATERIALIZED (
        SELECT id FROM outbox_dead_letters
        WHERE failed_at <= $2 AND seq > $3
            AND id = ANY (COALESCE($4::uuid[], ARRAY[id])) AND ('.' || event_type) ~ COALESCE($5, '')
            AND aggregate_id = COALESCE($6, aggregate_id) AND failed_at >= COALESCE($7, '-infinity')
        ORDER BY seq
        LIMIT $8
        FOR UPDATE
    ), released AS (
        DELETE FROM outbox_events e USING candidates c WHERE e.id = c.id AND e.next_attempt_at = 'infinity'
        RETURNING e.id, e.shard, e.seq, e.tenant_id, e.aggregate_type, e.aggregate_id
    ), freed AS (
        ", free_successors!(" AND id NOT IN (SELECT id FROM candidates)"), "
    ), gone AS (
        DELETE FROM outbox_dead_letters d USING candidates WHERE d.id = candidates.id RETURNING d.id, d.seq
    ), noted AS (
        INSERT INTO outbox_operation_events (operation_id, event_id) SELECT operation.id, gone.id FROM operation, gone
    ), counted AS (
        UPDATE outbox_operations SET count = count + (SELECT count(*) FROM gone)
        WHERE id = (SELECT id FROM operation)
    )
    SELECT gone.id, gone.seq, r.shard, r.seq, r.tenant_id, r.aggregate_type, r.aggregate_id
    FROM gone LEFT JOIN released r ON r.id = gone.id ORDER BY gone.seq")
}

crate::statement! {
    /// Runs after the discard is committed. An event that was written while the discard ran is not in its snapshot, but a relay
    /// that still saw the aggregate held may have read past it.
    struct Free<'a> {
        shards: &'a [i16] => Array<SmallInt>,
        seqs: &'a [i64] => Array<BigInt>,
        tenants: &'a [Uuid] => Array<SqlUuid>,
        types: &'a [String] => Array<Text>,
        ids: &'a [String] => Array<Text>,
    }
    = concat!("WITH released AS (
        SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::uuid[], $4::text[], $5::text[])
            AS released (shard, seq, tenant_id, aggregate_type, aggregate_id)
    ) ", free_successors!(""))
}

/// Deleted events that held their aggregates.
#[derive(Debug, Default)]
struct Released {
    shards: Vec<i16>,
    seqs: Vec<i64>,
    tenants: Vec<Uuid>,
    types: Vec<String>,
    ids: Vec<String>,
}

/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn extent(connection: &mut AsyncPgConnection, filter: &Filter) -> QueryResult<Extent> {
    let Filter { ids, event_types, aggregate_id, since, until } = filter;
    let count = Count::new(
        ids.as_deref(),
        event_types.as_ref().map(EventTypes::regex),
        aggregate_id.as_deref(),
        *since,
        *until,
    );
    count.get_result(connection).await
}

/// Returns a page of the list, the newest first.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn list(
    connection: &mut AsyncPgConnection,
    filter: &Filter,
    after: Option<Position>,
    limit: i64,
) -> QueryResult<Vec<Summary>> {
    let Filter { ids, event_types, aggregate_id, since, .. } = filter;
    let (before, before_id) = after.unzip();
    let statement = List::new(
        ids.as_deref(),
        event_types.as_ref().map(EventTypes::regex),
        aggregate_id.as_deref(),
        *since,
        before,
        before_id,
        limit,
    );
    statement.load(connection).await
}

/// Returns a dead letter, if it is still there.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn details(connection: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<Details>> {
    use diesel::OptionalExtension;
    Show::new(id).get_result(connection).await.optional()
}

/// Moves a batch back into `outbox_events`. Each event keeps its id and starts without retries; it gets a new seq, unless it
/// was held there.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement. Then nothing was moved, or it is unknown whether the batch
/// was.
pub async fn requeue(
    connection: &mut AsyncPgConnection,
    filter: &Filter,
    batch: &Batch,
) -> QueryResult<Vec<Decided>> {
    let Filter { ids, event_types, aggregate_id, since, .. } = filter;
    let statement = Requeue::new(
        batch.operation,
        batch.until,
        batch.after_seq,
        ids.as_deref(),
        event_types.as_ref().map(EventTypes::regex),
        aggregate_id.as_deref(),
        *since,
        batch.limit,
    );
    statement.load(connection).await
}

/// Deletes a batch, and its events that are held in `outbox_events`. The successors of these can then be published.
///
/// # Errors
/// Fails if the database does not answer or refuses a statement. Then nothing was deleted, or it is unknown whether the batch
/// was.
pub async fn discard(
    connection: &mut AsyncPgConnection,
    filter: &Filter,
    batch: &Batch,
) -> QueryResult<Vec<Decided>> {
    let Filter { ids, event_types, aggregate_id, since, .. } = filter;
    let statement = Discard::new(
        batch.operation,
        batch.until,
        batch.after_seq,
        ids.as_deref(),
        event_types.as_ref().map(EventTypes::regex),
        aggregate_id.as_deref(),
        *since,
        batch.limit,
    );
    let rows: Vec<DiscardedRow> = statement.load(connection).await?;
    let (mut decided, mut released) = (Vec::with_capacity(rows.len()), Released::default());
    for (id, seq, shard, held_seq, tenant_id, aggregate_type, aggregate_id) in rows {
        decided.push(Decided { id, seq, moved: true });
        released.shards.extend(shard);
        released.seqs.extend(held_seq);
        released.tenants.extend(tenant_id);
        released.types.extend(aggregate_type);
        released.ids.extend(aggregate_id);
    }
    if !released.shards.is_empty() {
        let Released { shards, seqs, tenants, types, ids } = &released;
        Free::new(shards, seqs, tenants, types, ids).execute(connection).await?;
    }
    Ok(decided)
}

type DiscardedRow = (Uuid, i64, Option<i16>, Option<i64>, Option<Uuid>, Option<String>, Option<String>);
