//! The drain loop's reactions to the broker's verdicts, and to reads and writes that ended.

use std::time::{Duration, Instant};

use comptoir_core::outbox::{AggregateRange, AggregateRows, Batch, OutboxRow, RefusedEvent, Turn};
use rustc_hash::FxHashMap;

use super::Engine;
use super::cursors::Next;
use super::event::{AggregateKey, Event};
use super::fetcher::{Finished, Found, Read};
use super::retry_schedule::Seen;
use super::settler::{Settled, Settlement};
use super::timing::Pauses;
use crate::error::{DatabaseFault, Trouble};
use crate::metrics;
use crate::publisher::{BrokerEvent, Message, Verdict};

impl Engine {
    pub(super) fn on_broker(&mut self, event: BrokerEvent) {
        match event {
            BrokerEvent::Connected => {
                tracing::info!("connected to the broker");
                // So the other replicas hear of it before the next renewal.
                self.leases.look_now();
            }
            BrokerEvent::Blocked(_) => {}
            BrokerEvent::Decided(messages) => self.on_decided(messages),
            BrokerEvent::Lost { messages, culprits } => {
                for (message, fault) in culprits {
                    self.decisions.unpublishable(message, &fault, &self.metrics);
                }
                self.on_decided(messages);
            }
        }
    }

    fn on_decided(&mut self, messages: Vec<(Message, Verdict)>) {
        let unknown = self.decisions.decide(messages, &self.metrics);
        self.metrics.unknown.increment(unknown.len() as u64);
        self.put_back(unknown);
        self.put_back_stale();
    }

    /// Undoes the decisions about events whose lease is over.
    pub(super) fn put_back_stale(&mut self) {
        let held = &self.held.shards;
        let stale = self
            .decisions
            .take_stale(|event| held[event.shard()].is_some_and(|holding| holding.lease == event.lease));
        self.put_back(stale);
    }

    /// Puts events back as if they had not been published: the replica that holds their shard now publishes them.
    fn put_back(&mut self, events: Vec<Event>) {
        for event in events {
            self.taken -= 1;
            self.busy[event.shard()] -= 1;
            let shard = event.shard();
            if !self.backlog.unknown(event) {
                self.read_again(shard);
            }
        }
    }

    pub(super) fn on_read(&mut self, finished: Finished) {
        let elapsed = self.timing.read_ended();
        let Finished { read, result } = finished;
        let (statement, ok) = (read.name(), result.is_ok());
        metrics::database_round_trip(statement, elapsed, ok);
        self.read_answered = ok;
        self.read_trouble = note_answer(&mut self.timing.reads, result.as_ref().err());
        if !ok {
            // The next connection may be to a server that crashed meanwhile, or that replaced another one: its snapshots say
            // nothing about earlier transactions (ADR 0003).
            self.read_everything_again();
        }
        let new = match (read, result) {
            (Read::Next(next), Ok(Found::Batch(batch))) if self.looked_too_little(&next, &batch) => 1,
            (Read::Next(Next::Batch(request)), Ok(Found::Batch(mut batch))) => {
                self.cursors.batch_read(&request, &mut batch);
                self.offer(batch.late.into_iter().chain(batch.next))
            }
            (Read::Next(Next::New { limit, .. }), Ok(Found::Batch(mut batch))) => {
                if self.cursors.new_read(limit, &batch) {
                    batch.next.sort_unstable_by_key(|row| row.seq);
                    self.offer(batch.next.into_iter())
                } else {
                    0
                }
            }
            (Read::Rest { wanted, limit, .. }, Ok(Found::Rows(found))) => {
                self.adapt_refills(elapsed);
                self.refill(wanted, found, limit);
                0
            }
            (Read::Rest { wanted, .. }, _) => {
                self.ask_for_fewer_refills();
                for (key, _) in wanted {
                    self.backlog.refill_failed(key);
                }
                0
            }
            (Read::Waiting { takes, .. }, Ok(Found::Waiting(waiting))) => {
                self.resume(&takes, waiting, elapsed);
                0
            }
            (Read::Waiting { .. }, _) => {
                self.waiting.look_again(Instant::now());
                0
            }
            (Read::Count { .. }, Ok(Found::Count(unread, waiting))) => {
                self.timing.counted(elapsed);
                (self.unread, self.waiting_count) = (unread, waiting);
                0
            }
            (Read::Next(_) | Read::Count { .. }, _) => 0,
        };
        self.backlog.read_ended();
        if ok && matches!(statement, "page" | "new") {
            self.timing.polled(new, Instant::now());
            self.metrics.fetched.record(new as f64);
        }
    }

    fn offer(&mut self, rows: impl Iterator<Item = OutboxRow>) -> usize {
        let now = Instant::now();
        let mut new = 0;
        for row in rows {
            let shard = usize::from(row.shard.unsigned_abs());
            let Some(holding) = self.held.shards[shard].filter(|_| self.cursors.is_current(shard)) else {
                continue;
            };
            if row.seq > self.goal.last_seq {
                continue;
            }
            if matches!(row.turn, Turn::Retry { .. } | Turn::UntilDecided) {
                self.waiting.note(row.turn, now);
            }
            new += usize::from(self.backlog.offer(row, holding.lease));
        }
        new
    }

    /// Whether the batch has a refused event although its statement did not look which events stand behind one. Then the batch
    /// is read again.
    fn looked_too_little(&mut self, next: &Next, batch: &Batch) -> bool {
        let mut refused = batch.late.iter().chain(&batch.next).filter(|row| row.turn != Turn::Now);
        let Some(first) = refused.next().filter(|_| !next.looks_behind()) else { return false };
        self.waiting.note(first.turn, Instant::now());
        self.timing.poll_now();
        true
    }

    /// Takes in refused events, due or not: those that are due come back, as many as there is room for.
    fn resume(&mut self, takes: &[(i16, i32)], waiting: Vec<RefusedEvent>, took: Duration) {
        let mut seen = Vec::with_capacity(waiting.len());
        for RefusedEvent { range, turn } in waiting {
            let shard = usize::from(range.shard.unsigned_abs());
            let Some(holding) = self.held.shards[shard].filter(|_| self.cursors.is_current(shard)) else {
                continue;
            };
            let in_memory = !turn.is_later()
                && (self.backlog.has(AggregateKey::of_range(&range))
                    || self.backlog.resume(range, holding.lease));
            seen.push(Seen { shard, turn, in_memory });
        }
        self.waiting.looked(takes, &seen, took, Instant::now());
    }

    fn refill(&mut self, wanted: Vec<(AggregateKey, AggregateRange)>, found: AggregateRows, limit: i64) {
        let mut by_key: FxHashMap<_, Vec<_>> = FxHashMap::default();
        for row in found.rows {
            by_key.entry(AggregateKey::of(&row)).or_default().push(row);
        }
        // A read that was cut ended within the last aggregate for which it returned rows.
        let ended = wanted.iter().rposition(|(key, _)| by_key.contains_key(key)).filter(|_| found.cut);
        for (number, (key, range)) in wanted.into_iter().enumerate() {
            let rows = by_key.remove(&key).unwrap_or_default();
            if self.cursors.is_current(usize::from(range.shard.unsigned_abs())) {
                let is_before = ended.is_none_or(|ended| number < ended);
                let complete = is_before && i64::try_from(rows.len()).is_ok_and(|count| count < limit);
                self.backlog.refilled(key, rows, complete);
            } else {
                self.backlog.refill_failed(key);
            }
        }
    }

    pub(super) fn on_settled(&mut self, settled: Settled) {
        let Settled { mut settlement, result } = settled;
        self.write_trouble = note_answer(&mut self.timing.writes, result.as_ref().err());
        if result.is_err() {
            settlement.is_repeated = true;
            self.unsettled = Some(settlement);
            return;
        }
        let now = Instant::now();
        let Settlement { published, discarded, retries, dead, held, .. } = settlement;
        for event in published.iter().chain(&discarded).chain(dead.iter().map(|dead| &dead.event)) {
            self.busy[event.shard()] -= 1;
            if !self.backlog.settled(event) {
                self.read_again(event.shard());
            }
        }
        for retry in &retries {
            self.busy[retry.event.shard()] -= 1;
            if let Some(wait_ms) = retry.wait_ms {
                self.waiting.note(Turn::Retry { wait_ms: wait_ms.unsigned_abs() }, now);
            }
            if !self.backlog.set_aside(&retry.event) {
                self.read_again(retry.event.shard());
            }
        }
        for held in &held {
            self.busy[held.event.shard()] -= 1;
            self.waiting.note(Turn::UntilDecided, now);
            if !self.backlog.hold(&held.event) {
                self.read_again(held.event.shard());
            }
        }
    }

    /// Reads the shard again after an event of an earlier lease came back. While the event was in flight, it was not read under
    /// the current lease.
    fn read_again(&mut self, shard: usize) {
        if self.cursors.holds(shard) {
            self.read_from_the_beginning(shard);
        }
    }
}

/// Delays the next attempt if this one failed, and returns the trouble.
fn note_answer(pauses: &mut Pauses, fault: Option<&DatabaseFault>) -> Option<Trouble> {
    match fault {
        None => pauses.answered(),
        Some(fault) => {
            let wait = pauses.failed();
            let reason = fault.reason();
            metrics::database_failed(reason);
            tracing::warn!(reason, %fault, retry_in_ms = wait.as_millis(), "the database failed");
        }
    }
    fault.map(Trouble::from)
}
