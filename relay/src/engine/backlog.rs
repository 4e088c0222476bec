//! The events in memory and the order in which they may be published. No I/O and no clock.
//!
//! Each aggregate is a chain. Only its head may be published. The next event becomes the head when the one before it is
//! *settled in the database*: a crash then repeats the last event of an aggregate and never an older one. A limit of more
//! than one event in flight for each aggregate gives that up for speed: as many events as the limit may be repeated, or
//! overtake a refused one.
//!
//! An aggregate with more events than fit keeps only the seq from which on it is not in memory. The events from there on are
//! its *rest*: they are dropped from batches, and a read of its own brings them when their turn has come.
//!
//! An aggregate whose event was refused leaves memory. The event's row knows how long it waits, and reads mark each later
//! row of the aggregate as standing behind it ([`Turn`]); such rows are dropped. When the wait is over, the refused event
//! comes back ([`Backlog::resume`]), and its successors after it. So aggregates that fail take no memory, however many they
//! are, and only a limited number of them is tried at a time.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use comptoir_core::outbox::{AggregateRange, OutboxRow, SHARDS, Turn};

use rustc_hash::{FxHashMap, FxHashSet};

use super::aggregate::{Aggregate, Extent, Rest, RestState, range_of};
use super::event::{AggregateKey, Event};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    /// Events of one aggregate that were read and not yet taken.
    pub(crate) chain: usize,
    /// Events of one aggregate that were taken and are not yet settled.
    pub(crate) in_flight: usize,
    /// Aggregates whose refused event is tried again at the same time.
    pub(crate) resumed: usize,
}

#[derive(Debug)]
pub(crate) struct Backlog {
    limits: Limits,
    aggregates: FxHashMap<AggregateKey, Aggregate>,
    /// Aggregates whose head may be published; entries may be stale.
    ready: VecDeque<AggregateKey>,
    /// The seqs in memory: waiting, in flight or being settled.
    known: FxHashSet<i64>,
    /// The events and aggregates that left memory while a read was under way, which may still return them.
    left: Option<Left>,
    bytes: usize,
    /// Aggregates that have a rest.
    partial: usize,
    resumed: usize,
    /// For each shard, the number of dropped events that stand behind refused ones; for the metrics.
    behind: [usize; SHARDS],
    refills: VecDeque<AggregateKey>,
}

#[derive(Debug, Default)]
struct Left {
    seqs: FxHashSet<i64>,
    aggregates: FxHashMap<AggregateKey, Why>,
}

/// Why an aggregate left memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// All its known events are settled.
    Settled,
    /// Its next event was refused.
    SetAside,
}

impl Backlog {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            aggregates: FxHashMap::default(),
            ready: VecDeque::new(),
            known: FxHashSet::default(),
            left: None,
            bytes: 0,
            partial: 0,
            resumed: 0,
            behind: [0; SHARDS],
            refills: VecDeque::new(),
        }
    }

    /// Returns the number of events in memory, those in flight included.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Returns how many events were read and dropped, for lack of room or behind a refused one. Refused events do not count.
    pub(crate) fn dropped_events(&self) -> usize {
        let rests = self.aggregates.values().filter_map(|aggregate| aggregate.rest.as_ref());
        self.behind.iter().sum::<usize>() + rests.map(|rest| rest.events).sum::<usize>()
    }

    /// Returns when the oldest event in memory occurred.
    pub(crate) fn oldest(&self) -> Option<DateTime<Utc>> {
        let oldest_of = |aggregate: &Aggregate| {
            let taken = (aggregate.in_flight > 0).then_some(aggregate.in_flight_since);
            let waiting = aggregate.chain.front().map(|event| event.row.occurred_at);
            taken.into_iter().chain(waiting).min()
        };
        self.aggregates.values().filter_map(oldest_of).min()
    }

    /// Whether there are aggregates whose rest is to be read as soon as possible.
    pub(crate) fn has_refills(&self) -> bool {
        !self.refills.is_empty()
    }

    pub(crate) fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// Returns how many events and how many bytes may be read.
    pub(crate) fn room(&self) -> (usize, usize) {
        (self.limits.events.saturating_sub(self.known.len()), self.limits.bytes.saturating_sub(self.bytes))
    }

    /// Returns how many more aggregates may come back.
    pub(crate) fn resume_room(&self) -> usize {
        self.limits.resumed.saturating_sub(self.resumed)
    }

    /// Returns the number of aggregates that came back with a refused event.
    pub(crate) fn resumed(&self) -> usize {
        self.resumed
    }

    /// Returns the number of aggregates that have a rest.
    pub(crate) fn partial(&self) -> usize {
        self.partial
    }

    pub(crate) fn resume_limit(&self) -> usize {
        self.limits.resumed
    }

    pub(crate) fn has(&self, key: AggregateKey) -> bool {
        self.aggregates.contains_key(&key)
    }

    /// Begins a read: until `read_ended`, events and aggregates that leave memory are remembered.
    pub(crate) fn read_began(&mut self) {
        self.left = Some(Left::default());
    }

    /// Ends a read: all its rows were offered.
    pub(crate) fn read_ended(&mut self) {
        self.left = None;
    }

    /// Takes in a row of a batch; the rows of one aggregate come in the order of seq. Returns whether the event was new.
    pub(crate) fn offer(&mut self, row: OutboxRow, lease: u64) -> bool {
        let left = self.left.as_ref();
        if self.known.contains(&row.seq) || left.is_some_and(|left| left.seqs.contains(&row.seq)) {
            return false;
        }
        let event = Event::new(row, lease);
        if !self.aggregates.contains_key(&event.key) {
            let left = left.and_then(|left| left.aggregates.get(&event.key));
            let comes = match event.row.turn {
                // The row may have been read before its predecessor was refused.
                Turn::Now => left != Some(&Why::SetAside),
                // Or before the refused event was settled: then no other read would return it again.
                Turn::Behind => left == Some(&Why::Settled),
                Turn::Retry { .. } | Turn::UntilDecided => return false,
            };
            if !comes {
                self.behind[event.shard()] += 1;
                return false;
            }
        }
        if event.row.turn == Turn::Now { self.place(event) } else { self.place_unread(&event) }
    }

    /// Notes an event whose turn has not come. A batch has no payload of it: it is read again with the rest of its aggregate.
    fn place_unread(&mut self, event: &Event) -> bool {
        let (key, seq) = (event.key, event.row.seq);
        let aggregate = self.entry(event);
        if let Some(rest) = aggregate.rest_from(seq) {
            if seq > rest.last_seq {
                rest.join(1, seq);
            }
            return false;
        }
        self.leave_in_database(key, &event.row, (1, seq), RestState::NotAsked);
        self.advance(key);
        true
    }

    fn entry(&mut self, event: &Event) -> &mut Aggregate {
        self.aggregates.entry(event.key).or_insert_with(|| Aggregate {
            shard: event.shard(),
            lease: event.lease,
            ..Aggregate::default()
        })
    }

    /// Puts the event at its place in its aggregate, or counts it to the aggregate's rest.
    fn place(&mut self, event: Event) -> bool {
        let (key, seq) = (event.key, event.row.seq);
        let aggregate = self.entry(&event);
        let is_within = aggregate.chain.back().is_some_and(|last| seq < last.row.seq);
        if let Some(rest) = aggregate.rest.as_mut().filter(|_| !is_within) {
            rest.from_seq = rest.from_seq.min(seq);
            if seq > rest.last_seq {
                rest.join(1, seq);
            }
            return false;
        }
        if !is_within && event.row.turn.is_later() {
            let set_aside = RestState::SetAside { alone: aggregate.in_flight == 0 };
            self.leave_in_database(key, &event.row, (0, seq), set_aside);
            return false;
        }
        if !is_within && aggregate.chain.len() >= self.limits.chain {
            self.leave_in_database(key, &event.row, (1, seq), RestState::NotAsked);
            return true;
        }
        self.insert(event);
        self.queue(key);
        true
    }

    fn insert(&mut self, event: Event) {
        if let Some(aggregate) = self.aggregates.get_mut(&event.key) {
            self.known.insert(event.row.seq);
            self.bytes += event.bytes;
            aggregate.insert(event);
        }
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

    /// The event is settled in the database: its aggregate goes on. Returns false if the lease under which it was read is over.
    pub(crate) fn settled(&mut self, event: &Event) -> bool {
        self.forget(event);
        let Some(aggregate) = current(&mut self.aggregates, event.key, event.lease) else { return false };
        aggregate.in_flight -= 1;
        self.advance(event.key);
        true
    }

    /// Whether later events wait until this one, which was taken, is settled.
    pub(crate) fn is_awaited(&self, event: &Event) -> bool {
        self.aggregates.get(&event.key).is_some_and(|aggregate| {
            let waiting = !aggregate.chain.is_empty() || aggregate.rest.is_some();
            waiting && aggregate.in_flight >= self.limits.in_flight
        })
    }

    /// Whether an earlier event of its aggregate was refused and waits.
    pub(crate) fn is_behind(&self, event: &Event) -> bool {
        let rest = self.aggregates.get(&event.key).and_then(|aggregate| aggregate.rest.as_ref());
        rest.is_some_and(|rest| rest.is_set_aside() && rest.from_seq < event.row.seq)
    }

    /// The refusal of the event was written down: its aggregate waits with it, in the database.
    pub(crate) fn set_aside(&mut self, event: &Event) -> bool {
        self.leave_with(event, true)
    }

    /// Like [`Self::set_aside`], until an operator decides about the event. It is read once more, because the decision may have
    /// been made since the dead letter was written down.
    pub(crate) fn hold(&mut self, event: &Event) -> bool {
        self.leave_with(event, false)
    }

    fn leave_with(&mut self, event: &Event, alone: bool) -> bool {
        self.forget(event);
        let Some(aggregate) = current(&mut self.aggregates, event.key, event.lease) else { return false };
        aggregate.in_flight -= 1;
        let set_aside = RestState::SetAside { alone: alone && aggregate.in_flight == 0 };
        let dropped = aggregate.take_chain_from(event.row.seq);
        for event in &dropped {
            self.forget(event);
        }
        let last_seq = dropped.back().map_or(event.row.seq, |last| last.row.seq);
        self.leave_in_database(event.key, &event.row, (dropped.len(), last_seq), set_aside);
        self.advance(event.key);
        true
    }

    /// Adds this row and the events after it to the rest: their number, and the seq of the last. If the rest begins earlier, it
    /// keeps its beginning.
    fn leave_in_database(
        &mut self,
        key: AggregateKey,
        row: &OutboxRow,
        (events, last_seq): (usize, i64),
        state: RestState,
    ) {
        let Some(aggregate) = self.aggregates.get_mut(&key) else { return };
        if let Some(rest) = aggregate.rest_from(row.seq - 1) {
            rest.start_anew();
            rest.join(events, last_seq);
            return;
        }
        let later = aggregate.rest.as_ref().map_or((0, last_seq), |rest| (rest.events, rest.last_seq));
        let rest = Rest {
            from_seq: row.seq,
            last_seq: last_seq.max(later.1),
            events: events + later.0,
            state,
            range: range_of(row),
        };
        if aggregate.rest.replace(Box::new(rest)).is_none() {
            self.partial += 1;
        }
    }

    /// It is unknown whether the broker has the event: it is published again, before all others.
    pub(crate) fn unknown(&mut self, event: Event) -> bool {
        let Some(aggregate) = current(&mut self.aggregates, event.key, event.lease) else {
            self.forget(&event);
            return false;
        };
        aggregate.in_flight -= 1;
        let key = event.key;
        if let Some(rest) = aggregate.rest_from(event.row.seq) {
            // An earlier event of its aggregate waits: both are read again together.
            rest.start_anew();
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

    /// The shard is read from its beginning: its dropped events are counted anew.
    pub(crate) fn reads_anew(&mut self, shard: usize) {
        self.behind[shard] = 0;
    }

    /// The lease of a shard is over: its events are dropped. Those in flight are dropped when they come back.
    pub(crate) fn drop_shard(&mut self, shard: usize) {
        let gone: Vec<AggregateKey> = self
            .aggregates
            .iter()
            .filter(|(_, aggregate)| aggregate.shard == shard)
            .map(|(key, _)| *key)
            .collect();
        for aggregate in gone.iter().filter_map(|key| self.remove(*key)).collect::<Vec<_>>() {
            for event in &aggregate.chain {
                self.forget(event);
            }
        }
        self.behind[shard] = 0;
    }

    /// The first event of this range was refused and is due: it is read, unless its aggregate is in memory or enough aggregates
    /// have come back. Returns whether it will be read.
    pub(crate) fn resume(&mut self, range: AggregateRange, lease: u64) -> bool {
        let key = AggregateKey::of_range(&range);
        if self.resume_room() == 0 || self.aggregates.contains_key(&key) {
            return false;
        }
        let rest = Rest {
            from_seq: range.from_seq,
            last_seq: range.from_seq,
            events: 0,
            state: RestState::Asked(Extent::Head),
            range,
        };
        let shard = usize::from(rest.range.shard.unsigned_abs());
        let rest = Some(Box::new(rest));
        let aggregate = Aggregate { shard, lease, resumed: true, rest, ..Aggregate::default() };
        self.aggregates.insert(key, aggregate);
        self.partial += 1;
        self.resumed += 1;
        self.refills.push_back(key);
        true
    }

    /// Returns up to `limit` aggregates whose rest is to be read now, each up to its shard's cursor: later events come with the
    /// batches.
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
            let Some(rest) = aggregate.rest.as_mut() else { continue };
            let RestState::Asked(extent) = rest.state else { continue };
            rest.state = RestState::UnderWay(extent);
            let mut range = rest.range.clone();
            range.from_seq = rest.from_seq;
            range.to_seq = match extent {
                Extent::Head => rest.from_seq,
                Extent::ToCursor => cursor(aggregate.shard).max(rest.from_seq),
            };
            wanted.push((key, range));
        }
        wanted
    }

    /// Takes in the rows of an aggregate's rest that was read; `complete` if there are no more.
    pub(crate) fn refilled(&mut self, key: AggregateKey, rows: Vec<OutboxRow>, complete: bool) {
        if rows.is_empty() && !complete {
            // The read ended before it came to this aggregate.
            self.refill_failed(key);
            return;
        }
        let Some(aggregate) = self.aggregates.get_mut(&key) else { return };
        let is_under_way = |rest: &mut Box<Rest>| matches!(rest.state, RestState::UnderWay(_));
        let Some(rest) = aggregate.rest.take_if(is_under_way) else { return };
        self.partial -= 1;
        let (lease, shard, came) = (aggregate.lease, aggregate.shard, rows.len());
        let next_seq = rows.last().map_or(rest.from_seq + 1, |row| row.seq + 1);
        let is_head = rest.state == RestState::UnderWay(Extent::Head);
        if !is_head {
            self.behind[shard] = self.behind[shard].saturating_sub(came);
            self.resumed -= usize::from(std::mem::take(&mut aggregate.resumed));
        }
        for row in rows {
            let has_left = self.left.as_ref().is_some_and(|left| left.seqs.contains(&row.seq));
            if !has_left && !self.known.contains(&row.seq) {
                self.place(Event::new(row, lease));
            }
        }
        if is_head || !complete {
            self.remains(key, rest, next_seq, came);
        }
        self.advance(key);
    }

    /// Keeps the rest without its first `came` events, which were read.
    fn remains(&mut self, key: AggregateKey, mut rest: Box<Rest>, from_seq: i64, came: usize) {
        let Some(aggregate) = self.aggregates.get_mut(&key) else { return };
        let events = rest.events.saturating_sub(came);
        if let Some(again) = &mut aggregate.rest {
            again.join(events, rest.last_seq);
        } else {
            (rest.from_seq, rest.events, rest.state) = (from_seq, events, RestState::NotAsked);
            aggregate.rest = Some(rest);
            self.partial += 1;
        }
    }

    /// The read of a rest failed, or ended before it: it is due again.
    pub(crate) fn refill_failed(&mut self, key: AggregateKey) {
        let rest = self.aggregates.get_mut(&key).and_then(|aggregate| aggregate.rest.as_mut());
        if let Some(rest) = rest
            && let RestState::UnderWay(extent) = rest.state
        {
            rest.state = RestState::Asked(extent);
            self.refills.push_back(key);
        }
    }

    fn forget(&mut self, event: &Event) {
        if self.known.remove(&event.row.seq) {
            self.bytes -= event.bytes;
            if let Some(left) = &mut self.left {
                left.seqs.insert(event.row.seq);
            }
        }
    }

    /// Does the next step for the aggregate: queues it, asks for its rest, nothing for now, or forgets it.
    fn advance(&mut self, key: AggregateKey) {
        let Some(aggregate) = self.aggregates.get_mut(&key) else { return };
        if aggregate.in_flight >= self.limits.in_flight {
            return;
        }
        if !aggregate.chain.is_empty() {
            self.queue(key);
            return;
        }
        let is_idle = aggregate.in_flight == 0;
        match aggregate.rest.as_mut().map(|rest| (rest.state, rest)) {
            Some((RestState::SetAside { alone: true }, _)) if is_idle => self.leave(key, Why::SetAside),
            Some((RestState::SetAside { alone: false }, rest)) if is_idle => {
                rest.state = RestState::Asked(Extent::ToCursor);
                self.refills.push_back(key);
            }
            Some((RestState::NotAsked, rest)) => {
                rest.state = RestState::Asked(Extent::ToCursor);
                self.refills.push_back(key);
            }
            None if is_idle => self.leave(key, Why::Settled),
            _ => {}
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

    fn leave(&mut self, key: AggregateKey, why: Why) {
        let Some(aggregate) = self.remove(key) else { return };
        self.behind[aggregate.shard] += aggregate.rest.map_or(0, |rest| rest.events);
        if let Some(left) = &mut self.left {
            left.aggregates.insert(key, why);
        }
    }

    fn remove(&mut self, key: AggregateKey) -> Option<Aggregate> {
        let aggregate = self.aggregates.remove(&key)?;
        self.partial -= usize::from(aggregate.rest.is_some());
        self.resumed -= usize::from(aggregate.resumed);
        Some(aggregate)
    }
}

fn current(
    aggregates: &mut FxHashMap<AggregateKey, Aggregate>,
    key: AggregateKey,
    lease: u64,
) -> Option<&mut Aggregate> {
    aggregates.get_mut(&key).filter(|aggregate| aggregate.lease == lease)
}

#[cfg(test)]
#[path = "backlog_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "backlog_model_tests.rs"]
mod model_tests;
