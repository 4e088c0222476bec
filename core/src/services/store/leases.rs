//! Which process runs a service that runs in one of all. The database's clock decides; no machine's clock is compared with
//! another's.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryResult};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::super::run::Fence;
use super::{CHANNEL, LEASE_FREE};

crate::statement! {
    /// Renews the leases that this process holds, and takes those that are free. One that ends later than anybody could have asked
    /// for was taken before the database's clock was set back: it counts as free once as much time has passed. Whoever holds a lease for
    /// a transaction (`Check`) keeps others from taking it, and not its owner from renewing it.
    struct Hold<'a> { owner: Uuid => SqlUuid, ttl_ms: i64 => BigInt, services: &'a [&'a str] => Array<Text> }
        -> (Text, BigInt, Nullable<Timestamptz>, Nullable<Timestamptz>, Timestamptz)
    = "WITH me AS MATERIALIZED (SELECT $1 AS id, $2 * interval '1 millisecond' AS ttl, $3 AS services),
    mine AS MATERIALIZED (
        SELECT service FROM service_leases, me WHERE service = ANY (me.services) AND owner = me.id AND expires_at > now()
        ORDER BY service FOR NO KEY UPDATE OF service_leases SKIP LOCKED
    ),
    free AS MATERIALIZED (
        SELECT service FROM service_leases, me
        WHERE service = ANY (me.services)
            AND (owner IS NULL OR expires_at <= now() OR owner <> me.id AND expires_at > now() + 10 * me.ttl)
        ORDER BY service FOR UPDATE OF service_leases SKIP LOCKED
    ),
    wanted AS MATERIALIZED (SELECT service FROM mine UNION ALL SELECT service FROM free)
    UPDATE service_leases AS l
    SET owner = me.id, expires_at = now() + me.ttl,
        epoch = l.epoch + CASE WHEN l.owner = me.id AND l.expires_at > now() THEN 0 ELSE 1 END
    FROM me, wanted WHERE l.service = wanted.service
    RETURNING l.service, l.epoch, l.last_run_at, l.next_run_at, now()"
}

crate::statement! {
    struct Know<'a> { services: &'a [&'a str] => Array<Text> }
    = "INSERT INTO service_leases (service) SELECT unnest($1) ON CONFLICT DO NOTHING"
}

crate::statement! {
    struct Release<'a> { owner: Uuid => SqlUuid, channel: &'a str => Text, word: &'a str => Text }
    = "WITH released AS (
        UPDATE service_leases SET owner = NULL, expires_at = NULL WHERE owner = $1 RETURNING service
    )
    SELECT pg_notify($2, $3) FROM (SELECT count(*) AS services FROM released) AS r WHERE r.services > 0"
}

crate::statement! {
    /// Notes when the service runs next, and whether it ran now; nothing once the lease is lost.
    struct Note<'a> {
        ran: bool => Bool,
        wait_ms: Option<i64> => Nullable<BigInt>,
        service: &'a str => Text,
        owner: Uuid => SqlUuid,
        epoch: i64 => BigInt,
    }
    = "UPDATE service_leases SET last_run_at = CASE WHEN $1 THEN now() ELSE last_run_at END,
        next_run_at = now() + $2 * interval '1 millisecond'
    WHERE service = $3 AND owner = $4 AND epoch = $5"
}

crate::statement! {
    struct Check<'a> { service: &'a str => Text, owner: Uuid => SqlUuid, epoch: i64 => BigInt } -> (Bool,)
    = "SELECT true FROM service_leases
    WHERE service = $1 AND owner = $2 AND epoch = $3 AND expires_at > now() FOR KEY SHARE"
}

/// A lease that this process holds.
#[derive(Debug, Clone, diesel::Queryable)]
pub(crate) struct Held {
    pub(crate) service: String,
    pub(crate) epoch: i64,
    pub(crate) last_run_at: Option<DateTime<Utc>>,
    pub(crate) next_run_at: Option<DateTime<Utc>>,
    /// The database's time.
    pub(crate) now: DateTime<Utc>,
}

/// Makes the rows of services that have none yet.
pub(crate) async fn know(connection: &mut AsyncPgConnection, services: &[&str]) -> QueryResult<()> {
    Know::new(services).execute(connection).await.map(drop)
}

/// Returns the leases that this process holds after the statement; one that somebody else looks at just now may be missing.
pub(crate) async fn renew_and_claim(
    connection: &mut AsyncPgConnection,
    services: &[&str],
    owner: Uuid,
    ttl_ms: i64,
) -> QueryResult<Vec<Held>> {
    Hold::new(owner, ttl_ms, services).load(connection).await
}

pub(crate) async fn release(connection: &mut AsyncPgConnection, owner: Uuid) -> QueryResult<()> {
    Release::new(owner, CHANNEL, LEASE_FREE).execute(connection).await.map(drop)
}

/// Writes down when the service runs next, unless the lease is lost.
pub(crate) async fn note(
    connection: &mut AsyncPgConnection,
    fence: Fence,
    wait_ms: Option<i64>,
    ran: bool,
) -> QueryResult<()> {
    Note::new(ran, wait_ms, fence.service, fence.owner, fence.epoch).execute(connection).await.map(drop)
}

/// Keeps the lease for the rest of the transaction: whoever wants to take it waits. Returns false if it is lost, and then nothing may
/// be written. Every write of a service that runs in one of all begins with this, in the same transaction.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn hold(connection: &mut AsyncPgConnection, fence: Fence) -> QueryResult<bool> {
    let held: Option<(bool,)> =
        Check::new(fence.service, fence.owner, fence.epoch).get_result(connection).await.optional()?;
    Ok(held.is_some())
}
