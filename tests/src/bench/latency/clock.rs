//! The times when each event was due, committed and received, on one clock; and the consumer that reads the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use hdrhistogram::Histogram;
use lapin::options::BasicConsumeOptions;
use lapin::types::FieldTable;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::harness::until;

use super::super::raw_publisher::{Broker, QUEUE};

/// The first one in this many of the events is not counted: connections are opened and plans are cached.
const WARM_UP_SHARE: usize = 10;
const ARRIVAL_LIMIT: Duration = Duration::from_secs(30);
const MICROSECONDS_PER_MS: f64 = 1000.0;

/// The times of one event in nanoseconds since the clock's start; 0 until it has happened.
#[derive(Debug, Default)]
struct Times {
    due: AtomicU64,
    committed: AtomicU64,
    received: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Clock {
    begin: Instant,
    times: Vec<Times>,
}

impl Clock {
    pub(super) fn new(events: u64) -> Result<Self> {
        let times = (0..events).map(|_| Times::default()).collect();
        Ok(Self { begin: Instant::now(), times })
    }

    /// Returns the event's id, which contains its number.
    pub(super) fn id(event: usize) -> Uuid {
        // Not the nil UUID.
        Uuid::from_u128(event as u128 + 1)
    }

    pub(super) fn due(&self, event: usize, at: Instant) {
        self.note(event, at, |times| &times.due);
    }

    pub(super) fn committed(&self, event: usize) {
        self.note(event, Instant::now(), |times| &times.committed);
    }

    fn received(&self, id: Uuid) {
        if let Ok(event) = usize::try_from(id.as_u128().wrapping_sub(1)) {
            self.note(event, Instant::now(), |times| &times.received);
        }
    }

    /// Notes the first time only: a repeat does not make an event late.
    fn note(&self, event: usize, at: Instant, which: impl Fn(&Times) -> &AtomicU64) {
        let nanoseconds = u64::try_from((at - self.begin).as_nanos()).unwrap_or(u64::MAX);
        if let Some(times) = self.times.get(event) {
            let _ = which(times).compare_exchange(0, nanoseconds, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    pub(super) async fn everything_arrived(&self) -> Result<()> {
        until("every event at the consumer", ARRIVAL_LIMIT, async || {
            let missing =
                self.times.iter().filter(|times| times.received.load(Ordering::Relaxed) == 0).count();
            ensure!(missing == 0, "{missing} are missing");
            Ok(())
        })
        .await
    }

    pub(super) fn latency(&self) -> Result<Latency> {
        let warm_up = self.times.len() / WARM_UP_SHARE;
        let mut latency =
            Latency { after_commit: Distribution::new()?, after_schedule: Distribution::new()? };
        for times in &self.times[warm_up..] {
            let received = times.received.load(Ordering::Relaxed);
            // A message may arrive before the answer to its COMMIT.
            latency.after_commit.record(received.saturating_sub(times.committed.load(Ordering::Relaxed)))?;
            latency.after_schedule.record(received.saturating_sub(times.due.load(Ordering::Relaxed)))?;
        }
        Ok(latency)
    }
}

#[derive(Debug)]
pub(super) struct Latency {
    pub(super) after_commit: Distribution,
    pub(super) after_schedule: Distribution,
}

/// A distribution of durations, to the microsecond.
#[derive(Debug)]
pub(super) struct Distribution(Histogram<u64>);

impl Distribution {
    fn new() -> Result<Self> {
        Ok(Self(Histogram::new(3)?))
    }

    fn record(&mut self, nanoseconds: u64) -> Result<()> {
        Ok(self.0.record(nanoseconds / 1000)?)
    }

    /// In milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people to read")]
    pub(super) fn percentile(&self, percentile: f64) -> f64 {
        self.0.value_at_percentile(percentile) as f64 / MICROSECONDS_PER_MS
    }

    /// In milliseconds.
    pub(super) fn max(&self) -> f64 {
        self.percentile(100.0)
    }
}

/// Notes the time of every message. Nothing is acknowledged, so the broker's share is the same for all programs.
#[derive(Debug)]
pub(super) struct Consumer(JoinHandle<()>);

impl Consumer {
    pub(super) async fn attach(amqp_url: &str, clock: Arc<Clock>) -> Result<Self> {
        let broker = Broker::open(amqp_url).await?;
        let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
        let mut messages = broker
            .channel
            .basic_consume(QUEUE.into(), "latency".into(), options, FieldTable::default())
            .await
            .context("no consumer")?;
        Ok(Self(tokio::spawn(async move {
            // Held: the messages end with their connection.
            let _broker = broker;
            while let Some(Ok(message)) = messages.next().await {
                let id = message.properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok());
                clock.received(id.unwrap_or_default());
            }
        })))
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_counted_from_the_commit_and_from_the_schedule_without_the_warm_up() {
        let clock = Clock::new(20).unwrap();
        let at = |ms: u64| clock.begin + Duration::from_millis(ms);
        for event in 0..20 {
            clock.note(event, at(10), |times| &times.due);
            clock.note(event, at(14), |times| &times.committed);
            let warm_up = event < 2;
            clock.note(event, at(if warm_up { 500 } else { 16 }), |times| &times.received);
            // A repeat.
            clock.note(event, at(900), |times| &times.received);
        }
        let latency = clock.latency().unwrap();
        assert!((latency.after_commit.max() - 2.0).abs() < 0.01, "{latency:?}");
        assert!((latency.after_schedule.max() - 6.0).abs() < 0.01, "{latency:?}");
    }
}
