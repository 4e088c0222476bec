//! The events in memory and the order in which they may be published. No I/O and no clock: time is an argument.
//!
//! Each aggregate is a chain. Only its head may be published, and the next becomes the head when the one before it is
//! *settled in the database*: a crash then repeats the last event of an aggregate and never an older one. A limit above
//! one event in flight for each aggregate gives that up for speed: so many may be repeated or overtake a refused one.
//!
//! An aggregate whose events do not all fit, or whose head waits for a retry, remembers only from which seq on it is
//! not in memory; its events are dropped as they are read, and read again by themselves when their time has come. One
//! poisoned or hot aggregate thus holds back no other and fills no memory.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use comptoir_core::outbox::{AggregateRange, OutboxRow};

use super::event::{AggregateKey, Event, FastMap, FastSet};

/// The wait of an event that is held until somebody decides.
const UNTIL_DECIDED: i64 = i64::MAX;
/// How often such an event is read again, to see whether somebody has.
pub(crate) const LOOK_AT_HELD_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    /// Events of one aggregate that are read and not taken.
    pub(crate) chain: usize,
    /// Events of one aggregate that were taken and are not settled.
    pub(crate) in_flight: usize,
    /// Aggregates that are not entirely in memory.
    pub(crate) waiting_aggregates: usize,
}

#[derive(Debug)]
pub(crate) struct Backlog {
    limits: Limits,
    aggregates: FastMap<AggregateKey, Aggregate>,
    /// Aggregates whose head may be published; entries may be stale.
    ready: VecDeque<AggregateKey>,
    /// The seqs in memory: waiting, in flight or being settled.
    known: FastSet<i64>,
    /// Seqs that left memory while a read was under way, which may still return them.
    forgotten: Option<FastSet<i64>>,
    bytes: usize,
    partial: usize,
    resumes: BinaryHeap<Reverse<(Instant, AggregateKeyOrd)>>,
    refills: VecDeque<AggregateKey>,
}

#[derive(Debug, Default)]
struct Aggregate {
    shard: usize,
    lease: u64,
    /// Events that were taken and are not settled yet.
    in_flight: usize,
    /// When the oldest of them occurred.
    in_flight_since: DateTime<Utc>,
    queued: bool,
    chain: VecDeque<Event>,
    rest: Option<Rest>,
}

/// The events of an aggregate that are not in memory.
#[derive(Debug)]
struct Rest {
    from_seq: i64,
    /// The last of them that was counted; a later read of everything sees them again.
    last_seq: i64,
    /// How many there are, for the metrics.
    events: usize,
    occurred_at: DateTime<Utc>,
    resume_at: Option<Instant>,
    /// The first of them waits for somebody's decision.
    held: bool,
    reading: Reading,
    range: AggregateRange,
}

/// How far the read of a rest has come. When an event joins the rest it starts anew: a read under way may leave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    NotAsked,
    Asked,
    UnderWay,
}

/// Orders the heap of resumes; which of two aggregates comes first at the same instant does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AggregateKeyOrd(AggregateKey);

impl PartialOrd for AggregateKeyOrd {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AggregateKeyOrd {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl Backlog {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            aggregates: FastMap::default(),
            ready: VecDeque::new(),
            known: FastSet::default(),
            forgotten: None,
            bytes: 0,
            partial: 0,
            resumes: BinaryHeap::new(),
            refills: VecDeque::new(),
        }
    }

    /// Events in memory, those in flight included.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Aggregates of which something waits in the database: for a retry, or for room.
    pub(crate) fn waiting_aggregates(&self) -> usize {
        self.partial
    }

    /// Events of these aggregates that wait in the database.
    pub(crate) fn waiting_events(&self) -> usize {
        self.aggregates.values().filter_map(|aggregate| aggregate.rest.as_ref()).map(|rest| rest.events).sum()
    }

    /// Aggregates whose next event waits for somebody's decision.
    pub(crate) fn held_aggregates(&self) -> usize {
        self.aggregates
            .values()
            .filter_map(|aggregate| aggregate.rest.as_ref())
            .filter(|rest| rest.held)
            .count()
    }

    /// When the oldest event that is known and not settled occurred.
    pub(crate) fn oldest(&self) -> Option<DateTime<Utc>> {
        let oldest_of = |aggregate: &Aggregate| {
            let taken = (aggregate.in_flight > 0).then_some(aggregate.in_flight_since);
            let waiting = aggregate.chain.front().map(|event| event.row.occurred_at);
            taken.into_iter().chain(waiting).chain(aggregate.rest.as_ref().map(|rest| rest.occurred_at)).min()
        };
        self.aggregates.values().filter_map(oldest_of).min()
    }

    /// Aggregates whose rest is to be read as soon as possible.
    pub(crate) fn has_refills(&self) -> bool {
        !self.refills.is_empty()
    }

    pub(crate) fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// How many events, and bytes, may be read.
    pub(crate) fn room(&self) -> (usize, usize) {
        if self.partial >= self.limits.waiting_aggregates {
            return (0, 0);
        }
        (self.limits.events.saturating_sub(self.known.len()), self.limits.bytes.saturating_sub(self.bytes))
    }

    /// A read begins: until `read_ended`, seqs that leave memory are remembered.
    pub(crate) fn read_began(&mut self) {
        self.forgotten = Some(FastSet::default());
    }

    /// Everything that the read returned was offered.
    pub(crate) fn read_ended(&mut self) {
        self.forgotten = None;
    }

    /// Takes in a row that was read. Those of one aggregate come by seq. Returns whether it was new.
    pub(crate) fn offer(&mut self, row: OutboxRow, lease: u64, now: Instant) -> bool {
        if self.known.contains(&row.seq)
            || self.forgotten.as_ref().is_some_and(|seqs| seqs.contains(&row.seq))
        {
            return false;
        }
        let event = Event::new(row, lease);
        let (key, seq) = (event.key, event.row.seq);
        let waits = wait_of(&event.row);
        let aggregate = self.aggregates.entry(key).or_insert_with(|| Aggregate {
            shard: event.shard(),
            lease,
            ..Aggregate::default()
        });
        if let Some(rest) = &mut aggregate.rest {
            rest.from_seq = rest.from_seq.min(seq);
            rest.occurred_at = rest.occurred_at.min(event.row.occurred_at);
            if seq > rest.last_seq {
                rest.join(1, seq);
            }
            if rest.held && rest.from_seq == seq && waits.is_none() {
                // Somebody has decided that the event which held this aggregate is published again.
                rest.held = false;
                rest.resume_at = None;
                self.ask_for_rest(key);
            }
            return false;
        }
        // Of one that is not the head the turn, and with it the time that it still has to wait, comes after the head.
        let is_head = aggregate.chain.is_empty() && (aggregate.in_flight == 0 || self.limits.in_flight > 1);
        if waits.is_some() || aggregate.chain.len() >= self.limits.chain {
            let resume_at = waits.filter(|_| is_head).map(|wait| now + wait);
            let held = resume_at.is_some() && event.row.wait_ms == Some(UNTIL_DECIDED);
            self.put_aside(key, &event.row, (1, seq), resume_at, held);
            return true;
        }
        self.known.insert(seq);
        self.bytes += event.bytes;
        aggregate.insert(event);
        self.queue(key);
        true
    }

    /// Takes a head that may be published, if `permitted` allows its shard.
    pub(crate) fn take(&mut self, permitted: impl Fn(usize) -> bool) -> Option<Event> {
        for _ in 0..self.ready.len() {
            let key = self.ready.pop_front()?;
            let Some(aggregate) = self.aggregates.get_mut(&key) else { continue };
            if !permitted(aggregate.shard) {
                self.ready.push_back(key);
                continue;
            }
            aggregate.queued = false;
            if aggregate.in_flight >= self.limits.in_flight {
                continue;
            }
            if let Some(event) = aggregate.chain.pop_front() {
                if aggregate.in_flight == 0 {
                    aggregate.in_flight_since = event.row.occurred_at;
                }
                aggregate.in_flight += 1;
                if aggregate.in_flight < self.limits.in_flight {
                    self.advance(key);
                }
                return Some(event);
            }
        }
        None
    }

    /// The event is settled in the database: its aggregate goes on. False if the lease that it was read under is over.
    pub(crate) fn settled(&mut self, event: &Event) -> bool {
        self.forget(event);
        self.release(event.key, event.lease)
    }

    /// Whether later events wait until this one, which was taken, is settled.
    pub(crate) fn is_awaited(&self, event: &Event) -> bool {
        self.aggregates.get(&event.key).is_some_and(|aggregate| {
            let waiting = !aggregate.chain.is_empty() || aggregate.rest.is_some();
            waiting && aggregate.in_flight >= self.limits.in_flight
        })
    }

    /// The event's next attempt was written down: its aggregate waits.
    pub(crate) fn retry(&mut self, event: &Event, at: Instant) -> bool {
        self.wait_from(event, at, false)
    }

    /// The event became a dead letter that holds its aggregate until somebody decides.
    pub(crate) fn hold(&mut self, event: &Event, now: Instant) -> bool {
        self.wait_from(event, now + LOOK_AT_HELD_EVERY, true)
    }

    fn wait_from(&mut self, event: &Event, at: Instant, held: bool) -> bool {
        self.forget(event);
        let Some(aggregate) = current(&mut self.aggregates, event.key, event.lease) else { return false };
        aggregate.in_flight -= 1;
        let dropped = aggregate.take_chain_from(event.row.seq);
        for event in &dropped {
            self.forget(event);
        }
        let last_seq = dropped.back().map_or(event.row.seq, |last| last.row.seq);
        self.put_aside(event.key, &event.row, (1 + dropped.len(), last_seq), Some(at), held);
        self.advance(event.key);
        true
    }

    /// From this row on the aggregate is not in memory: so many events more, and the last of them. An earlier row that
    /// it waits for goes before.
    fn put_aside(
        &mut self,
        key: AggregateKey,
        row: &OutboxRow,
        (events, last_seq): (usize, i64),
        resume_at: Option<Instant>,
        held: bool,
    ) {
        let Some(aggregate) = self.aggregates.get_mut(&key) else { return };
        if let Some(rest) = aggregate.rest_from(row.seq - 1) {
            rest.reading = Reading::NotAsked;
            rest.join(events, last_seq);
            return;
        }
        let later = aggregate.rest.as_ref().map_or((0, last_seq), |rest| (rest.events, rest.last_seq));
        let rest = Rest {
            from_seq: row.seq,
            last_seq: last_seq.max(later.1),
            events: events + later.0,
            occurred_at: row.occurred_at,
            resume_at,
            held,
            reading: Reading::NotAsked,
            range: range_of(row),
        };
        if aggregate.rest.replace(rest).is_none() {
            self.partial += 1;
        }
        if let Some(at) = resume_at {
            self.resumes.push(Reverse((at, AggregateKeyOrd(key))));
        }
    }

    /// It is unknown whether the broker has the event: it is the first to be published again.
    pub(crate) fn unknown(&mut self, event: Event) -> bool {
        let Some(aggregate) = current(&mut self.aggregates, event.key, event.lease) else {
            self.forget(&event);
            return false;
        };
        aggregate.in_flight -= 1;
        let key = event.key;
        if let Some(rest) = aggregate.rest_from(event.row.seq) {
            // An earlier event of its aggregate waits: it is read again with that one.
            rest.reading = Reading::NotAsked;
            rest.join(1, event.row.seq);
            self.forget(&event);
            self.advance(key);
            return true;
        }
        aggregate.insert(event);
        if !aggregate.queued {
            aggregate.queued = true;
            self.ready.push_front(key);
        }
        true
    }

    /// The lease of a shard is over: its events are dropped. Those in flight are dropped when they come back.
    pub(crate) fn drop_shard(&mut self, shard: usize) {
        let (mut gone, mut partial) = (Vec::new(), 0);
        self.aggregates.retain(|_, aggregate| {
            if aggregate.shard != shard {
                return true;
            }
            gone.extend(std::mem::take(&mut aggregate.chain));
            partial += usize::from(aggregate.rest.is_some());
            false
        });
        self.partial -= partial;
        for event in &gone {
            self.forget(event);
        }
    }

    /// Moves the aggregates whose wait is over to those that are read again; returns when the next one's is.
    pub(crate) fn resume(&mut self, now: Instant) -> Option<Instant> {
        while let Some(Reverse((at, AggregateKeyOrd(key)))) = self.resumes.peek().copied() {
            if at > now {
                return Some(at);
            }
            self.resumes.pop();
            let rest = self.aggregates.get_mut(&key).and_then(|aggregate| aggregate.rest.as_mut());
            if let Some(rest) = rest.filter(|rest| rest.resume_at == Some(at)) {
                rest.resume_at = None;
                self.ask_for_rest(key);
            }
        }
        None
    }

    /// Up to `limit` aggregates whose rest is to be read now, up to their shard's cursor: what lies beyond comes with
    /// the pages.
    pub(crate) fn take_refills(
        &mut self,
        limit: usize,
        cursor: impl Fn(usize) -> i64,
    ) -> Vec<(AggregateKey, AggregateRange)> {
        let mut wanted = Vec::new();
        while wanted.len() < limit
            && let Some(key) = self.refills.pop_front()
        {
            let Some(aggregate) = self.aggregates.get_mut(&key) else { continue };
            if let Some(rest) = aggregate.rest.as_mut().filter(|rest| rest.reading == Reading::Asked) {
                rest.reading = Reading::UnderWay;
                let mut range = rest.range.clone();
                range.from_seq = rest.from_seq;
                range.to_seq = cursor(aggregate.shard).max(rest.from_seq);
                wanted.push((key, range));
            }
        }
        wanted
    }

    /// The rest of an aggregate was read: these rows, and `complete` if there are no more.
    pub(crate) fn refilled(&mut self, key: AggregateKey, rows: Vec<OutboxRow>, complete: bool, now: Instant) {
        let Some(aggregate) = self.aggregates.get_mut(&key) else { return };
        let Some(rest) = aggregate.rest.take_if(|rest| rest.reading == Reading::UnderWay) else { return };
        self.partial -= 1;
        let (lease, next_seq) = (aggregate.lease, rows.last().map_or(rest.from_seq, |row| row.seq + 1));
        let left = rest.events.saturating_sub(rows.len());
        for row in rows {
            self.offer(row, lease, now);
        }
        let Some(aggregate) = self.aggregates.get_mut(&key) else { return };
        if let (false, Some(again)) = (complete, &mut aggregate.rest) {
            again.join(left, rest.last_seq);
        } else if !complete {
            aggregate.rest = Some(Rest {
                from_seq: next_seq,
                events: left,
                held: false,
                reading: Reading::NotAsked,
                ..rest
            });
            self.partial += 1;
        }
        self.advance(key);
    }

    /// A refill failed: it is due again.
    pub(crate) fn refill_failed(&mut self, key: AggregateKey) {
        let rest = self.aggregates.get_mut(&key).and_then(|aggregate| aggregate.rest.as_mut());
        if let Some(rest) = rest.filter(|rest| rest.reading == Reading::UnderWay) {
            rest.reading = Reading::Asked;
            self.refills.push_back(key);
        }
    }

    fn ask_for_rest(&mut self, key: AggregateKey) {
        let rest = self.aggregates.get_mut(&key).and_then(|aggregate| aggregate.rest.as_mut());
        if let Some(rest) = rest.filter(|rest| rest.reading == Reading::NotAsked) {
            rest.reading = Reading::Asked;
            self.refills.push_back(key);
        }
    }

    fn forget(&mut self, event: &Event) {
        if self.known.remove(&event.row.seq) {
            self.bytes -= event.bytes;
            if let Some(forgotten) = &mut self.forgotten {
                forgotten.insert(event.row.seq);
            }
        }
    }

    fn release(&mut self, key: AggregateKey, lease: u64) -> bool {
        let Some(aggregate) = current(&mut self.aggregates, key, lease) else { return false };
        aggregate.in_flight -= 1;
        self.advance(key);
        true
    }

    /// What the aggregate needs next: its turn, its rest, nothing for now, or to be forgotten.
    fn advance(&mut self, key: AggregateKey) {
        let Some(aggregate) = self.aggregates.get(&key) else { return };
        if aggregate.in_flight >= self.limits.in_flight {
            return;
        }
        if !aggregate.chain.is_empty() {
            self.queue(key);
        } else if let Some(rest) = &aggregate.rest {
            if rest.resume_at.is_none() {
                self.ask_for_rest(key);
            }
        } else if aggregate.in_flight == 0 {
            self.aggregates.remove(&key);
        }
    }

    fn queue(&mut self, key: AggregateKey) {
        if let Some(aggregate) = self.aggregates.get_mut(&key)
            && aggregate.in_flight < self.limits.in_flight
            && !aggregate.queued
        {
            aggregate.queued = true;
            self.ready.push_back(key);
        }
    }
}

impl Rest {
    /// So many events more are not in memory.
    fn join(&mut self, events: usize, last_seq: i64) {
        self.events += events;
        self.last_seq = self.last_seq.max(last_seq);
    }
}

impl Aggregate {
    /// At its place by seq.
    fn insert(&mut self, event: Event) {
        let before = self.chain.iter().rposition(|other| other.row.seq < event.row.seq);
        self.chain.insert(before.map_or(0, |before| before + 1), event);
    }

    /// The rest, if it begins with this seq or before.
    fn rest_from(&mut self, seq: i64) -> Option<&mut Rest> {
        self.rest.as_mut().filter(|rest| rest.from_seq <= seq)
    }

    /// Takes out the events that come after `seq`.
    fn take_chain_from(&mut self, seq: i64) -> VecDeque<Event> {
        let kept = self.chain.partition_point(|event| event.row.seq < seq);
        self.chain.split_off(kept)
    }
}

/// How long the event still has to wait.
fn wait_of(row: &OutboxRow) -> Option<Duration> {
    row.wait_ms.filter(|wait| *wait > 0).map(|wait| match wait {
        UNTIL_DECIDED => LOOK_AT_HELD_EVERY,
        wait => Duration::from_millis(wait.unsigned_abs()),
    })
}

fn current(
    aggregates: &mut FastMap<AggregateKey, Aggregate>,
    key: AggregateKey,
    lease: u64,
) -> Option<&mut Aggregate> {
    aggregates.get_mut(&key).filter(|aggregate| aggregate.lease == lease)
}

fn range_of(row: &OutboxRow) -> AggregateRange {
    AggregateRange {
        shard: row.shard,
        tenant_id: row.tenant_id,
        aggregate_type: row.aggregate_type.clone(),
        aggregate_id: row.aggregate_id.clone(),
        from_seq: row.seq,
        to_seq: row.seq,
    }
}

#[cfg(test)]
#[path = "backlog_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "backlog_model_tests.rs"]
mod model_tests;
