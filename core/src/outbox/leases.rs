//! The leases on shards: which replica may publish from which shard. The database's clock decides; no machine's clock is
//! compared with another's.

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// The channel on which relays tell each other that shards are free.
pub const LEASES_CHANNEL: &str = "comptoir_relay_leases";

/// A shard and the epoch under which it is held.
pub type ShardEpoch = (i16, i64);

crate::statement! {
    /// Records this replica and counts the able ones. With a `handover_after_ms` of 10 000, a replica is able if it heard the
    /// broker at most 10 s before the replica that heard it last. So if no replica hears the broker any more, the able ones
    /// stay able, and no shard changes hands. Before a replica has reached the broker, the time of its start counts.
    ///
    /// A broker that blocks answers nobody who publishes. So a replica that is blocked is compared only with those that publish:
    /// where one does, the broker blocks no more, and has told so whom it reaches.
    struct Beat<'a> {
        id: Uuid => SqlUuid,
        name: &'a str => Text,
        blocked: bool => Bool,
        publishes: bool => Bool,
        version: &'a str => Text,
        lease_ttl_ms: i64 => BigInt,
        broker_silence_ms: Option<i64> => Nullable<BigInt>,
        handover_after_ms: i64 => BigInt,
    } -> (BigInt, BigInt, Bool)
    = "WITH me AS (
        INSERT INTO relay_replicas (id, name, blocked, publishes, version, lease_ttl_ms, broker_heard_at)
        VALUES ($1, $2, $3, $4, $5, $6, now() - $7 * interval '1 millisecond')
        ON CONFLICT (id) DO UPDATE
        SET last_seen_at = now(), blocked = excluded.blocked, publishes = excluded.publishes,
            broker_heard_at = excluded.broker_heard_at
        RETURNING id, lease_ttl_ms, started_at, broker_heard_at, blocked, publishes
    ), lifetime AS (SELECT lease_ttl_ms * interval '1 millisecond' AS lifetime FROM me),
    gone AS (
        DELETE FROM relay_replicas
        WHERE abs(extract(epoch FROM last_seen_at - now())) > 20 * (SELECT extract(epoch FROM lifetime) FROM lifetime)
    ), live AS (
        SELECT id, started_at, broker_heard_at, blocked, publishes FROM me
        UNION ALL
        SELECT id, started_at, broker_heard_at, blocked, publishes FROM relay_replicas
        WHERE last_seen_at BETWEEN now() - (SELECT lifetime FROM lifetime) AND now() + (SELECT lifetime FROM lifetime)
            AND id <> (SELECT id FROM me)
    ), able AS (
        SELECT id FROM live
        WHERE coalesce(broker_heard_at, started_at) >= coalesce(
            (SELECT max(others.broker_heard_at) FROM live AS others WHERE others.publishes OR NOT live.blocked)
                - $8 * interval '1 millisecond', '-infinity')
    )
    SELECT count(*), count(*) FILTER (WHERE id < (SELECT id FROM me)), bool_or(id = (SELECT id FROM me)) FROM able"
}

crate::statement! {
    /// An expired lease is not renewed, even if no replica has taken the shard yet: its holder has stopped using it.
    struct Renew<'a> {
        ttl_ms: i64 => BigInt,
        owner: Uuid => SqlUuid,
    } -> (SmallInt, BigInt)
    = "UPDATE relay_shards SET expires_at = now() + $1 * interval '1 millisecond'
    WHERE owner = $2 AND expires_at > now()
    RETURNING shard, epoch"
}

crate::statement! {
    /// A lease that ends later than any replica could have asked for was taken before the database's clock was set back. It
    /// is not taken but cut short. A holder that lives renews it by the new time; a holder that cannot renew it has stopped
    /// long before the cut lease ends.
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
    /// Fenced by the owner alone: one process uses this id, once, and its claims, renewals and releases follow one another in
    /// one task. A fence by epoch would leave behind the shards of a claim whose answer was lost.
    struct Release<'a> { owner: Uuid => SqlUuid, shards: &'a [i16] => Array<SmallInt>, channel: &'a str => Text }
    = "WITH released AS (
        UPDATE relay_shards SET owner = NULL, expires_at = NULL
        WHERE owner = $1 AND shard = ANY ($2)
        RETURNING shard
    )
    SELECT pg_notify($3, '') FROM (SELECT count(*) AS shards FROM released) AS r WHERE r.shards > 0"
}

/// A replica and its settings, which are stored so that an operator can see whether the replicas agree.
#[derive(Debug, Clone, Copy)]
pub struct Replica<'a> {
    pub id: Uuid,
    pub name: &'a str,
    pub version: &'a str,
    pub lease_ttl_ms: i64,
    /// A replica that heard the broker this much longer ago than another one gives up its shards.
    pub handover_after_ms: i64,
}

/// The state of a replica's connection to the broker.
#[derive(Debug, Clone, Copy)]
pub struct BrokerState {
    /// Whether the broker asked the replica to pause.
    pub blocked: bool,
    /// Whether the broker has been taking the replica's messages, for so long that it would have told others of the end of a block.
    pub publishes: bool,
    /// How long ago the replica last heard the broker; `None` if it never did.
    pub silence_ms: Option<i64>,
}

/// The replicas among which the shards are shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    /// Live replicas that can publish; all live replicas while none has reached the broker yet. At least one.
    pub able: i64,
    /// How many of these come before this replica by their ids.
    pub before: i64,
    /// Whether this replica is one of them.
    pub includes_me: bool,
}

/// Records that this replica lives and when it last heard the broker; returns the replicas that share the shards.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn beat(
    connection: &mut AsyncPgConnection,
    replica: Replica<'_>,
    broker: BrokerState,
) -> QueryResult<Census> {
    let Replica { id, name, version, lease_ttl_ms, handover_after_ms } = replica;
    let BrokerState { blocked, publishes, silence_ms } = broker;
    let beat = Beat::new(id, name, blocked, publishes, version, lease_ttl_ms, silence_ms, handover_after_ms);
    let (able, before, includes_me) = beat.get_result(connection).await?;
    Ok(Census { able, before, includes_me })
}

/// Renews every lease that has not expired and returns the shards that are held.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement. Then it is unknown which shards are held.
pub async fn renew(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    ttl_ms: i64,
) -> QueryResult<Vec<ShardEpoch>> {
    Renew::new(ttl_ms, owner).load(connection).await
}

/// Takes up to `limit` free shards. Replicas that do so at the same time never take the same shard.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn claim(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    ttl_ms: i64,
    limit: i64,
) -> QueryResult<Vec<ShardEpoch>> {
    Claim::new(ttl_ms, limit, owner).load(connection).await
}

/// Releases shards and notifies the other relays.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement. The leases then expire by themselves.
pub async fn release(connection: &mut AsyncPgConnection, owner: Uuid, shards: &[i16]) -> QueryResult<()> {
    Release::new(owner, shards, LEASES_CHANNEL).execute(connection).await.map(drop)
}

/// Removes the replica from the list.
///
/// # Errors
/// Fails if the database does not answer or refuses the statement.
pub async fn leave(connection: &mut AsyncPgConnection, id: Uuid) -> QueryResult<()> {
    use crate::platform::schema::relay_replicas;
    use diesel::prelude::*;
    let me = relay_replicas::table.find(id);
    diesel_async::RunQueryDsl::execute(diesel::delete(me), connection).await.map(drop)
}
