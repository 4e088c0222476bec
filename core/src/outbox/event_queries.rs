//! An operator's queries for single events: which events wait in the outbox and why, and where an event is. Changes nothing.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Json, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::{EventTypes, JsonText};

/// Selects events of the outbox; a field that is `None` or false does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub ids: Option<Vec<Uuid>>,
    pub event_types: Option<EventTypes>,
    pub aggregate_id: Option<String>,
    pub tenant_id: Option<Uuid>,
    /// Only events that were refused at least once and will be tried again.
    pub retrying: bool,
    /// Only events that cannot be published now: they wait for their own next attempt, or behind an earlier event of their
    /// aggregate that waits.
    pub waiting: bool,
}

/// A line of the list.
#[derive(Debug, Clone, diesel::Queryable)]
pub struct Summary {
    pub seq: i64,
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub event_type: String,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub occurred_at: DateTime<Utc>,
    pub retry_count: i32,
    /// `None` if the event itself does not wait, or waits only for an operator's decision.
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
    /// `due`; `retrying`: not before its next attempt; `behind` an earlier event of its aggregate that waits; `held`: its dead
    /// letter waits for a decision.
    pub state: String,
}

/// Everything about one event, wherever it is stored.
#[derive(Debug, Clone, diesel::Queryable)]
pub struct Details {
    /// `outbox`, `dead-letters` or `history`.
    pub place: String,
    pub id: Uuid,
    pub seq: i64,
    pub tenant_id: Uuid,
    pub event_type: String,
    pub schema_version: i16,
    pub aggregate_type: String,
    pub aggregate_id: String,
    pub aggregate_version: Option<i64>,
    pub occurred_at: DateTime<Utc>,
    pub retry_count: i32,
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
    /// When it was published or became a dead letter.
    pub settled_at: Option<DateTime<Utc>>,
    /// The reason of a dead letter.
    pub reason: Option<String>,
    pub headers: JsonText,
    pub payload: JsonText,
}

crate::statement! {
    /// Lists events, the oldest first. Reads the outbox once: the waiting event in front of an aggregate's events is found by a
    /// join, and not for each of them.
    struct List<'a> {
        ids: Option<&'a [Uuid]> => Nullable<Array<SqlUuid>>,
        event_types: Option<&'a str> => Nullable<Text>,
        aggregate_id: Option<&'a str> => Nullable<Text>,
        tenant_id: Option<Uuid> => Nullable<SqlUuid>,
        retrying: bool => Bool,
        waiting: bool => Bool,
        after_seq: i64 => BigInt,
        limit: i64 => BigInt,
    } -> (BigInt, SqlUuid, SqlUuid, Text, Text, Text, Timestamptz, Integer, Nullable<Timestamptz>, Nullable<Text>, Text)
    = "WITH blocked AS MATERIALIZED (
        SELECT shard, tenant_id, aggregate_type, aggregate_id, min(seq) AS seq
        FROM outbox_events WHERE next_attempt_at > now()
        GROUP BY shard, tenant_id, aggregate_type, aggregate_id
    )
    SELECT e.seq, e.id, e.tenant_id, e.event_type, e.aggregate_type, e.aggregate_id, e.occurred_at, e.retry_count,
        NULLIF(e.next_attempt_at, 'infinity'), e.last_error,
        CASE WHEN e.next_attempt_at = 'infinity' THEN 'held'
            WHEN b.seq < e.seq THEN 'behind'
            WHEN e.next_attempt_at > now() THEN 'retrying'
            ELSE 'due' END
    FROM outbox_events e LEFT JOIN blocked b USING (shard, tenant_id, aggregate_type, aggregate_id)
    WHERE e.id = ANY (COALESCE($1::uuid[], ARRAY[e.id])) AND ('.' || e.event_type) ~ COALESCE($2, '')
        AND aggregate_id = COALESCE($3, aggregate_id) AND tenant_id = COALESCE($4, tenant_id)
        AND (NOT $5 OR e.retry_count > 0 AND e.next_attempt_at IS DISTINCT FROM 'infinity')
        AND (NOT $6 OR b.seq <= e.seq)
        AND e.seq > $7
    ORDER BY e.seq LIMIT $8"
}

crate::statement! {
    struct Pending<'a> { id: Uuid => SqlUuid }
        -> (Text, SqlUuid, BigInt, SqlUuid, Text, SmallInt, Text, Text, Nullable<BigInt>, Timestamptz, Integer,
            Nullable<Timestamptz>, Nullable<Text>, Nullable<Timestamptz>, Nullable<Text>, Jsonb, Json)
    = "SELECT 'outbox', id, seq, tenant_id, event_type, schema_version, aggregate_type, aggregate_id, aggregate_version,
        occurred_at, retry_count, NULLIF(next_attempt_at, 'infinity'), last_error, NULL::timestamptz, NULL::text, headers,
        payload
    FROM outbox_events WHERE id = $1"
}

crate::statement! {
    struct Dead<'a> { id: Uuid => SqlUuid }
        -> (Text, SqlUuid, BigInt, SqlUuid, Text, SmallInt, Text, Text, Nullable<BigInt>, Timestamptz, Integer,
            Nullable<Timestamptz>, Nullable<Text>, Nullable<Timestamptz>, Nullable<Text>, Jsonb, Json)
    = "SELECT 'dead-letters', id, seq, tenant_id, event_type, schema_version, aggregate_type, aggregate_id,
        aggregate_version, occurred_at, retry_count, NULL::timestamptz, last_error, failed_at, reason, headers, payload
    FROM outbox_dead_letters WHERE id = $1"
}

crate::statement! {
    /// The history has no index for this, so it is called for one day at a time, whose partition is read as a whole.
    struct Published<'a> { id: Uuid => SqlUuid, from: DateTime<Utc> => Timestamptz, until: DateTime<Utc> => Timestamptz }
        -> (Text, SqlUuid, BigInt, SqlUuid, Text, SmallInt, Text, Text, Nullable<BigInt>, Timestamptz, Integer,
            Nullable<Timestamptz>, Nullable<Text>, Nullable<Timestamptz>, Nullable<Text>, Jsonb, Json)
    = "SELECT 'history', id, seq, tenant_id, event_type, schema_version, aggregate_type, aggregate_id, aggregate_version,
        occurred_at, retry_count, NULL::timestamptz, last_error, published_at, NULL::text, headers, payload
    FROM outbox_history WHERE id = $1 AND published_at >= $2 AND published_at < $3
    ORDER BY published_at DESC LIMIT 1"
}

/// Returns a page of the list: the events with a seq above `after_seq`, the oldest first.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn list(
    connection: &mut AsyncPgConnection,
    filter: &Filter,
    after_seq: i64,
    limit: i64,
) -> QueryResult<Vec<Summary>> {
    let Filter { ids, event_types, aggregate_id, tenant_id, retrying, waiting } = filter;
    let regex = event_types.as_ref().map(EventTypes::regex);
    let list = List::new(
        ids.as_deref(),
        regex,
        aggregate_id.as_deref(),
        *tenant_id,
        *retrying,
        *waiting,
        after_seq,
        limit,
    );
    list.load(connection).await
}

/// Returns the event if it is still in the outbox.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn pending(connection: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<Details>> {
    use diesel::OptionalExtension;
    Pending::new(id).get_result(connection).await.optional()
}

/// Returns the event if it is a dead letter.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn dead(connection: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<Details>> {
    use diesel::OptionalExtension;
    Dead::new(id).get_result(connection).await.optional()
}

/// Returns the event if it was published at `from` or later and before `until`; the last one if it was published repeatedly.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn published(
    connection: &mut AsyncPgConnection,
    id: Uuid,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> QueryResult<Option<Details>> {
    use diesel::OptionalExtension;
    Published::new(id, from, until).get_result(connection).await.optional()
}
