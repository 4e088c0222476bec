//! What happened in services, for subscribers in other processes.

use std::collections::HashMap;

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Jsonb, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

crate::statement! {
    struct Insert<'a> { process: Uuid => SqlUuid, first: i64 => BigInt, events: &'a Value => Jsonb }
    = "INSERT INTO service_events (process, number, event)
    SELECT $1, $2 + position - 1, event FROM jsonb_array_elements($3) WITH ORDINALITY AS e (event, position)"
}

crate::statement! {
    /// Events of other processes of the last half minute, beyond the ones that were read. Those of one process are committed in
    /// the order of their numbers, so none is skipped; a process that is not among `processes` was never read.
    struct Read<'a> {
        processes: &'a [Uuid] => Array<SqlUuid>,
        numbers: &'a [i64] => Array<BigInt>,
        me: Uuid => SqlUuid,
        most: i64 => BigInt,
    } -> (SqlUuid, BigInt, Jsonb)
    = "WITH known AS (SELECT * FROM unnest($1, $2) AS k (process, number))
    SELECT e.process, e.number, e.event FROM service_events AS e LEFT JOIN known AS k ON k.process = e.process
    WHERE e.at > now() - interval '30 seconds' AND e.process <> $3 AND e.number > coalesce(k.number, 0)
    ORDER BY e.at, e.process, e.number LIMIT $4"
}

crate::statement! {
    struct Last<'a> {} -> (SqlUuid, BigInt)
    = "SELECT process, max(number) FROM service_events WHERE at > now() - interval '30 seconds' GROUP BY process"
}

crate::statement! {
    struct Forget<'a> { age: &'a str => Text }
    = "DELETE FROM service_events WHERE at < now() - $1::interval"
}

/// Appends the process's events; `first` is the number of the first.
pub(crate) async fn insert(
    connection: &mut AsyncPgConnection,
    process: Uuid,
    first: i64,
    events: &Value,
) -> QueryResult<()> {
    Insert::new(process, first, events).execute(connection).await.map(drop)
}

/// Returns the number of the last event of each process: where a new subscriber begins.
pub(crate) async fn last(connection: &mut AsyncPgConnection) -> QueryResult<HashMap<Uuid, i64>> {
    let rows: Vec<(Uuid, i64)> = Last::new().load(connection).await?;
    Ok(rows.into_iter().collect())
}

/// Returns up to `most` events of other processes that were not read yet, and notes them in `read`.
pub(crate) async fn read(
    connection: &mut AsyncPgConnection,
    me: Uuid,
    read: &mut HashMap<Uuid, i64>,
    most: i64,
) -> QueryResult<Vec<Value>> {
    let (processes, numbers): (Vec<Uuid>, Vec<i64>) =
        read.iter().map(|(process, number)| (*process, *number)).unzip();
    let rows: Vec<(Uuid, i64, Value)> = Read::new(&processes, &numbers, me, most).load(connection).await?;
    let mut events = Vec::with_capacity(rows.len());
    for (process, number, event) in rows {
        let last = read.entry(process).or_default();
        *last = number.max(*last);
        events.push(event);
    }
    Ok(events)
}

/// Deletes events that are older than `age`, such as `1 hour`.
pub(crate) async fn forget(connection: &mut AsyncPgConnection, age: &str) -> QueryResult<usize> {
    Forget::new(age).execute(connection).await
}
