//! `relay status`: what waits and who works on it, from the database alone.

use std::collections::HashMap;
use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Cell, CellAlignment, Table};
use comptoir_core::database;
use comptoir_core::outbox::overview::{self, ReplicaState, ShardState, Totals};
use serde::Serialize;
use uuid::Uuid;

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
    /// Some replica is blocked by the broker.
    blocked: bool,
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
}

/// Prints the state of the outbox, for people or as JSON.
///
/// # Errors
/// The database cannot be reached, or is not migrated.
pub(crate) async fn show(config: &Config, json: bool) -> Result<(), RelayError> {
    let status = read(config).await?;
    let text = if json {
        serde_json::to_string_pretty(&status).map_err(|error| RelayError::Startup(error.to_string()))?
    } else {
        table(&status)
    };
    // A reader that has gone away, such as `head`, is not an error.
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(())
}

async fn read(config: &Config) -> Result<Status, DatabaseFault> {
    let mut connection = database::connect(&config.database).await?;
    let totals = overview::totals(&mut connection).await?;
    let shards = overview::shards(&mut connection).await?;
    let replicas = overview::replicas(&mut connection).await?;
    Ok(assemble(totals, shards, replicas))
}

fn assemble(totals: Totals, shards: Vec<ShardState>, replicas: Vec<ReplicaState>) -> Status {
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
        replicas: replicas
            .into_iter()
            .map(|replica| Replica {
                shards: held.get(&replica.id).copied().unwrap_or(0),
                id: replica.id,
                name: replica.name,
                started_at: replica.started_at,
                last_seen_at: replica.last_seen_at,
                blocked: replica.blocked,
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

fn table(status: &Status) -> String {
    let mut outbox = Table::new();
    outbox.load_style(UTF8_HORIZONTAL_ONLY).set_header(["outbox", ""]);
    let oldest = status.oldest_pending_seconds.map_or_else(|| "–".to_owned(), |age| format!("{age:.1} s"));
    for (what, value) in [
        ("pending", status.pending.to_string()),
        ("oldest pending", oldest),
        ("retrying", status.retrying.to_string()),
        ("held by a dead letter", status.held.to_string()),
        ("dead letters", status.dead_letters.to_string()),
        ("blocked by the broker", if status.blocked { "yes" } else { "no" }.to_owned()),
    ] {
        outbox.add_row([Cell::new(what), Cell::new(value).set_alignment(CellAlignment::Right)]);
    }
    let mut replicas = Table::new();
    replicas.load_style(UTF8_HORIZONTAL_ONLY).set_header([
        "replica",
        "shards",
        "started",
        "last seen",
        "holds",
    ]);
    let nobody = status.shards.iter().filter(|shard| shard.owner.is_none()).map(|shard| shard.shard);
    for replica in &status.replicas {
        let owned =
            status.shards.iter().filter(|shard| shard.owner == Some(replica.id)).map(|shard| shard.shard);
        let name = if replica.blocked { format!("{} (blocked)", replica.name) } else { replica.name.clone() };
        replicas.add_row([
            name,
            replica.shards.to_string(),
            seconds(replica.started_at),
            seconds(replica.last_seen_at),
            ranges(owned),
        ]);
    }
    let unowned = ranges(nobody);
    if !unowned.is_empty() {
        replicas.add_row(["nobody", "", "", "", unowned.as_str()]);
    }
    format!("{outbox}\n{replicas}")
}

fn seconds(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `0-3, 7, 9-10` of ascending numbers.
fn ranges(numbers: impl Iterator<Item = i16>) -> String {
    let mut ranges: Vec<(i16, i16)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let text =
        |(first, last): (i16, i16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    ranges.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_shards_are_shown_as_ranges() {
        assert_eq!(ranges([0, 1, 2, 5, 7, 8].into_iter()), "0-2, 5, 7-8");
        assert_eq!(ranges([].into_iter()), "");
    }
}
