//! Writes down what became of events, on a connection of its own: everything that was decided since the previous write
//! began goes into one statement of each kind.
//!
//! A write whose outcome is unknown is made again: each statement does nothing for rows that are already gone.

use std::time::Instant;

use comptoir_core::database::{self, DatabaseConfig};
use comptoir_core::outbox::prepare_reader;
use comptoir_core::outbox::settle::{self, DeadLetters, Fence, Retries, RowKeys};
use diesel_async::AsyncPgConnection;

use super::event::Event;
use crate::answer::answered;
use crate::error::DatabaseFault;
use crate::metrics;

/// What to write, and the events concerned.
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
}

#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) event: Event,
    pub(crate) retry_count: i32,
    pub(crate) wait_ms: i64,
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
    /// Whether published events go to the history, or away.
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

    /// Writes, connecting first if need be. Takes and returns itself, so that it can run as a task.
    pub(crate) async fn write(mut self, settlement: Settlement) -> (Self, Settled) {
        let began = Instant::now();
        let result = self.attempt(&settlement).await;
        metrics::database_round_trip("settle", began.elapsed(), result.is_ok());
        if result.is_err() {
            self.connection = None;
        }
        (self, Settled { settlement, result })
    }

    async fn attempt(&mut self, settlement: &Settlement) -> Result<(), DatabaseFault> {
        let connection = match &mut self.connection {
            Some(open) => open,
            closed => {
                let mut fresh = database::connect(&self.config).await?;
                answered(&self.config, prepare_reader(&mut fresh)).await?;
                closed.insert(fresh)
            }
        };
        let (config, fence) = (&self.config, &settlement.fence);
        if !settlement.published.is_empty() {
            let published = keys(settlement.published.iter());
            if self.keep_history {
                answered(config, settle::move_to_history(connection, fence, &published)).await?;
            } else {
                answered(config, settle::remove(connection, fence, &published)).await?;
            }
        }
        if !settlement.discarded.is_empty() {
            answered(config, settle::remove(connection, fence, &keys(settlement.discarded.iter()))).await?;
        }
        if !settlement.retries.is_empty() {
            answered(config, settle::reschedule(connection, fence, &retries(&settlement.retries))).await?;
        }
        if !settlement.dead.is_empty() {
            answered(
                config,
                settle::move_to_dead_letters(connection, fence, &dead_letters(&settlement.dead)),
            )
            .await?;
        }
        if !settlement.held.is_empty() {
            answered(config, settle::hold(connection, fence, &dead_letters(&settlement.held))).await?;
        }
        Ok(())
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
