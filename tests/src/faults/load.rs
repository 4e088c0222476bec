//! Concurrent writers of every kind: small and large transactions, rollbacks, savepoints, hot aggregates, transactions that
//! stay open for long, clients that die, and databases that die while they write.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::harness::connect;

use super::transaction::{Ended, Writer};

const RECONNECT_PAUSE: Duration = Duration::from_millis(50);

/// The amount of load.
#[derive(Debug, Clone, Copy)]
pub struct LoadOptions {
    pub writers: u64,
    /// The pause between two transactions of one writer.
    pub pause: Duration,
    /// Determines the writes, not how they interleave.
    pub seed: u64,
}

/// The outcome of the events that were written. If a commit was not answered, its events are in neither set: only the outbox
/// shows whether they were committed.
#[derive(Debug, Default)]
pub struct Written {
    pub committed: HashSet<Uuid>,
    pub rolled_back: HashSet<Uuid>,
}

/// Writers at work, until [`Load::finish`].
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    committed: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<Result<Written>>>,
}

impl Load {
    pub fn start(database_url: &str, options: LoadOptions) -> Self {
        let (stop, committed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let tasks = (0..options.writers)
            .map(|number| {
                let random = StdRng::seed_from_u64(options.seed.wrapping_mul(1000).wrapping_add(number));
                let (url, stop, committed) = (database_url.to_owned(), stop.clone(), committed.clone());
                tokio::spawn(write(url, stop, committed, options.pause, Writer::new(number, random)))
            })
            .collect();
        Self { stop, committed, tasks }
    }

    /// Returns the number of events whose commit was answered so far.
    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::Relaxed)
    }

    /// Ends the writers.
    ///
    /// # Errors
    /// Fails if the database refused a statement that it should not refuse.
    pub async fn finish(self) -> Result<Written> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Written::default();
        for task in self.tasks {
            let written = task.await??;
            all.committed.extend(written.committed);
            all.rolled_back.extend(written.rolled_back);
        }
        Ok(all)
    }
}

async fn write(
    url: String,
    stop: Arc<AtomicBool>,
    counter: Arc<AtomicU64>,
    pause: Duration,
    mut writer: Writer,
) -> Result<Written> {
    let mut written = Written::default();
    let mut open = None;
    while !stop.load(Ordering::Relaxed) {
        let client = match open.take() {
            Some(client) => client,
            // A writer that cannot reach the database tries again, with the same plan.
            None => match connect(&url).await {
                Ok(client) => client,
                Err(_) => {
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                    continue;
                }
            },
        };
        match writer.transaction(&client).await {
            Ok((ids, Ended::Committed)) => {
                counter.fetch_add(ids.len() as u64, Ordering::Relaxed);
                written.committed.extend(ids);
                written.rolled_back.extend(writer.take_undone());
                open = Some(client);
            }
            Ok((ids, Ended::RolledBack)) => {
                written.rolled_back.extend(ids);
                written.rolled_back.extend(writer.take_undone());
                open = Some(client);
            }
            // The client dies, and its transaction with it.
            Ok((ids, Ended::Abandoned)) => written.rolled_back.extend(ids),
            Err(error) if is_outage(&error) => {
                writer.take_undone();
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(pause).await;
    }
    Ok(written)
}

/// Whether the database was lost, or another transaction held a lock for too long.
fn is_outage(error: &tokio_postgres::Error) -> bool {
    error.code().is_none_or(|code| {
        code.code().starts_with("57")
            || code.code().starts_with("08")
            || *code == SqlState::LOCK_NOT_AVAILABLE
    })
}
