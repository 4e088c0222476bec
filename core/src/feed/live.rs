//! The statements with which the follower reads the log of all tenants. Each has a limit of its own: a burst is read for as long as it
//! takes, a page after the other.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Json, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio_postgres::error::SqlState;

use super::event::EventRow;
use super::log::folded;
use super::position::Mark;
use crate::outbox::{NOTIFY_CHANNEL, Snapshot};
use crate::platform::database::sqlstate;

/// The maximum number of events that are read at a time.
pub(super) const PAGE: usize = 250;

/// How long one statement may take. A connection that does not answer is replaced.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Ids of transactions that were rolled back may be given out again after a crash of the server: so many of them are looked at anew.
const REUSED: i64 = 1000;

/// Why the log could not be read. The connection is of no use any more: a transaction may be open on it, or an answer on its way.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("{0}")]
    Query(#[from] diesel::result::Error),
    #[error("the database did not answer within {} s", ANSWER_LIMIT.as_secs())]
    NoAnswer,
}

impl ReadError {
    /// Whether there may be more to read than can be read: it took too long, or more than the server has.
    pub(super) fn may_be_too_much(&self) -> bool {
        match self {
            Self::NoAnswer => true,
            Self::Query(error) => sqlstate(error)
                .is_some_and(|state| state == SqlState::QUERY_CANCELED || state.code().starts_with("53")),
        }
    }
}

/// Waits for the answer to one statement.
///
/// # Errors
/// Fails as the statement does, or if the answer does not come in time.
pub(super) async fn answered<T>(query: impl Future<Output = QueryResult<T>>) -> Result<T, ReadError> {
    let answer = tokio::time::timeout(ANSWER_LIMIT, query).await;
    Ok(answer.map_err(|_| ReadError::NoAnswer)??)
}

crate::statement! {
    struct Now<'a> {} -> (Text, BigInt, Timestamptz, BigInt)
    = "SELECT pg_current_snapshot()::text, s.last_value, now(), c.system_identifier
    FROM outbox_events_seq_seq AS s, pg_control_system() AS c"
}

/// What is true when a read begins, and which server it is.
///
/// # Errors
/// Fails if the database does not answer.
pub(super) async fn now(mut connection: &AsyncPgConnection) -> QueryResult<(Mark, u32)> {
    let (snapshot, highest, at, cluster): (String, i64, DateTime<Utc>, i64) =
        Now::new().get_result(&mut connection).await?;
    Ok((Mark { snapshot: parsed(&snapshot)?, highest, at: at.timestamp() }, folded(cluster)))
}

fn parsed(snapshot: &str) -> QueryResult<Snapshot> {
    Snapshot::parse(snapshot)
        .ok_or_else(|| diesel::result::Error::DeserializationError("not a snapshot".into()))
}

/// # Errors
/// Fails if the database does not answer.
pub(super) async fn listen(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    connection.batch_execute(&format!("LISTEN {NOTIFY_CHANNEL}")).await
}

/// The events that a snapshot did not see, from all three tables. The rows of a transaction in its list of running ones are few, and
/// found by themselves: `low` need not go back to the oldest of these.
macro_rules! unseen {
    ($after:literal) => {
        concat!(
            "WITH p AS MATERIALIZED (
                SELECT $1::bigint AS low, $2::bigint AS xmax, $3::bigint[] AS running, $4::bigint AS highest,
                    $5::timestamptz AS since
            ), e AS (
                SELECT COALESCE(first_transaction_id, transaction_id) AS transaction_id, COALESCE(first_seq, seq) AS seq, id,
                    tenant_id, event_type, schema_version, aggregate_type, aggregate_id, aggregate_version, occurred_at,
                    origin, headers, payload
                FROM outbox_events WHERE transaction_id >= (SELECT low FROM p)
                UNION ALL
                SELECT COALESCE(first_transaction_id, transaction_id), COALESCE(first_seq, seq), id, tenant_id, event_type,
                    schema_version, aggregate_type, aggregate_id, aggregate_version, occurred_at, origin, headers, payload
                FROM outbox_events WHERE transaction_id = ANY ((SELECT running FROM p)::bigint[])
                    AND transaction_id < (SELECT low FROM p)
                UNION ALL
                SELECT transaction_id, seq, id, tenant_id, event_type, schema_version, aggregate_type, aggregate_id,
                    aggregate_version, occurred_at, origin, headers, payload
                FROM outbox_history WHERE transaction_id >= (SELECT low FROM p) AND published_at >= (SELECT since FROM p)
                UNION ALL
                SELECT transaction_id, seq, id, tenant_id, event_type, schema_version, aggregate_type, aggregate_id,
                    aggregate_version, occurred_at, origin, headers, payload
                FROM outbox_history WHERE transaction_id = ANY ((SELECT running FROM p)::bigint[])
                    AND transaction_id < (SELECT low FROM p) AND published_at >= (SELECT since FROM p)
                UNION ALL
                SELECT transaction_id, seq, id, tenant_id, event_type, schema_version, aggregate_type, aggregate_id,
                    aggregate_version, occurred_at, origin, headers, payload
                FROM outbox_dead_letters WHERE transaction_id >= (SELECT low FROM p)
                    AND next_attempt_at IS DISTINCT FROM 'infinity'
                UNION ALL
                SELECT transaction_id, seq, id, tenant_id, event_type, schema_version, aggregate_type, aggregate_id,
                    aggregate_version, occurred_at, origin, headers, payload
                FROM outbox_dead_letters WHERE transaction_id = ANY ((SELECT running FROM p)::bigint[])
                    AND transaction_id < (SELECT low FROM p) AND next_attempt_at IS DISTINCT FROM 'infinity'
            )
            SELECT transaction_id, seq, id, tenant_id, event_type, schema_version, aggregate_type, aggregate_id,
                aggregate_version, occurred_at, origin, headers ->> 'correlation-id',
                CASE WHEN pg_column_size(payload) <= 262144 THEN CASE WHEN octet_length(payload::text) <= 262144 THEN payload END END
            FROM e
            WHERE (transaction_id >= (SELECT xmax FROM p) OR transaction_id = ANY ((SELECT running FROM p)::bigint[])
                OR seq > (SELECT highest FROM p))",
            $after
        )
    };
}

crate::statement! {
    struct Unseen<'a> {
        low: i64 => BigInt,
        xmax: i64 => BigInt,
        running: &'a [i64] => Array<BigInt>,
        highest: i64 => BigInt,
        since: DateTime<Utc> => Timestamptz,
        limit: i64 => BigInt,
    } -> (
        BigInt, BigInt, SqlUuid, SqlUuid, Text, SmallInt, Text, Text, Nullable<BigInt>, Timestamptz, Nullable<Jsonb>,
        Nullable<Text>, Nullable<Json>
    )
    = unseen!(" LIMIT $6")
}

crate::statement! {
    struct OpenUnseen<'a> {
        low: i64 => BigInt,
        xmax: i64 => BigInt,
        running: &'a [i64] => Array<BigInt>,
        highest: i64 => BigInt,
        since: DateTime<Utc> => Timestamptz,
    }
    = concat!("DECLARE unseen NO SCROLL CURSOR FOR ", unseen!(" ORDER BY seq"))
}

crate::statement! {
    struct FetchUnseen<'a> {} -> (
        BigInt, BigInt, SqlUuid, SqlUuid, Text, SmallInt, Text, Text, Nullable<BigInt>, Timestamptz, Nullable<Jsonb>,
        Nullable<Text>, Nullable<Json>
    )
    = "FETCH FORWARD 250 FROM unseen"
}

/// From where the statements read.
struct Bounds {
    low: i64,
    since: DateTime<Utc>,
}

impl Bounds {
    /// `is_sure` says that the server has not crashed since the mark, because the connection is the same.
    fn after(mark: &Mark, is_sure: bool) -> Self {
        let low = mark.snapshot.xmax - if is_sure { 0 } else { REUSED };
        // A clock may be set back a little.
        Self { low, since: mark.time() - TimeDelta::minutes(10) }
    }
}

/// Passes the events that became visible since `mark` to `deliver`, in the order of `seq`, with the mark up to which they are read.
/// Returns that mark.
///
/// # Errors
/// Fails if the database does not answer a statement in time; the connection must not be used again. Some events may have been
/// delivered: what `deliver` got last says how far.
pub(super) async fn read_unseen(
    connection: &mut AsyncPgConnection,
    mark: &Mark,
    is_sure: bool,
    mut deliver: impl FnMut(Vec<EventRow>, &Mark) + Send,
) -> Result<Mark, ReadError> {
    let Bounds { low, since } = Bounds::after(mark, is_sure);
    let Mark { snapshot: Snapshot { xmax, in_progress }, highest, .. } = mark;
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX) + 1;
    // In one round trip. The second statement may see more than the first: that is left for the next read.
    let (upto, rows): (_, Vec<EventRow>) = {
        let connection: &AsyncPgConnection = connection;
        let mut handle = connection;
        let statement = Unseen::new(low, *xmax, in_progress, *highest, since, limit);
        let both = async { futures::try_join!(now(connection), statement.load::<EventRow>(&mut handle)) };
        let (now, rows) = answered(both).await?;
        (now.0, rows)
    };
    if rows.len() <= PAGE {
        let mut rows = seen(rows, &upto);
        rows.sort_unstable_by_key(|row| row.seq);
        if !rows.is_empty() {
            deliver(rows, &upto);
        }
        return Ok(upto);
    }
    let statement = OpenUnseen::new(low, *xmax, in_progress, *highest, since);
    // A transaction of Diesel's would wait for its rollback on a connection that does not answer.
    answered(connection.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")).await?;
    let (upto, _) = answered(now(connection)).await?;
    answered(RunQueryDsl::execute(statement, connection)).await?;
    loop {
        let rows: Vec<EventRow> = answered(FetchUnseen::new().load(connection)).await?;
        let is_last = rows.len() < PAGE;
        let rows = seen(rows, &upto);
        if !rows.is_empty() {
            deliver(rows, &upto);
        }
        if is_last {
            answered(connection.batch_execute("COMMIT")).await?;
            return Ok(upto);
        }
    }
}

/// Keeps what the mark's snapshot sees. Rows that came with a dump, from a server whose transactions had higher ids, wait until
/// this one's are as high.
fn seen(mut rows: Vec<EventRow>, upto: &Mark) -> Vec<EventRow> {
    rows.retain(|row| upto.snapshot.sees(row.transaction));
    rows
}
