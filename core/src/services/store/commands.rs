//! What was asked of services: taken under a lease by whichever process runs the service, carried out, answered.
//!
//! ```text
//! waiting ──take──► running ──► done | failed
//!    │                 │ its process has gone
//!    │                 ├──► waiting   if it may be repeated and its deadline is not over
//!    │ deadline        └──► failed    otherwise
//!    └──► expired
//! ```

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Int2, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::CHANNEL;

/// A command, as it stands.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = crate::platform::schema::service_commands)]
pub struct Command {
    pub id: Uuid,
    pub service: String,
    pub action: String,
    pub parameters: Value,
    pub process: Option<Uuid>,
    pub correlation_id: Uuid,
    pub asked_by: String,
    pub asked_at: DateTime<Utc>,
    pub deadline: DateTime<Utc>,
    /// `waiting`, `running`, `done`, `failed` or `expired`.
    pub state: String,
    /// The process that runs it.
    pub owner: Option<Uuid>,
    /// How many times it was begun.
    pub epoch: i64,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub progress_done: Option<i64>,
    pub progress_total: Option<i64>,
    pub answer: Option<Value>,
    pub error: Option<String>,
    /// The process that began it last, and its name.
    pub ran_in: Option<Uuid>,
    pub ran_in_name: Option<String>,
}

/// A command that is to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewCommand {
    pub(crate) id: Uuid,
    pub(crate) service: String,
    pub(crate) action: String,
    pub(crate) parameters: Value,
    pub(crate) priority: i16,
    pub(crate) process: Option<Uuid>,
    pub(crate) correlation_id: Uuid,
    pub(crate) asked_by: String,
    pub(crate) time_limit_ms: i64,
    pub(crate) repeatable: bool,
}

crate::statement! {
    struct Insert<'a> {
        id: Uuid => SqlUuid,
        service: &'a str => Text,
        action: &'a str => Text,
        parameters: &'a Value => Jsonb,
        priority: i16 => Int2,
        process: Option<Uuid> => Nullable<SqlUuid>,
        correlation_id: Uuid => SqlUuid,
        asked_by: &'a str => Text,
        time_limit_ms: i64 => BigInt,
        repeatable: bool => Bool,
        channel: &'a str => Text,
    }
    = "WITH inserted AS (
        INSERT INTO service_commands
            (id, service, action, parameters, priority, process, correlation_id, asked_by, deadline, repeatable)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9 * interval '1 millisecond', $10)
        ON CONFLICT (id) DO NOTHING RETURNING id
    ) SELECT pg_notify($11, '') FROM inserted"
}

crate::statement! {
    /// Takes the command whose turn it is, among the kinds that this process knows.
    struct Take<'a> {
        owner: Uuid => SqlUuid,
        ttl_ms: i64 => BigInt,
        services: &'a [&'a str] => Array<Text>,
        actions: &'a [&'a str] => Array<Text>,
    } -> (SqlUuid, Text, Text, Jsonb, SqlUuid, Text, BigInt, BigInt)
    = "WITH me AS (SELECT $1 AS id, $2 * interval '1 millisecond' AS ttl)
    UPDATE service_commands AS c
    SET state = 'running', owner = me.id, epoch = c.epoch + 1, lease_expires_at = now() + me.ttl,
        started_at = coalesce(c.started_at, now()), ran_in = me.id,
        ran_in_name = (SELECT p.name FROM service_processes AS p WHERE p.id = me.id)
    FROM me
    WHERE c.id = (
        SELECT id FROM service_commands
        WHERE state = 'waiting' AND deadline > now() AND (process IS NULL OR process = (SELECT id FROM me))
            AND (service, action) IN (SELECT * FROM unnest($3, $4))
        ORDER BY priority, asked_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING c.id, c.service, c.action, c.parameters, c.correlation_id, c.asked_by, c.epoch,
        greatest(0, extract(epoch FROM c.deadline - now()) * 1000)::bigint"
}

/// A command that this process has taken.
#[derive(Debug, Clone, Queryable)]
pub(crate) struct Taken {
    pub(crate) id: Uuid,
    pub(crate) service: String,
    pub(crate) action: String,
    pub(crate) parameters: Value,
    pub(crate) correlation_id: Uuid,
    pub(crate) asked_by: String,
    pub(crate) epoch: i64,
    /// The time until its deadline.
    pub(crate) left_ms: i64,
}

crate::statement! {
    struct Renew<'a> {
        owner: Uuid => SqlUuid,
        ttl_ms: i64 => BigInt,
        ids: &'a [Uuid] => Array<SqlUuid>,
        dones: &'a [Option<i64>] => Array<Nullable<BigInt>>,
        totals: &'a [Option<i64>] => Array<Nullable<BigInt>>,
    } -> (SqlUuid,)
    = "WITH me AS (SELECT $1 AS id, $2 * interval '1 millisecond' AS ttl)
    UPDATE service_commands AS c
    SET lease_expires_at = now() + me.ttl, progress_done = r.done, progress_total = r.total
    FROM me, unnest($3, $4, $5) AS r (id, done, total)
    WHERE c.id = r.id AND c.state = 'running' AND c.owner = me.id AND c.lease_expires_at > now()
    RETURNING c.id"
}

crate::statement! {
    /// Writes how the command ended; nothing once its lease is lost.
    struct End<'a> {
        state: &'a str => Text,
        answer: Option<&'a Value> => Nullable<Jsonb>,
        error: Option<&'a str> => Nullable<Text>,
        done: Option<i64> => Nullable<BigInt>,
        total: Option<i64> => Nullable<BigInt>,
        id: Uuid => SqlUuid,
        owner: Uuid => SqlUuid,
        epoch: i64 => BigInt,
        channel: &'a str => Text,
    }
    = "WITH ended AS (
        UPDATE service_commands
        SET state = $1, answer = $2, error = left($3, 10000), progress_done = coalesce($4, progress_done), progress_total = coalesce($5, progress_total),
            owner = NULL, lease_expires_at = NULL, ended_at = now()
        WHERE id = $6 AND owner = $7 AND epoch = $8 AND state = 'running' RETURNING id
    ) SELECT pg_notify($9, '') FROM ended"
}

crate::statement! {
    /// What nobody took in time, and what a process left behind that has gone.
    struct Sweep<'a> {} -> (SqlUuid, Text)
    = "UPDATE service_commands AS c
    SET state = s.state, owner = NULL, lease_expires_at = NULL,
        ended_at = CASE WHEN s.state = 'waiting' THEN NULL ELSE now() END,
        error = CASE s.state WHEN 'expired' THEN 'no process that runs this service took it before its deadline'
            WHEN 'failed' THEN 'the process that ran it has gone: whether it was done is not known' END
    FROM (
        SELECT id, CASE WHEN state = 'waiting' THEN 'expired' WHEN repeatable AND deadline > now() THEN 'waiting' ELSE 'failed' END AS state
        FROM service_commands
        WHERE state = 'waiting' AND deadline <= now() OR state = 'running' AND lease_expires_at <= now()
        ORDER BY id FOR UPDATE SKIP LOCKED
    ) AS s WHERE c.id = s.id
    RETURNING c.id, c.state"
}

crate::statement! {
    struct Forget<'a> { days: i64 => BigInt, most: i64 => BigInt }
    = "DELETE FROM service_commands WHERE id IN (
        SELECT id FROM service_commands WHERE ended_at < now() - $1 * interval '1 day' ORDER BY ended_at LIMIT $2)"
}

pub(crate) async fn insert(connection: &mut AsyncPgConnection, new: &NewCommand) -> QueryResult<()> {
    let NewCommand { id, service, action, parameters, priority, process, correlation_id, asked_by, .. } = new;
    let (limit, repeatable) = (new.time_limit_ms, new.repeatable);
    let insert = Insert::new(
        *id,
        service,
        action,
        parameters,
        *priority,
        *process,
        *correlation_id,
        asked_by,
        limit,
        repeatable,
        CHANNEL,
    );
    insert.execute(connection).await.map(drop)
}

/// `kinds`: services and their actions, in pairs.
pub(crate) async fn take(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    ttl_ms: i64,
    kinds: &[(&str, &str)],
) -> QueryResult<Option<Taken>> {
    let (services, actions): (Vec<&str>, Vec<&str>) = kinds.iter().copied().unzip();
    Take::new(owner, ttl_ms, &services, &actions).get_result(connection).await.optional()
}

/// Renews the leases of running commands and writes their progress. Returns those that are still this process's.
pub(crate) async fn renew(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    ttl_ms: i64,
    running: &[(Uuid, Option<Done>)],
) -> QueryResult<Vec<Uuid>> {
    let ids: Vec<Uuid> = running.iter().map(|(id, _)| *id).collect();
    let dones: Vec<Option<i64>> =
        running.iter().map(|(_, progress)| progress.map(|(done, _)| done)).collect();
    let totals: Vec<Option<i64>> =
        running.iter().map(|(_, progress)| progress.and_then(|(_, total)| total)).collect();
    let rows: Vec<(Uuid,)> = Renew::new(owner, ttl_ms, &ids, &dones, &totals).load(connection).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// How much of a command is done, and of how much.
pub(crate) type Done = (i64, Option<i64>);

/// How a command ended.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) id: Uuid,
    pub(crate) epoch: i64,
    pub(crate) result: Result<Value, String>,
    pub(crate) progress: Option<Done>,
}

/// Returns false if the command was not this process's any more.
pub(crate) async fn end(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    ending: &Ending,
) -> QueryResult<bool> {
    let (state, answer, error) = match &ending.result {
        Ok(answer) => ("done", Some(answer), None),
        Err(error) => ("failed", None, Some(error.as_str())),
    };
    let (done, total) = ending.progress.map_or((None, None), |(done, total)| (Some(done), total));
    let end = End::new(state, answer, error, done, total, ending.id, owner, ending.epoch, CHANNEL);
    Ok(end.execute(connection).await? > 0)
}

pub(crate) async fn sweep(connection: &mut AsyncPgConnection) -> QueryResult<Vec<(Uuid, String)>> {
    Sweep::new().load(connection).await
}

pub(crate) async fn find(connection: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<Command>> {
    use crate::platform::schema::service_commands::dsl;
    dsl::service_commands.find(id).select(Command::as_select()).first(connection).await.optional()
}

/// Returns the commands that were asked for last, the newest first: their ids rise with the time.
pub(crate) async fn list(connection: &mut AsyncPgConnection, most: i64) -> QueryResult<Vec<Command>> {
    use crate::platform::schema::service_commands::dsl;
    let newest = dsl::service_commands.order(dsl::id.desc()).limit(most);
    newest.select(Command::as_select()).load(connection).await
}

/// Deletes commands that ended so many days ago.
pub(crate) async fn forget(connection: &mut AsyncPgConnection, days: i64, most: i64) -> QueryResult<usize> {
    Forget::new(days, most).execute(connection).await
}
