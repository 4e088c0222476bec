//! One transaction of a writer, of a random kind.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use tokio_postgres::{Client, Error};
use uuid::Uuid;

/// Two of them are hot: one pick in five is one of these. With more, a busy machine would write more events of a hot aggregate
/// than the relay can publish one after the other, and the relay could not catch up while the load lasts.
const AGGREGATES: u32 = 200;
const HOT: u32 = 2;
const HOT_EVERY: u32 = 5;
const BULK_AGGREGATES: usize = 50;
/// Inserts an event whose payload has at least `$4` bytes.
const INSERT: &str = "INSERT INTO outbox_events (id, aggregate_type, aggregate_id, event_type, payload)
    VALUES ($1::text::uuid, 'thing', $2, 'thing.happened', json_build_object('number', $3::bigint, 'fill', repeat('x', $4)))";

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Committed,
    RolledBack,
    /// It was left in the middle: its connection must be closed.
    Abandoned,
}

/// A writer that follows the rule for writers: lock the aggregate, then write its events.
#[derive(Debug)]
pub(super) struct Writer {
    number: u64,
    random: StdRng,
    written: i64,
    /// Events that were rolled back to a savepoint, in a transaction that went on.
    undone: Vec<Uuid>,
}

impl Writer {
    pub(super) fn new(number: u64, random: StdRng) -> Self {
        Self { number, random, written: 0, undone: Vec::new() }
    }

    pub(super) fn take_undone(&mut self) -> Vec<Uuid> {
        std::mem::take(&mut self.undone)
    }

    /// Runs a transaction; returns the ids of its events and how it ended. After an error it may have been committed or not.
    pub(super) async fn transaction(&mut self, client: &Client) -> Result<(Vec<Uuid>, Ended), Error> {
        client.batch_execute("SET lock_timeout = '5s'; BEGIN").await?;
        let mut ids = Vec::new();
        match self.random.random_range(0..100) {
            0..4 => self.large(client, &mut ids).await?,
            4..8 => self.long(client, &mut ids).await?,
            8..25 => self.with_savepoint(client, &mut ids).await?,
            _ => self.small(client, &mut ids).await?,
        }
        let ended = match self.random.random_range(0..100) {
            0..3 => return Ok((ids, Ended::Abandoned)),
            3..18 => Ended::RolledBack,
            _ => Ended::Committed,
        };
        if ended == Ended::RolledBack {
            client.batch_execute("ROLLBACK").await?;
        } else {
            client.batch_execute("COMMIT").await?;
            if self.random.random_range(0..3) == 0 {
                client.batch_execute("NOTIFY comptoir_outbox").await?;
            }
        }
        Ok((ids, ended))
    }

    async fn small(&mut self, client: &Client, ids: &mut Vec<Uuid>) -> Result<(), Error> {
        for aggregate in self.lock_some(client).await? {
            for _ in 0..self.random.random_range(1..=3) {
                ids.push(self.insert(client, &format!("thing-{aggregate}")).await?);
            }
        }
        Ok(())
    }

    /// Rolls half of the events back to a savepoint, and goes on with the rest.
    async fn with_savepoint(&mut self, client: &Client, ids: &mut Vec<Uuid>) -> Result<(), Error> {
        let aggregates = self.lock_some(client).await?;
        for aggregate in &aggregates {
            ids.push(self.insert(client, &format!("thing-{aggregate}")).await?);
        }
        client.batch_execute("SAVEPOINT half").await?;
        for aggregate in &aggregates {
            let undone = self.insert(client, &format!("thing-{aggregate}")).await?;
            self.undone.push(undone);
        }
        client.batch_execute("ROLLBACK TO half").await?;
        for aggregate in &aggregates {
            ids.push(self.insert(client, &format!("thing-{aggregate}")).await?);
        }
        Ok(())
    }

    /// Stays open while other writers commit rows with higher seqs. No other writer uses these aggregates.
    async fn long(&mut self, client: &Client, ids: &mut Vec<Uuid>) -> Result<(), Error> {
        for _ in 0..self.random.random_range(1..=3) {
            let aggregate = format!("long-{}-{}", self.number, self.random.random_range(0..5));
            ids.push(self.insert(client, &aggregate).await?);
            let pause = self.random.random_range(100..800);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Ok(())
    }

    /// Writes hundreds of events in one statement, of aggregates that no other writer uses.
    async fn large(&mut self, client: &Client, ids: &mut Vec<Uuid>) -> Result<(), Error> {
        let events = self.random.random_range(100..=800);
        let new: Vec<Uuid> = (0..events).map(|_| Uuid::new_v4()).collect();
        let texts: Vec<String> = new.iter().map(Uuid::to_string).collect();
        let aggregates: Vec<String> =
            (0..events).map(|event| format!("large-{}-{}", self.number, event % BULK_AGGREGATES)).collect();
        client
            .execute(
                "INSERT INTO outbox_events (id, aggregate_type, aggregate_id, event_type, payload)
                 SELECT id::uuid, 'thing', aggregate, 'thing.happened', json_build_object('number', number)
                 FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS event (id, aggregate, number)
                 ORDER BY number",
                &[&texts, &aggregates],
            )
            .await?;
        ids.extend(new);
        Ok(())
    }

    /// Locks up to three aggregates in a fixed order, so that two writers do not deadlock.
    async fn lock_some(&mut self, client: &Client) -> Result<Vec<u32>, Error> {
        let count = self.random.random_range(1..=3);
        let mut aggregates: Vec<u32> = (0..count).map(|_| self.pick()).collect();
        aggregates.sort_unstable();
        aggregates.dedup();
        for aggregate in &aggregates {
            client.execute("SELECT pg_advisory_xact_lock($1)", &[&i64::from(*aggregate)]).await?;
        }
        Ok(aggregates)
    }

    fn pick(&mut self) -> u32 {
        if self.random.random_range(0..HOT_EVERY) == 0 {
            self.random.random_range(0..HOT)
        } else {
            self.random.random_range(0..AGGREGATES)
        }
    }

    async fn insert(&mut self, client: &Client, aggregate: &str) -> Result<Uuid, Error> {
        self.written += 1;
        let id = Uuid::new_v4();
        let bytes: i32 = match self.random.random_range(0..200) {
            0 => 100_000,
            1..20 => 2_000,
            _ => 50,
        };
        client.execute(INSERT, &[&id.to_string(), &aggregate, &self.written, &bytes]).await?;
        Ok(id)
    }
}
