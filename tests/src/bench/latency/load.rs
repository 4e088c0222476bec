//! Writers that write each event at its scheduled time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use comptoir_api::config::Settings;
use comptoir_core::outbox::{Notifier, NotifierConfig};
use lapin::Channel;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_postgres::{Client, Statement};

use crate::harness::{World, connect};

use super::clock::Clock;
use crate::bench::raw_publisher::{self, Broker, Event};

/// The connections are used in turn, so that a slow commit delays only the event that is this many later.
const CONNECTIONS: usize = 32;
/// So many that no two events of one aggregate are in flight at the same time: order is not measured here.
const AGGREGATES: usize = 10_000;
const INSERT: &str = "
    INSERT INTO outbox_events (id, aggregate_type, aggregate_id, event_type, payload)
    VALUES ($1::text::uuid, 'thing', $2, 'thing.happened', $3::text::json)";

/// Events at a fixed interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) interval: Duration,
    pub(super) events: u64,
}

/// A writer's action when it has the answer to its COMMIT.
#[derive(Clone)]
pub(super) enum AfterCommit {
    Publish(Arc<Broker>),
    Wake(Notifier),
    Nothing,
}

impl AfterCommit {
    pub(super) async fn publish(amqp_url: &str) -> Result<Self> {
        Ok(Self::Publish(Arc::new(Broker::open(amqp_url).await?)))
    }

    /// Wakes the relay with the API's notifier and settings.
    pub(super) fn wake(database_url: &str) -> Result<Self> {
        let settings = Settings::load(None, &[("database.url", database_url.to_owned())])?;
        let shortest_pause = Duration::from_millis(settings.api.notify_interval_ms);
        Ok(Self::Wake(Notifier::spawn(NotifierConfig { database: settings.database, shortest_pause })))
    }

    pub(super) fn nothing() -> Self {
        Self::Nothing
    }

    async fn act(&self, event: &Event) -> Result<()> {
        match self {
            Self::Publish(broker) => publish(&broker.channel, event).await,
            Self::Wake(notifier) => {
                notifier.wake();
                Ok(())
            }
            Self::Nothing => Ok(()),
        }
    }
}

async fn publish(channel: &Channel, event: &Event) -> Result<()> {
    raw_publisher::confirmed(raw_publisher::publish(channel, event).await?).await
}

/// A connection with its statement prepared.
struct Writer {
    client: Client,
    insert: Statement,
}

impl Writer {
    async fn connect(database_url: &str) -> Result<Arc<Self>> {
        let client = connect(database_url).await?;
        let insert = client.prepare(INSERT).await?;
        Ok(Arc::new(Self { client, insert }))
    }

    /// Writes the event in a transaction of one statement.
    async fn commit(&self, event: &Event) -> Result<()> {
        let columns: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&event.id, &event.aggregate_id, &event.payload];
        self.client.execute(&self.insert, &columns).await?;
        Ok(())
    }
}

impl Load {
    /// Writes every event at its time; returns when all have arrived. Until then the writers' sessions stay open: closing all
    /// of them at once uses much processor time.
    pub(super) async fn run(
        self,
        world: &World,
        clock: &Arc<Clock>,
        after_commit: AfterCommit,
    ) -> Result<()> {
        let mut writers = Vec::new();
        for _ in 0..CONNECTIONS {
            writers.push(Writer::connect(&world.database.writer_url).await?);
        }
        let mut due = self.schedule(Arc::clone(clock))?;
        let mut tasks = JoinSet::new();
        while let Some(number) = due.recv().await {
            let (writer, clock) = (Arc::clone(&writers[number % CONNECTIONS]), Arc::clone(clock));
            let after_commit = after_commit.clone();
            tasks.spawn(async move {
                let event = event(number);
                writer.commit(&event).await?;
                clock.committed(number);
                after_commit.act(&event).await
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        clock.everything_arrived().await
    }

    /// Sends the numbers of the events, each at its time. Uses a thread of its own: the runtime's timer counts in milliseconds.
    fn schedule(self, clock: Arc<Clock>) -> Result<mpsc::UnboundedReceiver<usize>> {
        let (sender, due) = mpsc::unbounded_channel();
        let begin = Instant::now() + self.interval;
        std::thread::Builder::new()
            .name("schedule".to_owned())
            .spawn(move || {
                let mut at = begin;
                for number in 0..usize::try_from(self.events).unwrap_or(usize::MAX) {
                    std::thread::sleep(at.saturating_duration_since(Instant::now()));
                    clock.due(number, at);
                    if sender.send(number).is_err() {
                        return;
                    }
                    at += self.interval;
                }
            })
            .context("no thread for the schedule")?;
        Ok(due)
    }
}

/// Returns an event with 300 bytes of payload.
fn event(number: usize) -> Event {
    let start = format!(r#"{{"number": {number}, "text": ""#);
    Event {
        id: Clock::id(number).to_string(),
        aggregate_id: format!("aggregate-{}", number % AGGREGATES),
        occurred_at: "2026-01-01T00:00:00.000000Z".to_owned(),
        payload: format!("{start}{}\"}}", "x".repeat(298_usize.saturating_sub(start.len()))),
    }
}
