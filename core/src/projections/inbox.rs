//! The inbox in the database: what arrived, what waits, and what became of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::CONSUMER;
use super::message::Arrived;
use super::plan::Message;

/// The state of a message in the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ProjectionEventState)]
pub enum MessageState {
    /// Its turn comes, or comes again.
    Waiting,
    Applied,
    /// It failed too often. It holds the later ones of its aggregate until somebody decides.
    Dead,
    /// Somebody decided that it is not applied.
    Discarded,
}

impl MessageState {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Applied, Self::Dead, Self::Discarded];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Applied => "applied",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
        }
    }
}

crate::statement! {
    struct Insert<'a> {
        consumer: &'a str => Text, tenants: &'a [Uuid] => Array<SqlUuid>, ids: &'a [Uuid] => Array<SqlUuid>,
        message_ids: &'a [&'a str] => Array<Text>, aggregate_types: &'a [&'a str] => Array<Text>,
        aggregate_ids: &'a [&'a str] => Array<Text>, versions: &'a [Option<i64>] => Array<Nullable<BigInt>>,
        event_types: &'a [&'a str] => Array<Text>, schema_versions: &'a [Option<i64>] => Array<Nullable<BigInt>>,
        payloads: &'a [&'a [u8]] => Array<Binary>, correlations: &'a [Option<&'a str>] => Array<Nullable<Text>>,
        causations: &'a [Option<&'a str>] => Array<Nullable<Text>>, times: &'a [Option<DateTime<Utc>>] => Array<Nullable<Timestamptz>>,
    }
    = "INSERT INTO projection_inbox (consumer, tenant_id, id, message_id, aggregate_type, aggregate_id, aggregate_version, event_type,
            schema_version, payload, correlation_id, causation_id, occurred_at)
        SELECT $1, arrived.* FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS arrived ON CONFLICT DO NOTHING"
}

/// Writes messages down, each once. Returns how many were new.
pub(super) async fn insert(connection: &mut AsyncPgConnection, arrived: &[Arrived]) -> QueryResult<usize> {
    let texts = |of: fn(&Arrived) -> &str| arrived.iter().map(of).collect::<Vec<_>>();
    let optional = |of: fn(&Arrived) -> Option<&str>| arrived.iter().map(of).collect::<Vec<_>>();
    let tenants: Vec<_> = arrived.iter().map(|one| one.tenant_id).collect();
    let ids: Vec<_> = arrived.iter().map(|one| one.id).collect();
    let versions: Vec<_> = arrived.iter().map(|one| one.aggregate_version).collect();
    let schema_versions: Vec<_> = arrived.iter().map(|one| one.schema_version).collect();
    let payloads: Vec<_> = arrived.iter().map(|one| one.payload.as_slice()).collect();
    let times: Vec<_> = arrived.iter().map(|one| one.occurred_at).collect();
    Insert::new(
        CONSUMER,
        &tenants,
        &ids,
        &texts(|one| &one.message_id),
        &texts(|one| &one.aggregate_type),
        &texts(|one| &one.aggregate_id),
        &versions,
        &texts(|one| &one.event_type),
        &schema_versions,
        &payloads,
        &optional(|one| one.correlation_id.as_deref()),
        &optional(|one| one.causation_id.as_deref()),
        &times,
    )
    .execute(connection)
    .await
}

/// Whether it is the turn of the message `m`: it waits no longer, and no message of its aggregate holds it. Here and below,
/// `OFFSET 0` leaves the planner no choice: it asks an index for each message, whatever it believes of their number.
macro_rules! is_due {
    () => {
        "m.state = 'waiting' AND m.next_attempt_at <= now() AND NOT EXISTS (SELECT FROM projection_inbox AS e
            WHERE e.tenant_id = m.tenant_id AND e.aggregate_id = m.aggregate_id AND e.aggregate_type = m.aggregate_type
                AND e.state IN ('waiting', 'dead') AND (e.state = 'dead' OR e.next_attempt_at > now())
                AND (COALESCE(e.aggregate_version, 0), e.number) < (COALESCE(m.aggregate_version, 0), m.number) OFFSET 0)"
    };
}

crate::statement! {
    struct NextTenant<'a> { consumer: &'a str => Text, from: Uuid => SqlUuid } -> (SqlUuid,)
    = concat!("SELECT m.tenant_id FROM projection_inbox AS m WHERE m.consumer = $1 AND m.tenant_id >= $2 AND ", is_due!(), "
        ORDER BY m.tenant_id LIMIT 1")
}

/// Returns the first tenant, from this one on, for which there is something to do.
pub(super) async fn next_tenant(connection: &mut AsyncPgConnection, from: Uuid) -> QueryResult<Option<Uuid>> {
    let found: Option<(Uuid,)> = NextTenant::new(CONSUMER, from).get_result(connection).await.optional()?;
    Ok(found.map(|(tenant,)| tenant))
}

/// A message whose turn it is, and what is needed to say how it went.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub(super) message: Message,
    pub(super) attempts: i32,
    /// Whether it is known already that a version before it is missing.
    pub(super) known_missing: bool,
    pub(super) correlation_id: Option<String>,
    pub(super) occurred_at: Option<DateTime<Utc>>,
}

type DueRow = (
    Uuid,
    String,
    Option<i64>,
    String,
    Option<i64>,
    Vec<u8>,
    Option<String>,
    bool,
    i32,
    Option<i64>,
    Option<String>,
    Option<DateTime<Utc>>,
);

fn due(
    (id, aggregate_id, version, event, schema, payload, causation, skip, attempts, missing, correlation, at): DueRow,
) -> Due {
    Due {
        message: Message {
            id,
            aggregate_id,
            aggregate_version: version,
            event_type: event,
            schema_version: schema,
            payload,
            causation_id: causation,
            skip,
        },
        attempts,
        known_missing: missing.is_some(),
        correlation_id: correlation,
        occurred_at: at,
    }
}

/// The messages of a tenant whose turn it is. Whoever applies holds up all tenants, and so waits for none of its rows: if somebody
/// else has one, such as a decision about it, there is an error. To skip the row would break the order of its aggregate.
macro_rules! claim {
    ($name:ident, $order:literal) => {
        crate::statement! {
            struct $name<'a> { consumer: &'a str => Text, tenant: Uuid => SqlUuid, most: i64 => BigInt } -> (
                SqlUuid, Text, Nullable<BigInt>, Text, Nullable<BigInt>, Binary, Nullable<Text>, Bool, Integer, Nullable<BigInt>,
                Nullable<Text>, Nullable<Timestamptz>,
            )
            = concat!(
                "SELECT m.id, m.aggregate_id, m.aggregate_version, m.event_type, m.schema_version, m.payload, m.causation_id, m.skip,
                    m.attempts, m.missing_version, m.correlation_id, m.occurred_at
                FROM projection_inbox AS m
                WHERE m.consumer = $1 AND m.tenant_id = $2 AND ", is_due!(), "
                ORDER BY ", $order, " LIMIT $3 FOR UPDATE OF m NOWAIT"
            )
        }
    };
}
claim!(Claim, "m.number");
claim!(ClaimLowest, "COALESCE(m.aggregate_version, 0), m.number");

/// Which of the messages whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Arrived,
    /// Whatever has to come before a message comes before it here, too. Every message that waits is looked at.
    Lowest,
}

/// Takes the messages of a tenant whose turn it is, in the order in which they are to be applied. None of them is behind one of its
/// aggregate that failed.
///
/// # Errors
/// Fails with `lock_not_available` if somebody else has locked one of them.
pub(super) async fn claim(
    connection: &mut AsyncPgConnection,
    tenant: Uuid,
    first: First,
    most: i64,
) -> QueryResult<Vec<Due>> {
    let rows: Vec<DueRow> = match first {
        First::Arrived => Claim::new(CONSUMER, tenant, most).load(connection).await?,
        First::Lowest => ClaimLowest::new(CONSUMER, tenant, most).load(connection).await?,
    };
    let mut claimed: Vec<Due> = rows.into_iter().map(due).collect();
    // A version that was published again, such as a dead letter of the relay, may have arrived behind later ones. Stable: what has
    // no version keeps the order of arrival.
    claimed.sort_by_key(|due| due.message.aggregate_version.unwrap_or(0));
    Ok(claimed)
}

crate::statement! {
    struct FollowedRows<'a> { consumer: &'a str => Text, after: i64 => BigInt, most: i64 => BigInt } -> (
        BigInt, SqlUuid, SqlUuid, Text, Nullable<BigInt>, Text, Nullable<BigInt>, Binary, Nullable<Text>, Bool,
    )
    = "SELECT m.applied, m.tenant_id, m.id, m.aggregate_id, m.aggregate_version, m.event_type, m.schema_version, m.payload, m.causation_id,
            m.state = 'discarded'
        FROM projection_inbox AS m WHERE m.consumer = $1 AND m.applied > $2 ORDER BY m.applied LIMIT $3"
}

/// A message that was applied to the live generation: its place in the order of application, and its tenant.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) applied: i64,
    pub(super) tenant: Uuid,
    pub(super) message: Message,
}

/// Reads what was applied behind a place in the order of application.
pub(super) async fn applied_after(
    connection: &mut AsyncPgConnection,
    after: i64,
    most: i64,
) -> QueryResult<Vec<Followed>> {
    type Row = (i64, Uuid, Uuid, String, Option<i64>, String, Option<i64>, Vec<u8>, Option<String>, bool);
    let rows: Vec<Row> = FollowedRows::new(CONSUMER, after, most).load(connection).await?;
    let followed =
        |(applied, tenant, id, aggregate_id, version, event, schema, payload, causation, skip): Row| {
            Followed {
                applied,
                tenant,
                message: Message {
                    id,
                    aggregate_id,
                    aggregate_version: version,
                    event_type: event,
                    schema_version: schema,
                    payload,
                    causation_id: causation,
                    skip,
                },
            }
        };
    Ok(rows.into_iter().map(followed).collect())
}

crate::statement! {
    struct Settle<'a> {
        ids: &'a [Uuid] => Array<SqlUuid>, states: &'a [&'a str] => Array<Text>, places: &'a [i64] => Array<BigInt>, tenant: Uuid => SqlUuid,
    }
    = "UPDATE projection_inbox AS m SET state = done.state, applied = done.place, applied_at = now(), last_error = NULL, missing_version = NULL
        FROM unnest($1, $2, $3) AS done (id, state, place) WHERE m.tenant_id = $4 AND m.id = done.id"
}

/// Messages that were applied or discarded, each with its place in the order of application.
pub(super) async fn settle(
    connection: &mut AsyncPgConnection,
    tenant: Uuid,
    done: &[(Uuid, MessageState, i64)],
) -> QueryResult<()> {
    if done.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = done.iter().map(|(id, ..)| *id).collect();
    let states: Vec<_> = done.iter().map(|(_, state, _)| state.name()).collect();
    let places: Vec<_> = done.iter().map(|(.., place)| *place).collect();
    Settle::new(&ids, &states, &places, tenant).execute(connection).await?;
    Ok(())
}

/// A failed attempt.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) id: Uuid,
    pub(super) error: String,
    /// `None` if it was the last one.
    pub(super) wait: Option<Duration>,
}

crate::statement! {
    struct Fail<'a> {
        ids: &'a [Uuid] => Array<SqlUuid>, states: &'a [&'a str] => Array<Text>, errors: &'a [&'a str] => Array<Text>,
        waits: &'a [f64] => Array<Double>, tenant: Uuid => SqlUuid,
    }
    = "UPDATE projection_inbox AS m SET state = failed.state, attempts = m.attempts + 1, last_error = failed.error, missing_version = NULL,
            next_attempt_at = now() + make_interval(secs => failed.wait)
        FROM unnest($1, $2, $3, $4) AS failed (id, state, error, wait) WHERE m.tenant_id = $5 AND m.id = failed.id"
}

pub(super) async fn fail(
    connection: &mut AsyncPgConnection,
    tenant: Uuid,
    failed: &[Failed],
) -> QueryResult<()> {
    if failed.is_empty() {
        return Ok(());
    }
    let state =
        |failed: &Failed| if failed.wait.is_some() { MessageState::Waiting } else { MessageState::Dead };
    let ids: Vec<_> = failed.iter().map(|failed| failed.id).collect();
    let states: Vec<_> = failed.iter().map(|failed| state(failed).name()).collect();
    let errors: Vec<_> = failed.iter().map(|failed| failed.error.as_str()).collect();
    let waits: Vec<_> = failed.iter().map(|failed| failed.wait.unwrap_or_default().as_secs_f64()).collect();
    Fail::new(&ids, &states, &errors, &waits, tenant).execute(connection).await?;
    Ok(())
}

crate::statement! {
    struct Wake<'a> { tenant: Uuid => SqlUuid, aggregates: &'a [&'a str] => Array<Text> }
    = "UPDATE projection_inbox SET next_attempt_at = now(), missing_version = NULL, last_error = NULL
        WHERE tenant_id = $1 AND aggregate_id = ANY ($2) AND state = 'waiting' AND missing_version IS NOT NULL"
}

/// Tries again at once what waited for a version of these aggregates, one of which was applied.
pub(super) async fn wake(
    connection: &mut AsyncPgConnection,
    tenant: Uuid,
    aggregates: &[&str],
) -> QueryResult<()> {
    if !aggregates.is_empty() {
        Wake::new(tenant, aggregates).execute(connection).await?;
    }
    Ok(())
}

crate::statement! {
    struct MarkMissing<'a> {
        wait: f64 => Double, ids: &'a [Uuid] => Array<SqlUuid>, versions: &'a [i64] => Array<BigInt>, tenant: Uuid => SqlUuid,
    }
    = "UPDATE projection_inbox AS m SET missing_version = hole.version, next_attempt_at = now() + make_interval(secs => $1),
            last_error = 'version ' || hole.version || ' of this ' || m.aggregate_type || ' has not arrived'
        FROM unnest($2, $3) AS hole (id, version)
        WHERE m.tenant_id = $4 AND m.id = hole.id AND NOT EXISTS (SELECT FROM projection_inbox AS e
            WHERE e.tenant_id = m.tenant_id AND e.aggregate_id = m.aggregate_id AND e.aggregate_type = m.aggregate_type
                AND e.state IN ('waiting', 'dead') AND e.aggregate_version < m.aggregate_version OFFSET 0)"
}

/// Notes which version is missing before a message, unless one before it is in the inbox and only comes later.
pub(super) async fn mark_missing(
    connection: &mut AsyncPgConnection,
    tenant: Uuid,
    missing: &[(Uuid, i64)],
    wait: Duration,
) -> QueryResult<usize> {
    if missing.is_empty() {
        return Ok(0);
    }
    let (ids, versions): (Vec<Uuid>, Vec<i64>) = missing.iter().copied().unzip();
    MarkMissing::new(wait.as_secs_f64(), &ids, &versions, tenant).execute(connection).await
}

crate::statement! {
    /// Skips the row if somebody else has it: they apply. In the rest of the transaction no statement waits for a lock.
    struct LockState<'a> { consumer: &'a str => Text } -> (Integer, BigInt, Text)
    = "SELECT generation, applied, set_config('lock_timeout', '100ms', true) FROM projection_state
        WHERE consumer = $1 AND built_at IS NOT NULL FOR UPDATE SKIP LOCKED"
}

/// Takes the right to apply, until the transaction ends. Returns the live generation and the last place in the order of application;
/// `None` if somebody else applies, or if nothing was ever built. Until then a statement that has to wait for a lock, for longer than
/// a moment, fails with `lock_not_available`: all tenants would wait with it.
pub(super) async fn lock_state(connection: &mut AsyncPgConnection) -> QueryResult<Option<(i32, i64)>> {
    let state: Option<(i32, i64, String)> =
        LockState::new(CONSUMER).get_result(connection).await.optional()?;
    Ok(state.map(|(generation, applied, _)| (generation, applied)))
}

crate::statement! {
    struct SetApplied<'a> { applied: i64 => BigInt, consumer: &'a str => Text }
    = "UPDATE projection_state SET applied = $1 WHERE consumer = $2"
}

pub(super) async fn set_applied(connection: &mut AsyncPgConnection, applied: i64) -> QueryResult<()> {
    SetApplied::new(applied, CONSUMER).execute(connection).await?;
    Ok(())
}

/// How the inbox stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Queryable)]
pub struct Standing {
    /// The generation that readers see.
    pub generation: i32,
    /// When it was built; before it ever was, nothing is applied.
    pub built_at: Option<DateTime<Utc>>,
    /// Why it is to be built anew.
    pub rebuild_wanted: Option<String>,
    /// Messages that wait for their turn, those included that failed and are tried again.
    pub waiting: i64,
    /// Of these, those before which a version of their aggregate has not arrived.
    pub behind_a_hole: i64,
    pub dead: i64,
    /// How long the oldest of those that wait has been there.
    pub oldest_waiting_seconds: f64,
}

crate::statement! {
    struct Stand<'a> { consumer: &'a str => Text } -> (
        Integer, Nullable<Timestamptz>, Nullable<Text>, BigInt, BigInt, BigInt, Double,
    )
    = "SELECT s.generation, s.built_at, s.wanted, open.waiting, open.holes, open.dead, open.oldest
        FROM projection_state AS s CROSS JOIN (
            SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting, count(missing_version) AS holes,
                count(*) FILTER (WHERE state = 'dead') AS dead,
                COALESCE(extract(epoch FROM now() - min(received_at) FILTER (WHERE state = 'waiting')), 0)::double precision AS oldest
            FROM projection_inbox WHERE state IN ('waiting', 'dead')) AS open
        WHERE s.consumer = $1"
}

pub(super) async fn standing(connection: &mut AsyncPgConnection) -> QueryResult<Standing> {
    Stand::new(CONSUMER).get_result(connection).await
}

crate::statement! {
    struct Want<'a> { reason: &'a str => Text, consumer: &'a str => Text }
    = "UPDATE projection_state SET wanted = $1 WHERE consumer = $2"
}

/// Notes that a rebuild is needed, and why.
pub(super) async fn want_rebuild(connection: &mut AsyncPgConnection, reason: &str) -> QueryResult<()> {
    Want::new(reason, CONSUMER).execute(connection).await?;
    Ok(())
}

crate::statement! {
    /// Found by blocks, in which rows lie in the order of their arrival.
    struct Prune<'a> { days: i32 => Integer, most: i64 => BigInt }
    = "DELETE FROM projection_inbox WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM projection_inbox
        WHERE received_at < now() - make_interval(days => GREATEST($1, 1)) AND state IN ('applied', 'discarded') LIMIT $2))"
}

/// Deletes messages that were applied or discarded, and arrived so many days ago: a day at least.
pub(super) async fn prune(connection: &mut AsyncPgConnection, days: i32, most: i64) -> QueryResult<usize> {
    Prune::new(days, most).execute(connection).await
}
