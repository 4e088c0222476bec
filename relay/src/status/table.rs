//! The state of the outbox as tables for people.

use chrono::{DateTime, TimeDelta, Utc};
use comptoir_core::platform::table::{self, Column};

use super::broker::{Broker, State};
use super::{Replica, Shard, Status};

const OUTBOX: &[Column] = &[Column::whole("outbox"), Column::number(""), Column::text("", 12)];
const REPLICAS: &[Column] = &[
    Column::text("replica", 8),
    Column::whole("state"),
    Column::number("running for"),
    Column::whole("version"),
    Column::number("shards"),
    Column::text("which", 8),
];

/// Returns both tables, at most `limit` wide.
pub(super) fn tables(status: &Status, now: DateTime<Utc>, lease_ttl_ms: u64, limit: Option<usize>) -> String {
    let outbox = table::render(OUTBOX, &outbox_rows(status, now), limit);
    format!("{outbox}\n\n{}", table::render(REPLICAS, &replica_rows(status, now, lease_ttl_ms), limit))
}

fn outbox_rows(status: &Status, now: DateTime<Utc>) -> Vec<Vec<String>> {
    let oldest = status.oldest_pending_seconds.map_or_else(String::new, |age| {
        format!("the oldest for {}", span(TimeDelta::milliseconds((age * 1000.0) as i64)))
    });
    let look = if status.dead_letters > 0 { "relay dead-letters list" } else { "" };
    let blocked = if status.blocked { "its memory or disk alarm: no event is published" } else { "" };
    let (broker, since) = broker_cells(status, now);
    let decide =
        if status.held > 0 { "their aggregates wait until they are requeued or discarded" } else { "" };
    [
        ("pending", grouped(status.pending), oldest.as_str()),
        ("retrying", grouped(status.retrying), ""),
        ("dead letters", grouped(status.dead_letters), look),
        ("dead letters that hold", grouped(status.held), decide),
        ("broker", broker.to_owned(), since.as_str()),
        ("blocked by the broker", if status.blocked { "yes" } else { "no" }.to_owned(), blocked),
    ]
    .map(|(what, value, note)| vec![what.to_owned(), value, note.to_owned()])
    .into()
}

/// Returns whether the broker is reached, and since when it is not.
fn broker_cells(status: &Status, now: DateTime<Utc>) -> (&'static str, String) {
    let Broker { state, away_since, replicas_away } = status.broker;
    let time = away_since.map(|since| span(now - since)).unwrap_or_default();
    match state {
        State::Reached => ("reached", String::new()),
        State::Away => ("away", format!("nobody has heard it for {time}: no event is published")),
        State::Partly => ("reached", format!("but not by {replicas_away} of the replicas, for up to {time}")),
        State::Unknown => ("unknown", "no replica runs that could tell".to_owned()),
    }
}

fn replica_rows(status: &Status, now: DateTime<Utc>, lease_ttl_ms: u64) -> Vec<Vec<String>> {
    let silence_ms = |replica: &Replica| (now - replica.last_seen_at).num_milliseconds();
    let mut rows = Vec::new();
    for replica in &status.replicas {
        let ttl = replica.lease_ttl_ms.unwrap_or_else(|| i64::try_from(lease_ttl_ms).unwrap_or(i64::MAX));
        let state = if silence_ms(replica) > ttl {
            format!("silent for {}", span(TimeDelta::milliseconds(silence_ms(replica))))
        } else if let Some(since) = replica.broker_away_since {
            format!("no broker for {}", span(now - since))
        } else if replica.blocked {
            "blocked".to_owned()
        } else {
            "alive".to_owned()
        };
        let last_seen = if silence_ms(replica) > ttl { replica.last_seen_at } else { now };
        let held = |shard: &&Shard| shard.owner == Some(replica.id) && shard.is_held(now);
        let shards: Vec<i16> = status.shards.iter().filter(held).map(|shard| shard.shard).collect();
        rows.push(vec![
            replica.name.clone(),
            state,
            span(last_seen - replica.started_at),
            replica.version.clone().unwrap_or_else(|| "–".to_owned()),
            shards.len().to_string(),
            ranges(shards.into_iter()),
        ]);
    }
    let free: Vec<i16> =
        status.shards.iter().filter(|shard| !shard.is_held(now)).map(|shard| shard.shard).collect();
    if !free.is_empty() {
        let blank = String::new;
        rows.push(vec![
            "nobody".to_owned(),
            blank(),
            blank(),
            blank(),
            free.len().to_string(),
            ranges(free.into_iter()),
        ]);
    }
    rows
}

impl Shard {
    /// Whether a replica holds the shard. A lease that is over counts as free, even before another replica takes it.
    fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.owner.is_some() && self.expires_at.is_some_and(|at| at > now)
    }
}

/// Formats a duration in at most two units: `12.3 s`, `4 min 5 s`, `3 h 20 min`, `2 d 5 h`.
fn span(span: TimeDelta) -> String {
    let ms = span.num_milliseconds().max(0);
    let (seconds, minutes, hours) = (ms / 1000, ms / 60_000, ms / 3_600_000);
    match seconds {
        ..60 => format!("{seconds}.{} s", ms % 1000 / 100),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// `1,234,567`
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats ascending numbers as ranges: `0-3, 7, 9-10`.
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
    use comptoir_core::outbox::overview::{ReplicaState, ShardState, Totals};
    use uuid::Uuid;

    use super::*;
    use crate::status::assemble;

    #[test]
    fn consecutive_shards_are_shown_as_ranges() {
        assert_eq!(ranges([0, 1, 2, 5, 7, 8].into_iter()), "0-2, 5, 7-8");
        assert_eq!(ranges([].into_iter()), "");
    }

    #[test]
    fn numbers_and_times_are_readable() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        for (ms, text) in [
            (-5, "0.0 s"),
            (12_345, "12.3 s"),
            (245_000, "4 min 5 s"),
            (12_000_000, "3 h 20 min"),
            (190_800_000, "2 d 5 h"),
        ] {
            assert_eq!(span(TimeDelta::milliseconds(ms)), text);
        }
    }

    #[test]
    fn a_silent_replica_and_what_it_held_are_shown() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        let (alive, silent) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let shard = |shard, owner, seconds| ShardState {
            shard,
            owner: Some(owner),
            epoch: 1,
            expires_at: Some(now + TimeDelta::seconds(seconds)),
        };
        let replica = |id, name: &str, silence| ReplicaState {
            id,
            name: name.to_owned(),
            started_at: now - TimeDelta::minutes(20),
            last_seen_at: now - TimeDelta::seconds(silence),
            blocked: false,
            version: None,
            lease_ttl_ms: Some(3000),
            broker_heard_at: Some(now - TimeDelta::seconds(90)),
            publishes: false,
        };
        let totals = Totals {
            pending: 1_204,
            retrying: 3,
            held: 0,
            dead_letters: 1,
            oldest_pending_seconds: Some(61.0),
        };
        let shards = vec![shard(0, alive, 2), shard(1, alive, 2), shard(2, silent, -10)];
        let replicas = vec![replica(alive, "one", 0), replica(silent, "two", 12)];
        let text = tables(&assemble(totals, shards, replicas, now, 3000), now, 3000, None);
        for part in [
            "1,204",
            "the oldest for 1 min 1 s",
            "silent for 12.0 s",
            "no broker for 1 min 30 s",
            "nobody has heard it for 1 min 30 s",
            "20 min 0 s",
            "0-1",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
