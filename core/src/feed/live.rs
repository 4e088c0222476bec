//! The statements with which the follower reads the log of all tenants.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Json, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use super::event::EventRow;
use super::log::folded;
use super::position::Mark;
use crate::outbox::{NOTIFY_CHANNEL, Snapshot};

/// The maximum number of events that are read at a time.
pub(super) const PAGE: usize = 250;

/// Ids of transactions that were rolled back may be given out again after a crash of the server: so many of them are looked at anew.
const REUSED: i64 = 1000;

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
                CASE WHEN pg_column_size(payload) <= 262144 THEN payload END
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
/// Fails if the database does not answer. Some events may have been delivered: what `deliver` got last says how far.
pub(super) async fn read_unseen(
    connection: &mut AsyncPgConnection,
    mark: &Mark,
    is_sure: bool,
    mut deliver: impl FnMut(Vec<EventRow>, &Mark) + Send,
) -> QueryResult<Mark> {
    let Bounds { low, since } = Bounds::after(mark, is_sure);
    let Mark { snapshot: Snapshot { xmax, in_progress }, highest, .. } = mark;
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX) + 1;
    // In one round trip. The second statement may see more than the first: that is left for the next read.
    let (upto, rows): (_, Vec<EventRow>) = {
        let connection: &AsyncPgConnection = connection;
        let mut handle = connection;
        let statement = Unseen::new(low, *xmax, in_progress, *highest, since, limit);
        let (now, rows) = futures::try_join!(now(connection), statement.load(&mut handle))?;
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
    connection
        .transaction::<_, diesel::result::Error, _>(async |transaction| {
            transaction.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
            let (upto, _) = now(&*transaction).await?;
            RunQueryDsl::execute(statement, transaction).await?;
            loop {
                let rows: Vec<EventRow> = FetchUnseen::new().load(transaction).await?;
                let is_last = rows.len() < PAGE;
                let rows = seen(rows, &upto);
                if !rows.is_empty() {
                    deliver(rows, &upto);
                }
                if is_last {
                    return Ok(upto);
                }
            }
        })
        .await
}

/// Keeps what the mark's snapshot sees. Rows that came with a dump, from a server whose transactions had higher ids, wait until
/// this one's are as high.
fn seen(mut rows: Vec<EventRow>, upto: &Mark) -> Vec<EventRow> {
    rows.retain(|row| upto.snapshot.sees(row.transaction));
    rows
}
