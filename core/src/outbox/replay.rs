//! Reads the history again, in the order of `seq`, a page at a time.
//!
//! The rows are in a cursor `WITH HOLD`: PostgreSQL sorts them once, on its own disk if necessary, and no transaction
//! stays open while they are published. That may take hours, and an open transaction would keep the outbox from being
//! vacuumed.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{
    BigInt, Integer, Json, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::{EventTypes, JsonText, OutboxRow, Turn};

/// Selects a part of the history; a field that is `None` does not restrict.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only events published at this time or later.
    pub since: DateTime<Utc>,
    /// Only events published before this time.
    pub until: DateTime<Utc>,
    pub event_types: Option<EventTypes>,
    pub aggregate_id: Option<String>,
    pub tenant_id: Option<Uuid>,
    /// Only events with a seq above this one: the rest of an interrupted replay.
    pub after_seq: i64,
}

crate::statement! {
    struct Count<'a> {
        since: DateTime<Utc> => Timestamptz,
        until: DateTime<Utc> => Timestamptz,
        event_types: Option<&'a str> => Nullable<Text>,
        aggregate_id: Option<&'a str> => Nullable<Text>,
        tenant_id: Option<Uuid> => Nullable<SqlUuid>,
        after_seq: i64 => BigInt,
    } -> (Text, BigInt)
    = "SELECT event_type, count(*) FROM outbox_history
    WHERE published_at >= $1 AND published_at < $2 AND ('.' || event_type) ~ COALESCE($3, '')
        AND aggregate_id = COALESCE($4, aggregate_id) AND tenant_id = COALESCE($5, tenant_id)
        AND seq > $6
    GROUP BY event_type ORDER BY event_type"
}

crate::statement! {
    struct Open<'a> {
        since: DateTime<Utc> => Timestamptz,
        until: DateTime<Utc> => Timestamptz,
        event_types: Option<&'a str> => Nullable<Text>,
        aggregate_id: Option<&'a str> => Nullable<Text>,
        tenant_id: Option<Uuid> => Nullable<SqlUuid>,
        after_seq: i64 => BigInt,
    }
    = "DECLARE history NO SCROLL CURSOR WITH HOLD FOR
    SELECT seq, id, shard, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version,
        payload, headers, occurred_at, retry_count
    FROM outbox_history
    WHERE published_at >= $1 AND published_at < $2 AND ('.' || event_type) ~ COALESCE($3, '')
        AND aggregate_id = COALESCE($4, aggregate_id) AND tenant_id = COALESCE($5, tenant_id)
        AND seq > $6
    ORDER BY seq"
}

#[derive(Debug, QueryableByName)]
struct HistoryRow {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SmallInt)]
    shard: i16,
    #[diesel(sql_type = SqlUuid)]
    tenant_id: Uuid,
    #[diesel(sql_type = Text)]
    aggregate_type: String,
    #[diesel(sql_type = Text)]
    aggregate_id: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    aggregate_version: Option<i64>,
    #[diesel(sql_type = Text)]
    event_type: String,
    #[diesel(sql_type = SmallInt)]
    schema_version: i16,
    #[diesel(sql_type = Json)]
    payload: JsonText,
    #[diesel(sql_type = Jsonb)]
    headers: JsonText,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = Integer)]
    retry_count: i32,
}

/// Counts the events of each type, ordered by type.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn count(connection: &mut AsyncPgConnection, filter: &Filter) -> QueryResult<Vec<(String, i64)>> {
    let Filter { since, until, event_types, aggregate_id, tenant_id, after_seq } = filter;
    let regex = event_types.as_ref().map(EventTypes::regex);
    let count = Count::new(*since, *until, regex, aggregate_id.as_deref(), *tenant_id, *after_seq);
    count.load(connection).await
}

/// Finds and sorts the rows; [`next_page`] reads them from this connection, until it is closed.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn open(connection: &mut AsyncPgConnection, filter: &Filter) -> QueryResult<()> {
    let Filter { since, until, event_types, aggregate_id, tenant_id, after_seq } = filter;
    let regex = event_types.as_ref().map(EventTypes::regex);
    let open = Open::new(*since, *until, regex, aggregate_id.as_deref(), *tenant_id, *after_seq);
    connection
        .transaction::<_, diesel::result::Error, _>(async move |transaction| {
            RunQueryDsl::execute(open, transaction).await.map(drop)
        })
        .await
}

/// Returns the next rows by seq, at most `limit`; none at the end.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement. The cursor is then gone with the connection.
pub async fn next_page(connection: &mut AsyncPgConnection, limit: u32) -> QueryResult<Vec<OutboxRow>> {
    let rows: Vec<HistoryRow> =
        sql_query(format!("FETCH FORWARD {limit} FROM history")).load(connection).await?;
    Ok(rows.into_iter().map(row_of).collect())
}

fn row_of(row: HistoryRow) -> OutboxRow {
    OutboxRow {
        seq: row.seq,
        id: row.id,
        shard: row.shard,
        tenant_id: row.tenant_id,
        aggregate_type: row.aggregate_type,
        aggregate_id: row.aggregate_id,
        aggregate_version: row.aggregate_version,
        event_type: row.event_type,
        schema_version: row.schema_version,
        payload: row.payload,
        headers: row.headers,
        occurred_at: row.occurred_at,
        retry_count: row.retry_count,
        turn: Turn::Now,
        oversize: None,
    }
}
