//! `relay status`: the events that wait and the replicas that drain them, from the database alone.

pub(crate) mod broker;
mod table;

use std::collections::HashMap;
use std::io::Write;

use chrono::{DateTime, Utc};
use comptoir_core::outbox::operations;
use comptoir_core::outbox::overview::{self, ReplicaState, ShardState, Totals};
use comptoir_core::platform::database;
use comptoir_core::platform::table::terminal_width;
use serde::Serialize;
use uuid::Uuid;

use self::broker::Broker;
use self::table::tables;
use crate::config::Config;
use crate::error::{DatabaseFault, RelayError};

#[derive(Debug, Serialize)]
struct Status {
    pending: i64,
    oldest_pending_seconds: Option<f64>,
    retrying: i64,
    /// Dead letters that hold back their aggregates.
    held: i64,
    dead_letters: i64,
    /// Whether the broker blocks a replica.
    blocked: bool,
    broker: Broker,
    shards: Vec<Shard>,
    replicas: Vec<Replica>,
}

#[derive(Debug, Serialize)]
struct Shard {
    shard: i16,
    owner: Option<Uuid>,
    epoch: i64,
    expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
struct Replica {
    id: Uuid,
    name: String,
    started_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    blocked: bool,
    shards: usize,
    version: Option<String>,
    lease_ttl_ms: Option<i64>,
    /// `None` if the replica never heard the broker.
    broker_heard_at: Option<DateTime<Utc>>,
    /// `None` while the replica reaches the broker.
    broker_away_since: Option<DateTime<Utc>>,
}

/// Prints the state of the outbox, for people or as JSON.
///
/// # Errors
/// Fails if the database cannot be reached, or is not migrated.
pub(crate) async fn show(config: &Config, json: bool) -> Result<(), RelayError> {
    let (status, now) = read(config).await?;
    let text = if json {
        serde_json::to_string_pretty(&status).map_err(|error| RelayError::Startup(error.to_string()))?
    } else {
        tables(&status, now, config.relay.lease_ttl_ms, terminal_width())
    };
    // A reader that has gone away, such as `head`, is not an error.
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(())
}

/// Returns the status, and the time of the database's clock, by which all times in it are.
async fn read(config: &Config) -> Result<(Status, DateTime<Utc>), DatabaseFault> {
    let mut connection = database::connect(&config.database).await?;
    let totals = overview::totals(&mut connection).await?;
    let shards = overview::shards(&mut connection).await?;
    let replicas = overview::replicas(&mut connection).await?;
    let now = operations::clock(&mut connection).await?;
    Ok((assemble(totals, shards, replicas, now, config.relay.lease_ttl_ms), now))
}

fn assemble(
    totals: Totals,
    shards: Vec<ShardState>,
    replicas: Vec<ReplicaState>,
    now: DateTime<Utc>,
    lease_ttl_ms: u64,
) -> Status {
    let live: Vec<&ReplicaState> =
        replicas.iter().filter(|replica| broker::is_live(replica, now, lease_ttl_ms)).collect();
    let mut held: HashMap<Uuid, usize> = HashMap::new();
    for owner in shards.iter().filter_map(|shard| shard.owner) {
        *held.entry(owner).or_default() += 1;
    }
    Status {
        pending: totals.pending,
        oldest_pending_seconds: totals.oldest_pending_seconds,
        retrying: totals.retrying,
        held: totals.held,
        dead_letters: totals.dead_letters,
        blocked: replicas.iter().any(|replica| replica.blocked),
        broker: broker::of(&live, now),
        replicas: replicas
            .into_iter()
            .map(|replica| Replica {
                shards: held.get(&replica.id).copied().unwrap_or(0),
                broker_away_since: broker::away_since(&replica, now),
                broker_heard_at: replica.broker_heard_at,
                id: replica.id,
                name: replica.name,
                started_at: replica.started_at,
                last_seen_at: replica.last_seen_at,
                blocked: replica.blocked,
                version: replica.version,
                lease_ttl_ms: replica.lease_ttl_ms,
            })
            .collect(),
        shards: shards
            .into_iter()
            .map(|shard| Shard {
                shard: shard.shard,
                owner: shard.owner,
                epoch: shard.epoch,
                expires_at: shard.expires_at,
            })
            .collect(),
    }
}
