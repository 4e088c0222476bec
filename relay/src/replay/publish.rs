//! Publishes the rows of the cursor: reads ahead, fills the window, waits for confirms. [`Lanes`] keeps the order per
//! aggregate; pages bound the memory.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use comptoir_core::outbox::{JsonText, OutboxRow, replay};
use diesel_async::AsyncPgConnection;
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use super::lanes::Lanes;
use super::pace::Pace;
use crate::config::Config;
use crate::engine::Event;
use crate::error::{DatabaseFault, EventFault, RelayError};
use crate::publisher::{BrokerEvent, Message, Publisher, Verdict};
use comptoir_core::platform::backoff;

const ROWS_PER_PAGE: usize = 1000;
const FIRST_PAGE: usize = 50;
/// A page has as many rows as would fit if all were like the largest of the page before.
const BYTES_PER_PAGE: usize = 8 * 1024 * 1024;
/// The loop turns at least this often, to notice that its patience is over.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The outcome of the replay.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    pub(super) published: u64,
    /// Events for which no queue is bound.
    pub(super) unroutable: u64,
    /// Events that cannot be sent: the broker does not accept them, for example for their size, or no message can be made of
    /// them.
    pub(super) unsendable: u64,
    /// The seq up to which all events are done.
    pub(super) done_to_seq: i64,
}

pub(super) struct Replay<'a> {
    connection: &'a mut AsyncPgConnection,
    publisher: Publisher,
    lanes: Lanes,
    pace: Pace,
    window: usize,
    next_page: Option<usize>,
    /// Events that the broker refused, and when they are due again; each still blocks its aggregate.
    delayed: Vec<(Instant, Event)>,
    refusals: HashMap<i64, u32>,
    /// The seqs that were read and are not done: at most a page and a window.
    open: BTreeSet<i64>,
    last_read: i64,
    max_refusals: u32,
    retry_wait: (Duration, Duration),
    /// The time since when nothing can be published.
    unreached: Option<Instant>,
    /// The time since when connections are lost before anything is decided: connecting alone is no progress.
    fruitless: Option<Instant>,
    patience: Duration,
    shutdown_timeout: Duration,
    bar: &'a ProgressBar,
    tally: Tally,
}

impl std::fmt::Debug for Replay<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").field("tally", &self.tally).finish_non_exhaustive()
    }
}

impl<'a> Replay<'a> {
    /// Creates a replay of the rows of the cursor that is open on this connection.
    pub(super) fn new(
        config: &Config,
        connection: &'a mut AsyncPgConnection,
        rate: Option<u32>,
        after_seq: i64,
        bar: &'a ProgressBar,
    ) -> Self {
        let relay = &config.relay;
        let now = Instant::now();
        Self {
            connection,
            publisher: Publisher::new(config, "comptoir relay replay".to_owned(), Arc::default()),
            lanes: Lanes::default(),
            pace: Pace::new(rate, now),
            window: relay.window,
            next_page: Some(FIRST_PAGE),
            delayed: Vec::new(),
            refusals: HashMap::new(),
            open: BTreeSet::new(),
            last_read: after_seq,
            max_refusals: relay.max_retries.unsigned_abs(),
            retry_wait: (
                Duration::from_millis(relay.retry_min_ms),
                Duration::from_millis(relay.retry_max_ms),
            ),
            unreached: Some(now),
            fruitless: Some(now),
            patience: Duration::from_millis(relay.once_connect_deadline_ms),
            shutdown_timeout: Duration::from_millis(relay.shutdown_timeout_ms),
            bar,
            tally: Tally::default(),
        }
    }

    /// Runs to the end, or until `stop`; then waits for the events in flight. The tally is valid whatever the result is.
    pub(super) async fn run(mut self, stop: CancellationToken) -> (Tally, Result<(), RelayError>) {
        let result = self.publish_all(stop).await;
        self.tally.done_to_seq = self.open.first().map_or(self.last_read, |seq| seq - 1);
        (self.tally, result)
    }

    async fn publish_all(&mut self, stop: CancellationToken) -> Result<(), RelayError> {
        let mut give_up_at = None;
        loop {
            let stopping = give_up_at.is_some();
            if !stopping {
                self.read_ahead().await?;
                self.fill_window();
            }
            if self.publisher.in_flight() == 0 {
                if stopping {
                    return Err(RelayError::Incomplete("stopped before the end".to_owned()));
                }
                if self.next_page.is_none() && self.lanes.is_empty() && self.delayed.is_empty() {
                    return Ok(());
                }
            }
            if give_up_at.is_some_and(|at| Instant::now() >= at) {
                return Err(RelayError::Incomplete(format!(
                    "stopped before the end, with {} events unconfirmed",
                    self.publisher.in_flight()
                )));
            }
            self.check_patience()?;
            let wait = self.wait();
            tokio::select! {
                event = self.publisher.next() => self.observe(event)?,
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled(), if !stopping => {
                    give_up_at = Some(Instant::now() + self.shutdown_timeout);
                }
            }
        }
    }

    /// Keeps at most a window and a page of events in memory.
    async fn read_ahead(&mut self) -> Result<(), RelayError> {
        while self.lanes.len() < self.window
            && let Some(limit) = self.next_page
        {
            let rows = replay::next_page(self.connection, u32::try_from(limit).unwrap_or(1))
                .await
                .map_err(DatabaseFault::from)?;
            self.next_page = (rows.len() == limit).then(|| page_after(&rows));
            for mut row in rows {
                mark_replayed(&mut row.headers);
                self.open.insert(row.seq);
                self.last_read = row.seq;
                self.lanes.push(Event::new(row, 0));
            }
            if limit < ROWS_PER_PAGE && self.lanes.ready_len() > 0 {
                // Large rows, or the first page: publish the events that were read.
                return Ok(());
            }
        }
        Ok(())
    }

    fn fill_window(&mut self) {
        if !self.publisher.is_up() || self.publisher.is_blocked() {
            return;
        }
        let now = Instant::now();
        while let Some(due) = self.delayed.iter().position(|(at, _)| *at <= now) {
            self.lanes.put_back(self.delayed.swap_remove(due).1);
        }
        let room = self.publisher.room(self.window);
        let allowed = self.pace.allowance(room.min(self.lanes.ready_len()), now);
        let mut messages = Vec::with_capacity(allowed);
        for _ in 0..allowed {
            let Some(event) = self.lanes.take() else { break };
            messages.push(Message::Event(event));
        }
        self.pace.spend(messages.len());
        if !messages.is_empty() {
            for (event, fault) in self.publisher.publish(messages) {
                self.leave_out(&event, &fault);
            }
        }
    }

    fn observe(&mut self, event: BrokerEvent) -> Result<(), RelayError> {
        match event {
            BrokerEvent::Connected | BrokerEvent::Blocked(false) => self.unreached = None,
            BrokerEvent::Blocked(true) => self.unreached = Some(Instant::now()),
            BrokerEvent::Decided(messages) => {
                self.fruitless = None;
                self.decide(messages)?;
            }
            BrokerEvent::Lost { messages, culprits } => {
                if !culprits.is_empty() {
                    self.fruitless = None;
                }
                let since = *self.fruitless.get_or_insert_with(Instant::now);
                self.unreached.get_or_insert(since);
                for (message, fault) in culprits {
                    self.leave_out(&message.into_event(), &fault);
                }
                self.decide(messages)?;
            }
        }
        self.bar.set_message(if self.unreached.is_some() { "waiting for the broker" } else { "" });
        Ok(())
    }

    fn decide(&mut self, messages: Vec<(Message, Verdict)>) -> Result<(), RelayError> {
        for (message, verdict) in messages {
            let Message::Event(event) = message else { continue };
            match verdict {
                Verdict::Published => {
                    self.tally.published += 1;
                    self.close(&event);
                }
                Verdict::Returned => {
                    self.tally.unroutable += 1;
                    self.close(&event);
                }
                Verdict::Nacked => self.refused(event)?,
                // It may have arrived. Then it arrives twice, which consumers must expect.
                Verdict::Unknown => self.lanes.put_back(event),
            }
        }
        Ok(())
    }

    /// Delays a refused event: a full queue may have room later. Going on without the event would break its aggregate's order.
    fn refused(&mut self, event: Event) -> Result<(), RelayError> {
        let refusals = self.refusals.entry(event.row.seq).or_default();
        if *refusals >= self.max_refusals {
            return Err(RelayError::Incomplete(format!(
                "the broker refused event {} {} times (nack)",
                event.row.id,
                u64::from(*refusals) + 1
            )));
        }
        let wait = backoff::wait_before(*refusals, self.retry_wait.0, self.retry_wait.1);
        *refusals += 1;
        self.delayed.push((Instant::now() + wait, event));
        Ok(())
    }

    /// Leaves an event out that cannot be published at all.
    fn leave_out(&mut self, event: &Event, fault: &EventFault) {
        tracing::warn!(id = %event.row.id, %fault, "left out");
        self.tally.unsendable += 1;
        self.close(event);
    }

    fn close(&mut self, event: &Event) {
        self.refusals.remove(&event.row.seq);
        self.open.remove(&event.row.seq);
        self.lanes.done(event);
        self.bar.inc(1);
    }

    fn check_patience(&self) -> Result<(), RelayError> {
        match self.unreached {
            Some(since) if since.elapsed() >= self.patience => Err(RelayError::NotReached {
                what: match self.publisher.trouble() {
                    Some(trouble) => format!("the broker ({trouble})"),
                    None => "the broker, or it blocks publishing".to_owned(),
                },
                seconds: self.patience.as_secs(),
            }),
            _ => Ok(()),
        }
    }

    fn wait(&self) -> Duration {
        if self.unreached.is_some() {
            return LONGEST_WAIT;
        }
        let now = Instant::now();
        let due = self.delayed.iter().map(|(at, _)| at.saturating_duration_since(now)).min();
        let pace =
            (self.lanes.ready_len() > 0 && self.publisher.room(self.window) > 0).then(|| self.pace.wait());
        [due, pace]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(LONGEST_WAIT)
            .clamp(Duration::from_millis(1), LONGEST_WAIT)
    }
}

fn page_after(rows: &[OutboxRow]) -> usize {
    let largest = rows.iter().map(|row| row.payload.0.len() + row.headers.0.len()).max().unwrap_or(0);
    (BYTES_PER_PAGE / largest.max(1)).clamp(1, ROWS_PER_PAGE)
}

/// Appends `replayed: true` to the row's headers: of two members with one name the last counts. The other headers stay
/// unchanged.
fn mark_replayed(headers: &mut JsonText) {
    if let Some(b'}') = headers.0.pop() {
        let comma: &[u8] = if headers.0 == b"{" { b"" } else { b", " };
        headers.0.extend_from_slice(&[comma, br#""replayed": true}"#].concat());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sample;

    #[test]
    fn a_replayed_event_says_so_and_keeps_its_headers() {
        for (before, after) in [
            ("{}", r#"{"replayed": true}"#),
            (r#"{"n": 1e400}"#, r#"{"n": 1e400, "replayed": true}"#),
            (r#"{"replayed": "never"}"#, r#"{"replayed": "never", "replayed": true}"#),
        ] {
            let mut headers = JsonText(before.as_bytes().to_vec());
            mark_replayed(&mut headers);
            assert_eq!(String::from_utf8_lossy(&headers.0), after);
        }
    }

    #[test]
    fn large_rows_come_in_short_pages() {
        let mut row = sample(1, "a");
        assert_eq!(page_after(&[row.clone()]), ROWS_PER_PAGE);
        row.payload.0 = vec![b' '; 3 * 1024 * 1024];
        assert_eq!(page_after(&[row.clone()]), 2);
        row.payload.0 = vec![b' '; 2 * BYTES_PER_PAGE];
        assert_eq!(page_after(&[row]), 1);
    }
}
