//! Who may publish from which shard. The database's clock decides; no machine's clock is compared with another's.

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// The channel on which relays tell each other that shards are free.
pub const LEASES_CHANNEL: &str = "comptoir_relay_leases";

/// A shard and the epoch under which it is held.
pub type ShardEpoch = (i16, i64);

crate::statement! {
    struct Beat<'a> {
        id: Uuid => SqlUuid,
        name: &'a str => Text,
        blocked: bool => Bool,
        version: &'a str => Text,
        lease_ttl_ms: i64 => BigInt,
    } -> (BigInt, BigInt)
    = "WITH me AS (
        INSERT INTO relay_replicas (id, name, blocked, version, lease_ttl_ms) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (id) DO UPDATE SET last_seen_at = now(), blocked = excluded.blocked
        RETURNING id, lease_ttl_ms
    ), lifetime AS (SELECT lease_ttl_ms * interval '1 millisecond' AS lifetime FROM me),
    gone AS (
        DELETE FROM relay_replicas
        WHERE abs(extract(epoch FROM last_seen_at - now())) > 20 * (SELECT extract(epoch FROM lifetime) FROM lifetime)
    )
    SELECT count(*) + 1, count(*) FILTER (WHERE id < (SELECT id FROM me)) FROM relay_replicas
    WHERE last_seen_at BETWEEN now() - (SELECT lifetime FROM lifetime) AND now() + (SELECT lifetime FROM lifetime)
        AND id <> (SELECT id FROM me)"
}

crate::statement! {
    /// An expired lease is not renewed, even if nobody has taken the shard yet: its holder has stopped using it.
    struct Renew<'a> {
        ttl_ms: i64 => BigInt,
        owner: Uuid => SqlUuid,
    } -> (SmallInt, BigInt)
    = "UPDATE relay_shards SET expires_at = now() + $1 * interval '1 millisecond'
    WHERE owner = $2 AND expires_at > now()
    RETURNING shard, epoch"
}

crate::statement! {
    /// A lease that ends later than any replica could have asked for is from before the database's clock was set back. It
    /// is not taken but cut short: its holder, if it lives, renews it by the new time, and has stopped long before the
    /// cut lease ends if it cannot.
    struct Claim<'a> {
        ttl_ms: i64 => BigInt,
        limit: i64 => BigInt,
        owner: Uuid => SqlUuid,
    } -> (SmallInt, BigInt)
    = "WITH lifetime AS MATERIALIZED (SELECT $1 * interval '1 millisecond' AS lifetime),
    cut AS (
        UPDATE relay_shards SET expires_at = now() + 3 * (SELECT lifetime FROM lifetime)
        WHERE shard IN (
            SELECT shard FROM relay_shards
            WHERE owner IS NOT NULL AND expires_at > now() + 10 * (SELECT lifetime FROM lifetime)
            FOR UPDATE SKIP LOCKED)
    ), free AS MATERIALIZED (
        SELECT shard FROM relay_shards
        WHERE owner IS NULL OR expires_at <= now()
        ORDER BY shard
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    )
    UPDATE relay_shards r
    SET owner = $3, epoch = r.epoch + 1, expires_at = now() + (SELECT lifetime FROM lifetime)
    FROM free WHERE r.shard = free.shard
    RETURNING r.shard, r.epoch"
}

crate::statement! {
    /// The owner is fence enough: its id is used by one process, once, and claims, renewals and this follow one another in
    /// one task. An epoch would leave behind what was claimed when the answer was lost.
    struct Release<'a> { owner: Uuid => SqlUuid, shards: &'a [i16] => Array<SmallInt>, channel: &'a str => Text }
    = "WITH released AS (
        UPDATE relay_shards SET owner = NULL, expires_at = NULL
        WHERE owner = $1 AND shard = ANY ($2)
        RETURNING shard
    )
    SELECT pg_notify($3, '') FROM (SELECT count(*) AS shards FROM released) AS r WHERE r.shards > 0"
}

/// Who beats, and with which settings: everybody can see whether the replicas agree.
#[derive(Debug, Clone, Copy)]
pub struct Replica<'a> {
    pub id: Uuid,
    pub name: &'a str,
    pub version: &'a str,
    pub lease_ttl_ms: i64,
}

/// Says that this replica lives; returns how many do, itself included, and how many of them come before it by their ids.
///
/// # Errors
/// The connection's own.
pub async fn beat(
    connection: &mut AsyncPgConnection,
    replica: Replica<'_>,
    blocked: bool,
) -> QueryResult<(i64, i64)> {
    let Replica { id, name, version, lease_ttl_ms } = replica;
    Beat::new(id, name, blocked, version, lease_ttl_ms).get_result(connection).await
}

/// Renews every lease that has not expired and returns what is held.
///
/// # Errors
/// The connection's own; then it is unknown what is held.
pub async fn renew(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    ttl_ms: i64,
) -> QueryResult<Vec<ShardEpoch>> {
    Renew::new(ttl_ms, owner).load(connection).await
}

/// Takes up to `limit` shards that nobody holds. Replicas that do so at the same time never take the same one.
///
/// # Errors
/// The connection's own.
pub async fn claim(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    ttl_ms: i64,
    limit: i64,
) -> QueryResult<Vec<ShardEpoch>> {
    Claim::new(ttl_ms, limit, owner).load(connection).await
}

/// Gives shards back and tells the other relays.
///
/// # Errors
/// The connection's own; the leases then expire by themselves.
pub async fn release(connection: &mut AsyncPgConnection, owner: Uuid, shards: &[i16]) -> QueryResult<()> {
    Release::new(owner, shards, LEASES_CHANNEL).execute(connection).await.map(drop)
}

/// Removes the replica from the list.
///
/// # Errors
/// The connection's own.
pub async fn leave(connection: &mut AsyncPgConnection, id: Uuid) -> QueryResult<()> {
    use crate::schema::relay_replicas;
    use diesel::prelude::*;
    let me = relay_replicas::table.find(id);
    diesel_async::RunQueryDsl::execute(diesel::delete(me), connection).await.map(drop)
}
