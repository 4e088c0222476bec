//! Writes the decisions about events down, on a connection of its own. All decisions since the previous write began go into
//! one statement of each kind.
//!
//! A write whose outcome is unknown is repeated: each statement does nothing for rows that are already gone.

use std::time::Instant;

use comptoir_core::outbox::prepare_reader;
use comptoir_core::outbox::settle::{self, DeadLetters, Fence, Retries, RowKeys};
use comptoir_core::platform::database::{self, DatabaseConfig};
use diesel_async::AsyncPgConnection;

use super::event::Event;
use crate::answer_timeout::answered;
use crate::error::DatabaseFault;
use crate::metrics;

/// Decisions to write, with their events.
#[derive(Debug, Default)]
pub(crate) struct Settlement {
    pub(crate) fence: Fence,
    pub(crate) published: Vec<Event>,
    /// Unroutable events that the policy discards.
    pub(crate) discarded: Vec<Event>,
    pub(crate) retries: Vec<Retry>,
    pub(crate) dead: Vec<Dead>,
    /// Dead letters that hold back the later events of their aggregates.
    pub(crate) held: Vec<Dead>,
    /// Whether it was written before, with an unknown outcome.
    pub(crate) is_repeated: bool,
}

#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) event: Event,
    pub(crate) retry_count: i32,
    /// `None` if the event waits with an earlier one of its aggregate.
    pub(crate) wait_ms: Option<i64>,
    pub(crate) error: String,
}

#[derive(Debug)]
pub(crate) struct Dead {
    pub(crate) event: Event,
    pub(crate) reason: &'static str,
    pub(crate) error: String,
}

impl Settlement {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.published.len() + self.discarded.len() + self.retries.len() + self.dead.len() + self.held.len()
    }
}

/// A write that ended.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) settlement: Settlement,
    pub(crate) result: Result<(), DatabaseFault>,
}

pub(crate) struct Settler {
    config: DatabaseConfig,
    /// Whether published events are moved to the history, or else deleted.
    keep_history: bool,
    connection: Option<AsyncPgConnection>,
}

impl std::fmt::Debug for Settler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settler").field("connected", &self.connection.is_some()).finish_non_exhaustive()
    }
}

impl Settler {
    pub(crate) fn new(config: DatabaseConfig, keep_history: bool) -> Self {
        Self { config, keep_history, connection: None }
    }

    /// Writes, after connecting if necessary. Takes and returns itself, so that it can run as a task.
    pub(crate) async fn write(mut self, settlement: Settlement) -> (Self, Settled) {
        let began = Instant::now();
        let written = self.attempt(&settlement).await;
        if let Ok(touched) = written {
            report_missed(&settlement, touched);
        }
        let result = written.map(drop);
        metrics::database_round_trip("settle", began.elapsed(), result.is_ok());
        if result.is_err() {
            self.connection = None;
        }
        (self, Settled { settlement, result })
    }

    /// Returns how many rows were touched.
    async fn attempt(&mut self, settlement: &Settlement) -> Result<usize, DatabaseFault> {
        let connection = match &mut self.connection {
            Some(open) => open,
            closed => {
                let mut fresh = database::connect(&self.config).await?;
                answered(&self.config, prepare_reader(&mut fresh)).await?;
                closed.insert(fresh)
            }
        };
        let (config, fence) = (&self.config, &settlement.fence);
        let mut touched = 0;
        if !settlement.published.is_empty() {
            let published = keys(settlement.published.iter());
            touched += if self.keep_history {
                answered(config, settle::move_to_history(connection, fence, &published)).await?
            } else {
                answered(config, settle::remove(connection, fence, &published)).await?
            };
        }
        if !settlement.discarded.is_empty() {
            let discarded = keys(settlement.discarded.iter());
            touched += answered(config, settle::remove(connection, fence, &discarded)).await?;
        }
        if !settlement.retries.is_empty() {
            let retries = retries(&settlement.retries);
            touched += answered(config, settle::reschedule(connection, fence, &retries)).await?;
        }
        if !settlement.dead.is_empty() {
            let dead = dead_letters(&settlement.dead);
            touched += answered(config, settle::move_to_dead_letters(connection, fence, &dead)).await?;
        }
        if !settlement.held.is_empty() {
            let held = dead_letters(&settlement.held);
            touched += answered(config, settle::hold(connection, fence, &held)).await?;
        }
        Ok(touched)
    }
}

/// Reports rows that were not touched; each event is one row. Either the lease is lost and the replica that holds the shard
/// now publishes the event again, or another session deleted it. A repeated write misses the rows that the first one settled.
fn report_missed(settlement: &Settlement, touched: usize) {
    let missed = settlement.len().saturating_sub(touched);
    if missed > 0 && !settlement.is_repeated {
        metrics::settle_missed(missed);
        tracing::warn!(
            events = settlement.len(),
            missed,
            "events could not be settled: the leases of their shards are lost, or somebody else changed the outbox"
        );
    }
}

fn keys<'a>(events: impl Iterator<Item = &'a Event>) -> RowKeys {
    let mut keys = RowKeys::default();
    for event in events {
        keys.push(event.row.shard, event.row.seq);
    }
    keys
}

fn retries(all: &[Retry]) -> Retries {
    Retries {
        keys: keys(all.iter().map(|retry| &retry.event)),
        retry_counts: all.iter().map(|retry| retry.retry_count).collect(),
        wait_ms: all.iter().map(|retry| retry.wait_ms).collect(),
        errors: all.iter().map(|retry| retry.error.clone()).collect(),
    }
}

fn dead_letters(all: &[Dead]) -> DeadLetters {
    DeadLetters {
        keys: keys(all.iter().map(|dead| &dead.event)),
        retry_counts: all.iter().map(|dead| dead.event.row.retry_count).collect(),
        reasons: all.iter().map(|dead| dead.reason.to_owned()).collect(),
        errors: all.iter().map(|dead| dead.error.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use comptoir_core::outbox::OutboxRow;

    use super::*;
    use crate::engine::sample;

    fn event(seq: i64, retry_count: i32) -> Event {
        Event::new(OutboxRow { retry_count, ..sample(seq, "a") }, 1)
    }

    fn dead(seq: i64) -> Dead {
        Dead { event: event(seq, 4), reason: "nacked", error: format!("error {seq}") }
    }

    #[test]
    fn what_is_written_of_a_retry_and_of_a_dead_letter_is_its_own() {
        let retry = |seq: i64, wait_ms| Retry {
            event: event(seq, 1),
            retry_count: 2,
            wait_ms,
            error: format!("error {seq}"),
        };
        let written = retries(&[retry(7, Some(500)), retry(8, None)]);
        assert_eq!((written.keys.shards, written.keys.seqs), (vec![3, 3], vec![7, 8]));
        assert_eq!((written.retry_counts, written.wait_ms), (vec![2, 2], vec![Some(500), None]));
        assert_eq!(written.errors, ["error 7", "error 8"]);

        let written = dead_letters(&[dead(7), dead(8)]);
        assert_eq!((written.keys.shards, written.keys.seqs), (vec![3, 3], vec![7, 8]));
        assert_eq!(written.retry_counts, [4, 4], "it counts the attempts before the last one");
        assert_eq!(written.reasons, ["nacked", "nacked"]);
        assert_eq!(written.errors, ["error 7", "error 8"]);
    }

    #[test]
    fn a_settlement_is_as_long_as_all_its_decisions_together() {
        let mut settlement = Settlement::default();
        assert!(settlement.is_empty());
        settlement.published.push(event(1, 0));
        settlement.discarded.extend([event(2, 0), event(3, 0)]);
        settlement.dead.extend([dead(4), dead(5), dead(6)]);
        settlement.held.push(dead(7));
        assert!(!settlement.is_empty());
        assert_eq!(settlement.len(), 7);
    }
}
