//! Which processes live, and what their services do.

use diesel::QueryResult;
use diesel::sql_types::{BigInt, Jsonb, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

crate::statement! {
    struct Beat<'a> { id: Uuid => SqlUuid, program: &'a str => Text, name: &'a str => Text, version: &'a str => Text }
    = "INSERT INTO service_processes (id, program, name, version) VALUES ($1, $2, $3, $4)
    ON CONFLICT (id) DO UPDATE SET last_seen_at = now()"
}

crate::statement! {
    struct Write<'a> { process: Uuid => SqlUuid, states: &'a Value => Jsonb }
    = "INSERT INTO service_states (process, service, status)
    SELECT $1, status ->> 'service', status FROM jsonb_array_elements($2) AS status
    ON CONFLICT (process, service) DO UPDATE SET status = excluded.status, updated_at = now()"
}

crate::statement! {
    /// A process that was not seen for `ttl_ms` has gone: it is not listed any more.
    struct List<'a> { ttl_ms: i64 => BigInt } -> (Jsonb,)
    = "SELECT status FROM service_states JOIN service_processes ON id = process
    WHERE last_seen_at > now() - $1 * interval '1 millisecond'
    ORDER BY service, process"
}

crate::statement! {
    struct Leave<'a> { id: Uuid => SqlUuid }
    = "DELETE FROM service_processes WHERE id = $1"
}

crate::statement! {
    /// Deletes processes that were not seen for `ttl_ms`.
    struct Forget<'a> { ttl_ms: i64 => BigInt }
    = "DELETE FROM service_processes WHERE last_seen_at < now() - $1 * interval '1 millisecond'"
}

/// A process that runs services.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) id: Uuid,
    pub(crate) program: &'static str,
    pub(crate) name: String,
    pub(crate) version: &'static str,
}

pub(crate) async fn beat(connection: &mut AsyncPgConnection, process: &Process) -> QueryResult<()> {
    Beat::new(process.id, process.program, &process.name, process.version).execute(connection).await.map(drop)
}

/// `states` is an array of [`Status`](crate::services::Status).
pub(crate) async fn write(
    connection: &mut AsyncPgConnection,
    process: Uuid,
    states: &Value,
) -> QueryResult<()> {
    Write::new(process, states).execute(connection).await.map(drop)
}

pub(crate) async fn list(connection: &mut AsyncPgConnection, ttl_ms: i64) -> QueryResult<Vec<Value>> {
    let rows: Vec<(Value,)> = List::new(ttl_ms).load(connection).await?;
    Ok(rows.into_iter().map(|(status,)| status).collect())
}

pub(crate) async fn leave(connection: &mut AsyncPgConnection, id: Uuid) -> QueryResult<()> {
    Leave::new(id).execute(connection).await.map(drop)
}

pub(crate) async fn forget(connection: &mut AsyncPgConnection, ttl_ms: i64) -> QueryResult<usize> {
    Forget::new(ttl_ms).execute(connection).await
}
