//! Concurrent writers that write to the outbox with plain SQL, as any program may: with hot aggregates, transactions of several
//! events, and rollbacks.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{connect, until};

const AGGREGATES: u32 = 40;
/// One transaction in this many is rolled back.
const ROLLBACK_EVERY: u32 = 6;

/// Inserts one event in a transaction of its own.
///
/// # Errors
/// Fails if the database refuses.
pub async fn insert_event(
    client: &Client,
    aggregate_id: &str,
    event_type: &str,
    payload: &str,
) -> Result<Uuid> {
    let id = Uuid::new_v4();
    insert(client, id, aggregate_id, event_type, payload).await?;
    Ok(id)
}

async fn insert(
    client: &Client,
    id: Uuid,
    aggregate_id: &str,
    event_type: &str,
    payload: &str,
) -> Result<()> {
    client
        .execute(
            "INSERT INTO outbox_events (id, aggregate_type, aggregate_id, event_type, payload)
             VALUES ($1::text::uuid, 'thing', $2, $3, $4::text::json)",
            &[&id.to_string(), &aggregate_id, &event_type, &payload],
        )
        .await?;
    Ok(())
}

/// Inserts many events in one statement, spread evenly over `aggregates`; within each aggregate in order.
///
/// # Errors
/// Fails if the database refuses.
pub async fn insert_many(client: &Client, events: i64, aggregates: i64) -> Result<()> {
    client
        .execute(
            "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)
             SELECT 'thing', 'bulk-' || number % $2::bigint, 'thing.happened', json_build_object('number', number)
             FROM generate_series(1, $1::bigint) AS number",
            &[&events, &aggregates],
        )
        .await?;
    Ok(())
}

/// Concurrent writers. They write until they are stopped.
#[derive(Debug)]
pub struct Writers {
    stop: Arc<AtomicBool>,
    /// The number of events that were committed so far.
    committed: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<Result<HashSet<Uuid>>>>,
}

impl Writers {
    /// Starts writers, with a `pause` between the transactions of each. The seed determines the writes, not how they
    /// interleave.
    pub fn start(database_url: &str, writers: u64, pause: Duration, seed: u64) -> Self {
        let (stop, committed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..writers)
            .map(|number| {
                let random = StdRng::seed_from_u64(seed.wrapping_add(number));
                let (stop, count) = (Arc::clone(&stop), Arc::clone(&committed));
                tokio::spawn(write(database_url.to_owned(), stop, count, pause, random))
            })
            .collect();
        Self { stop, committed, tasks }
    }

    /// Waits until they have committed at least `events` events together.
    ///
    /// # Errors
    /// Fails at the deadline.
    pub async fn have_committed(&self, events: usize, limit: Duration) -> Result<()> {
        until(format!("{events} committed events"), limit, async || {
            let committed = self.committed.load(Ordering::Relaxed);
            ensure!(committed >= events, "{committed} so far");
            Ok(())
        })
        .await
    }

    /// Ends them, and returns the ids of all events that they committed.
    ///
    /// # Errors
    /// Fails if a writer failed.
    pub async fn finish(self) -> Result<HashSet<Uuid>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut committed = HashSet::new();
        for task in self.tasks {
            committed.extend(task.await??);
        }
        Ok(committed)
    }
}

async fn write(
    url: String,
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    pause: Duration,
    mut random: StdRng,
) -> Result<HashSet<Uuid>> {
    let client = connect(&url).await?;
    let mut committed = HashSet::new();
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        client.batch_execute("BEGIN").await?;
        let mut aggregates: Vec<u32> = (0..random.random_range(1..=3)).map(|_| pick(&mut random)).collect();
        aggregates.sort_unstable();
        aggregates.dedup();
        let mut ids = Vec::new();
        for aggregate in aggregates {
            // The rule for writers: lock the aggregate first, so that seq order is commit order. The order of the locks
            // is fixed, so that two writers do not deadlock.
            client.execute("SELECT pg_advisory_xact_lock($1)", &[&i64::from(aggregate)]).await?;
            for _ in 0..random.random_range(1..=3) {
                number += 1;
                let id = Uuid::new_v4();
                let payload = format!(r#"{{"number": {number}}}"#);
                insert(&client, id, &format!("thing-{aggregate}"), "thing.happened", &payload).await?;
                ids.push(id);
            }
        }
        if random.random_range(0..ROLLBACK_EVERY) == 0 {
            client.batch_execute("ROLLBACK").await?;
        } else {
            client.batch_execute("COMMIT").await?;
            count.fetch_add(ids.len(), Ordering::Relaxed);
            committed.extend(ids);
        }
        tokio::time::sleep(pause).await;
    }
    Ok(committed)
}

/// Picks an aggregate: one of two hot ones for half of the events.
fn pick(random: &mut StdRng) -> u32 {
    if random.random_range(0..2) == 0 {
        random.random_range(0..2)
    } else {
        random.random_range(0..AGGREGATES)
    }
}
