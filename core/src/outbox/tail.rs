//! Follows the history and the dead letters: each look returns the events that were settled since the last one, none twice.
//!
//! `published_at` and `failed_at` are the time at which the settling transaction began, so a row may appear with an earlier
//! time than rows that are already there. As for the outbox (ADR 0003), a look remembers its snapshot, and the next look takes
//! the rows that this snapshot did not see. The tables have no column for the transaction; their system column `xmin` says the
//! same, in 32 bits, and needs no index because only the end of each table is read.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use uuid::Uuid;

use super::{EventTypes, Snapshot};

/// Selects events; a field that is `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub event_types: Option<EventTypes>,
    pub aggregate_id: Option<String>,
    pub tenant_id: Option<Uuid>,
}

/// One look at the tables: the events to show.
#[derive(Debug, Clone)]
pub struct Look<'a> {
    pub filter: &'a Filter,
    /// Only events settled at this time or later.
    pub from: DateTime<Utc>,
    /// Only events that are not visible in this snapshot; `None` does not restrict.
    pub unseen_by: Option<&'a Snapshot>,
    /// The maximum of characters of the payload; `None` reads none of it.
    pub payload_chars: Option<i32>,
}

/// An event that was published, or that became a dead letter.
#[derive(Debug, Clone, QueryableByName)]
pub struct Settled {
    #[diesel(sql_type = Timestamptz)]
    pub settled_at: DateTime<Utc>,
    /// The reason of a dead letter.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub last_error: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    pub occurred_at: DateTime<Utc>,
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub tenant_id: Uuid,
    #[diesel(sql_type = Text)]
    pub aggregate_type: String,
    #[diesel(sql_type = Text)]
    pub aggregate_id: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub aggregate_version: Option<i64>,
    #[diesel(sql_type = Text)]
    pub event_type: String,
    #[diesel(sql_type = SmallInt)]
    pub schema_version: i16,
    #[diesel(sql_type = Integer)]
    pub retry_count: i32,
    #[diesel(sql_type = Nullable<Text>)]
    pub payload: Option<String>,
}

crate::statement! {
    struct Now<'a> {} -> (Text, Timestamptz) = "SELECT pg_current_snapshot()::text, now()"
}

crate::statement! {
    /// Transaction ids are compared modulo 2^32, as in `xmin`: the half of the circle from `xmax` on counts as later.
    struct Open<'a> {
        published_from: DateTime<Utc> => Timestamptz,
        failed_from: DateTime<Utc> => Timestamptz,
        everything: bool => Bool,
        xmax: i64 => BigInt,
        in_progress: &'a [i64] => Array<BigInt>,
        event_types: Option<&'a str> => Nullable<Text>,
        aggregate_id: Option<&'a str> => Nullable<Text>,
        tenant_id: Option<Uuid> => Nullable<SqlUuid>,
        payload_chars: Option<i32> => Nullable<Integer>,
    }
    = "DECLARE tail NO SCROLL CURSOR WITH HOLD FOR
    WITH settled AS (
        SELECT published_at AS settled_at, xmin::text::bigint AS transaction, NULL::text AS reason, NULL::text AS last_error,
            occurred_at, seq, id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version,
            retry_count, payload
        FROM outbox_history WHERE published_at >= $1
        UNION ALL
        SELECT failed_at, xmin::text::bigint, reason, last_error, occurred_at, seq, id, tenant_id, aggregate_type,
            aggregate_id, aggregate_version, event_type, schema_version, retry_count, payload
        FROM outbox_dead_letters WHERE failed_at >= $2
    )
    SELECT settled_at, reason, last_error, occurred_at, id, tenant_id, aggregate_type, aggregate_id, aggregate_version,
        event_type, schema_version, retry_count, left(payload::text, payload_chars) AS payload
    FROM (
        SELECT * FROM settled
        WHERE ($3 OR ((transaction - $4) & 4294967295) < 2147483648 OR transaction = ANY ($5))
            AND ('.' || event_type) ~ COALESCE($6, '') AND aggregate_id = COALESCE($7, aggregate_id)
            AND tenant_id = COALESCE($8, tenant_id)
    ) AS wanted, (SELECT $9::integer AS payload_chars) AS asked
    ORDER BY settled_at, seq"
}

/// Returns the current snapshot, and the time of the database's clock.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn now(connection: &mut AsyncPgConnection) -> QueryResult<(Snapshot, DateTime<Utc>)> {
    let (snapshot, now): (String, DateTime<Utc>) = Now::new().get_result(connection).await?;
    let snapshot = Snapshot::parse(&snapshot)
        .ok_or_else(|| diesel::result::Error::DeserializationError("not a snapshot".into()))?;
    Ok((snapshot, now))
}

/// Finds the events to show; [`next_page`] reads them, without an open transaction, until [`close`]. Returns, as [`now`] does,
/// the snapshot in which they were found, and the time.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn open(
    connection: &mut AsyncPgConnection,
    look: &Look<'_>,
) -> QueryResult<(Snapshot, DateTime<Utc>)> {
    const XID_BITS: i64 = 0xffff_ffff;
    let in_progress: Vec<i64> = look
        .unseen_by
        .iter()
        .flat_map(|snapshot| &snapshot.in_progress)
        .map(|transaction| transaction & XID_BITS)
        .collect();
    let statement = Open::new(
        look.from,
        look.from,
        look.unseen_by.is_none(),
        look.unseen_by.map_or(0, |snapshot| snapshot.xmax & XID_BITS),
        &in_progress,
        look.filter.event_types.as_ref().map(EventTypes::regex),
        look.filter.aggregate_id.as_deref(),
        look.filter.tenant_id,
        look.payload_chars,
    );
    connection
        .transaction::<_, diesel::result::Error, _>(async move |transaction| {
            // One snapshot for both statements.
            transaction.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
            let now = now(transaction).await?;
            RunQueryDsl::execute(statement, transaction).await?;
            Ok(now)
        })
        .await
}

/// Returns the next rows in the order in which they were settled, at most `limit`; none at the end.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn next_page(connection: &mut AsyncPgConnection, limit: u32) -> QueryResult<Vec<Settled>> {
    sql_query(format!("FETCH FORWARD {limit} FROM tail")).load(connection).await
}

/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn close(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    connection.batch_execute("CLOSE tail").await
}
