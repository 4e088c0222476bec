//! Tests the backlog against a model of the database, a map, under random steps: commits, also late ones; reads that return
//! the rows as they were when the read began; refusals; decisions; lost leases; and writes whose answers come late.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use comptoir_core::outbox::{OutboxRow, Turn};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::super::event::{AggregateKey, Event, sample};
use super::super::retry_schedule::{RetrySchedule, Seen};
use super::{Backlog, Limits, range_of};

const SHARD: usize = 3;
const AGGREGATES: i64 = 5;
const EVENTS: i64 = 300;
const CHAIN: usize = 4;

/// When a refused row may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    At(Instant),
    Held,
}

/// The result of a read, until it is taken in.
#[derive(Debug)]
enum Answer {
    Batch { rows: Vec<OutboxRow>, cursor: i64, seen: BTreeSet<i64>, looked_behind: bool },
    Rests { rests: Vec<(AggregateKey, Vec<OutboxRow>)>, cut: bool },
    Look { takes: Vec<(i16, i32)>, rows: Vec<OutboxRow> },
}

/// Drives a backlog as the engine does, with a clock of its own.
struct Model {
    random: StdRng,
    backlog: Backlog,
    waiting: RetrySchedule,
    in_flight_limit: usize,
    lease: u64,
    now: Instant,
    /// The committed rows, by seq; `None` for a row that was never refused.
    table: BTreeMap<i64, Option<Refused>>,
    /// The seq of a transaction that is not committed.
    open: Option<i64>,
    drawn: i64,
    cursor: i64,
    /// The rows that the last batch's snapshot saw.
    seen: BTreeSet<i64>,
    reading: Option<Answer>,
    in_flight: Vec<Event>,
    /// An event that was written to the database, before the backlog knows it; with its turn if it was refused.
    written: Option<(Event, Option<Turn>)>,
    /// The events in the order in which they reached the broker, repeats included.
    published: Vec<i64>,
    refused: BTreeSet<i64>,
}

impl Model {
    fn new(seed: u64, in_flight: usize) -> Self {
        let limits = Limits { events: 40, bytes: 100_000, chain: CHAIN, in_flight, resumed: 2 };
        Self {
            random: StdRng::seed_from_u64(seed),
            backlog: Backlog::new(limits),
            waiting: RetrySchedule::new(),
            in_flight_limit: in_flight,
            lease: 1,
            now: Instant::now(),
            table: BTreeMap::new(),
            open: None,
            drawn: 0,
            cursor: 0,
            seen: BTreeSet::new(),
            reading: None,
            in_flight: Vec::new(),
            written: None,
            published: Vec::new(),
            refused: BTreeSet::new(),
        }
    }

    /// Returns the row as the statements do. Where they do not look behind, a row that was never refused has [`Turn::Now`].
    fn row(&self, seq: i64, look_behind: bool) -> OutboxRow {
        let refused_before =
            || self.table.range(..seq).any(|(other, state)| state.is_some() && of(*other) == of(seq));
        let turn = match self.table[&seq] {
            Some(Refused::Held) => Turn::UntilDecided,
            Some(Refused::At(at)) => Turn::Retry {
                wait_ms: u64::try_from(at.saturating_duration_since(self.now).as_millis()).unwrap(),
            },
            None if look_behind && refused_before() => Turn::Behind,
            None => Turn::Now,
        };
        OutboxRow { turn, ..sample(seq, &of(seq).to_string()) }
    }

    /// Pages bring no payload of an event whose turn has not come.
    fn row_of_page(&self, seq: i64, look_behind: bool) -> OutboxRow {
        let mut row = self.row(seq, look_behind);
        if row.turn != Turn::Now {
            row.payload.0 = b"null".to_vec();
        }
        row
    }

    fn turn(&mut self) {
        match self.random.random_range(0..100) {
            0..20 => self.commit(),
            20..45 => self.ask(),
            45..60 => self.take_in(),
            60..80 => self.take(),
            80..90 => self.decide(),
            90..96 => self.write_is_answered(),
            96 => self.somebody_decides(),
            97 => self.lose_the_lease(),
            _ => self.now += Duration::from_millis(self.random.random_range(1..400)),
        }
        self.check();
    }

    fn check(&self) {
        let awaited: Vec<&Event> =
            self.in_flight.iter().chain(self.written.as_ref().map(|(event, _)| event)).collect();
        for (key, aggregate) in &self.backlog.aggregates {
            let waits = !aggregate.chain.is_empty() && !aggregate.queued;
            let is_awaited = |event: &&Event| event.key == *key && self.backlog.is_awaited(event);
            assert!(!waits || awaited.iter().any(is_awaited), "nobody knows what {key:?} waits for");
            let of_this = awaited.iter().filter(|event| event.key == *key).count();
            assert_eq!(aggregate.in_flight, of_this, "in flight");
            assert!(
                aggregate.in_flight > 0 || !aggregate.chain.is_empty() || aggregate.rest.is_some(),
                "an aggregate of which nothing is known stays in memory"
            );
        }
        let aggregates = self.backlog.aggregates.values();
        assert_eq!(self.backlog.partial(), aggregates.clone().filter(|one| one.rest.is_some()).count());
        assert_eq!(self.backlog.resumed(), aggregates.clone().filter(|one| one.resumed).count());
        let in_chains: usize = aggregates.map(|one| one.chain.len()).sum();
        assert_eq!(self.backlog.len(), in_chains + awaited.len(), "what is known");
        assert!(self.backlog.len() <= 40 + CHAIN * 5, "memory is bounded");
        assert!(self.backlog.resumed() <= 2, "so many come back at the same time");
    }

    /// One transaction may be open; its aggregate is locked meanwhile, as writers lock it.
    fn commit(&mut self) {
        if self.open.is_some() && self.random.random_bool(0.3) {
            self.table.extend(self.open.take().map(|seq| (seq, None)));
        } else if self.drawn < EVENTS {
            let seq = self.drawn + 1;
            match self.open {
                Some(open) if of(open) == of(seq) => {}
                None if self.random.random_bool(0.2) => (self.drawn, self.open) = (seq, Some(seq)),
                _ => {
                    self.drawn = seq;
                    self.table.insert(seq, None);
                }
            }
        }
    }

    fn ask(&mut self) {
        if self.reading.is_some() {
            return;
        }
        match self.random.random_range(0..3) {
            0 => self.ask_for_a_page(),
            1 => self.ask_for_rests(),
            _ => self.look(),
        }
    }

    fn ask_for_a_page(&mut self) {
        let room = self.backlog.room().0.min(self.random.random_range(1..20));
        let look_behind = self.waiting.any();
        let late =
            self.table.range(..=self.cursor).map(|(seq, _)| *seq).filter(|seq| !self.seen.contains(seq));
        let next: Vec<i64> = self.table.range(self.cursor + 1..).map(|(seq, _)| *seq).take(room).collect();
        let cursor = next.last().copied().unwrap_or(self.cursor);
        let rows = late.chain(next).map(|seq| self.row_of_page(seq, look_behind)).collect();
        let seen = self.table.keys().copied().collect();
        self.backlog.read_began();
        self.reading = Some(Answer::Batch { rows, cursor, seen, looked_behind: look_behind });
    }

    /// Reads the rests of several aggregates. The read may end in the middle of one, before it comes to the others.
    fn ask_for_rests(&mut self) {
        let cursor = self.cursor;
        let wanted = self.backlog.take_refills(3, |_| cursor);
        if wanted.is_empty() {
            return;
        }
        self.backlog.read_began();
        let mut budget =
            if self.random.random_bool(0.3) { self.random.random_range(1..=CHAIN) } else { usize::MAX };
        let mut rests = Vec::with_capacity(wanted.len());
        for (key, range) in wanted {
            let rows: Vec<_> = self
                .table
                .range(range.from_seq..=range.to_seq)
                .filter(|(seq, _)| of(**seq).to_string() == range.aggregate_id)
                .map(|(seq, _)| self.row(*seq, false))
                .take(CHAIN.min(budget))
                .collect();
            budget -= rows.len();
            rests.push((key, rows));
        }
        self.reading = Some(Answer::Rests { rests, cut: budget == 0 });
    }

    fn look(&mut self) {
        let room = self.backlog.resume_room();
        if room == 0 || self.waiting.look_at().is_none_or(|at| at > self.now) {
            return;
        }
        let takes = self.waiting.ask(&[3], room);
        let mut waiting: Vec<(Option<Instant>, i64)> = self
            .table
            .iter()
            .filter(|(seq, _)| {
                !self.table.range(..**seq).any(|(other, state)| state.is_some() && of(*other) == of(**seq))
            })
            .filter_map(|(seq, state)| match (*state)? {
                Refused::At(at) => Some((Some(at), *seq)),
                Refused::Held => Some((None, *seq)),
            })
            .collect();
        waiting.sort_by_key(|(at, _)| (at.is_none(), *at));
        let take = usize::try_from(takes[0].1).unwrap();
        let rows = waiting.into_iter().take(take).map(|(_, seq)| self.row(seq, false)).collect();
        self.backlog.read_began();
        self.reading = Some(Answer::Look { takes, rows });
    }

    fn take_in(&mut self) {
        match self.reading.take() {
            None => return,
            Some(Answer::Batch { rows, .. } | Answer::Look { rows, .. }) if self.random.random_bool(0.05) => {
                // The read failed: everything is read from the beginning.
                drop(rows);
                self.waiting.look_again(self.now);
                self.read_from_the_beginning();
            }
            Some(Answer::Batch { rows, cursor, seen, looked_behind }) => {
                let refused = rows.iter().find(|row| row.turn != Turn::Now).map(|row| row.turn);
                match refused {
                    Some(turn) if !looked_behind => self.waiting.note(turn, self.now),
                    _ => {
                        (self.cursor, self.seen) = (cursor.max(self.cursor), seen);
                        self.offer(rows);
                    }
                }
            }
            Some(Answer::Rests { rests, .. }) if self.random.random_bool(0.1) => {
                for (key, _) in rests {
                    self.backlog.refill_failed(key);
                }
            }
            Some(Answer::Rests { rests, cut }) => {
                for (key, rows) in rests {
                    let complete = !cut && rows.len() < CHAIN;
                    self.backlog.refilled(key, rows, complete);
                }
            }
            Some(Answer::Look { takes, rows }) => {
                let mut seen = Vec::new();
                for row in rows {
                    let in_memory = !row.turn.is_later()
                        && (self.backlog.has(AggregateKey::of(&row))
                            || self.backlog.resume(range_of(&row), self.lease));
                    seen.push(Seen { shard: SHARD, turn: row.turn, in_memory });
                }
                self.waiting.looked(&takes, &seen, Duration::ZERO, self.now);
            }
        }
        self.backlog.read_ended();
    }

    fn offer(&mut self, rows: Vec<OutboxRow>) {
        for row in rows {
            if matches!(row.turn, Turn::Retry { .. } | Turn::UntilDecided) {
                self.waiting.note(row.turn, self.now);
            }
            self.backlog.offer(row, self.lease);
        }
    }

    fn read_from_the_beginning(&mut self) {
        self.cursor = 0;
        self.seen.clear();
        self.backlog.reads_anew(SHARD);
    }

    fn take(&mut self) {
        let Some(event) = self.backlog.take(|_| true) else { return };
        let of_the_same = self.in_flight.iter().filter(|other| other.key == event.key).count();
        assert!(of_the_same < self.in_flight_limit, "{of_the_same} of {} are in flight", of(event.row.seq));
        assert_eq!(event.row.payload.0, b"{}", "{} was published without its payload", event.row.seq);
        let state = self.table[&event.row.seq];
        assert!(
            !matches!(state, Some(Refused::At(at)) if at > self.now) && state != Some(Refused::Held),
            "{} waits: {state:?}",
            event.row.seq
        );
        if self.in_flight_limit == 1 {
            let before = self.table.range(..event.row.seq).find(|(seq, _)| of(**seq) == of(event.row.seq));
            assert_eq!(before, None, "{} overtakes", event.row.seq);
        }
        self.in_flight.push(event);
    }

    fn decide(&mut self) {
        if self.in_flight.is_empty() || self.written.is_some() {
            return;
        }
        // Confirms of one channel come in order.
        let event = self.in_flight.remove(0);
        let seq = event.row.seq;
        let behind = self.backlog.is_behind(&event);
        match self.random.random_range(0..10) {
            0 | 1 => {
                self.refused.insert(seq);
                let at = self.now + Duration::from_millis(100);
                self.table.insert(seq, (!behind).then_some(Refused::At(at)));
                self.written = Some((event, Some(Turn::Retry { wait_ms: 100 })));
            }
            2 => {
                self.refused.insert(seq);
                self.table.insert(seq, Some(Refused::Held));
                self.written = Some((event, Some(Turn::UntilDecided)));
            }
            3 => {
                self.published.push(seq);
                for lost in std::iter::once(event).chain(std::mem::take(&mut self.in_flight)) {
                    assert!(self.backlog.unknown(lost));
                }
            }
            _ => {
                self.published.push(seq);
                self.table.remove(&seq);
                self.written = Some((event, None));
            }
        }
    }

    fn write_is_answered(&mut self) {
        let Some((event, refused)) = self.written.take() else { return };
        if let Some(turn) = refused {
            self.waiting.note(turn, self.now);
            assert!(self.backlog.set_aside(&event));
        } else {
            assert!(self.backlog.settled(&event));
        }
    }

    /// Requeues or discards a dead letter, as the statements do it.
    fn somebody_decides(&mut self) {
        let held: Vec<i64> = self
            .table
            .iter()
            .filter(|(_, state)| **state == Some(Refused::Held))
            .map(|(seq, _)| *seq)
            .collect();
        let Some(seq) = held.choose(&mut self.random).copied() else { return };
        if self.random.random_bool(0.5) {
            self.table.insert(seq, Some(Refused::At(self.now)));
            self.seen.remove(&seq);
        } else {
            self.table.remove(&seq);
            self.published.push(seq);
            let next = self.table.range(seq + 1..).find(|(other, _)| of(**other) == of(seq));
            if let Some((next, None)) = next.map(|(next, state)| (*next, *state)) {
                self.table.insert(next, Some(Refused::At(self.now)));
                self.seen.remove(&next);
            }
        }
    }

    /// Drops the events in flight. Then the shard is leased again and read from its beginning.
    fn lose_the_lease(&mut self) {
        if self.written.is_some() || self.reading.is_some() || self.random.random_bool(0.8) {
            return;
        }
        self.backlog.drop_shard(SHARD);
        for event in std::mem::take(&mut self.in_flight) {
            assert!(!self.backlog.unknown(event), "its lease is over");
        }
        assert!(self.backlog.is_empty() && self.backlog.dropped_events() == 0);
        self.lease += 1;
        self.read_from_the_beginning();
    }

    fn run(&mut self) {
        for _ in 0..6_000 {
            self.turn();
        }
        // From now on nothing fails, and every held event is decided about.
        self.table.extend(self.open.take().map(|seq| (seq, None)));
        for turn in 0..20_000 {
            self.now += Duration::from_secs(1);
            self.somebody_decides();
            self.ask();
            self.take_in();
            self.write_is_answered();
            self.take();
            if !self.in_flight.is_empty() {
                let event = self.in_flight.remove(0);
                self.published.push(event.row.seq);
                self.table.remove(&event.row.seq);
                assert!(self.backlog.settled(&event));
            }
            self.check();
            let is_quiet = self.table.is_empty() && self.reading.is_none() && self.backlog.is_empty();
            if is_quiet && self.backlog.aggregates.is_empty() && !self.waiting.any() {
                return;
            }
            let first: Vec<_> = self.table.iter().take(5).collect();
            assert!(turn < 19_999, "stuck with {first:?} in {:?}", self.backlog);
        }
    }

    /// Returns the aggregate's events in the order in which they were first published, or given up.
    fn first_times(&self, aggregate: i64) -> Vec<i64> {
        let mut first = Vec::new();
        for seq in self.published.iter().filter(|seq| of(**seq) == aggregate) {
            if !first.contains(seq) {
                first.push(*seq);
            }
        }
        first
    }
}

fn of(seq: i64) -> i64 {
    seq % AGGREGATES
}

#[test]
fn with_one_in_flight_nothing_is_lost_and_nothing_overtakes() {
    for seed in 0..25 {
        let mut model = Model::new(seed, 1);
        model.run();
        for aggregate in 0..AGGREGATES {
            let order = model.first_times(aggregate);
            assert!(order.is_sorted(), "seed {seed}: {order:?}");
            let drawn = (1..=model.drawn).filter(|seq| of(*seq) == aggregate).count();
            assert_eq!(order.len(), drawn, "seed {seed}");
        }
    }
}

#[test]
fn with_more_in_flight_nothing_is_lost_and_only_what_was_refused_is_overtaken() {
    for (seed, in_flight) in (0..12).flat_map(|seed| [(seed, 2), (seed, 7)]) {
        let mut model = Model::new(seed, in_flight);
        model.run();
        for aggregate in 0..AGGREGATES {
            let mut order = model.first_times(aggregate);
            let drawn = (1..=model.drawn).filter(|seq| of(*seq) == aggregate).count();
            assert_eq!(order.len(), drawn, "seed {seed}");
            order.retain(|seq| !model.refused.contains(seq));
            assert!(order.is_sorted(), "seed {seed}, {in_flight} in flight: {order:?}");
        }
    }
}
