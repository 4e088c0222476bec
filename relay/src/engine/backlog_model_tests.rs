//! The backlog against a database that is a vector, under random turns of events.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use comptoir_core::outbox::OutboxRow;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::super::event::{AggregateKey, Event, sample};
use super::{Backlog, LOOK_AT_HELD_EVERY, Limits, UNTIL_DECIDED};

const LEASE: u64 = 1;
const AGGREGATES: i64 = 5;
const EVENTS: i64 = 300;

/// A pending row: when it may be tried again, or that somebody has to decide first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    Due,
    At(Instant),
    Held,
}

/// Drives a backlog as the engine does, with a clock of its own.
struct Model {
    random: StdRng,
    backlog: Backlog,
    in_flight_limit: usize,
    now: Instant,
    /// What the database has, by seq.
    table: BTreeMap<i64, Pending>,
    committed: i64,
    cursor: i64,
    /// A read of the rest of some aggregates, as the database answered, until its answer is taken in.
    reading: Option<(AggregateKey, Vec<OutboxRow>)>,
    in_flight: Vec<Event>,
    /// In the order in which they reached the broker, repeats included.
    published: Vec<i64>,
    refused: Vec<i64>,
}

impl Model {
    fn new(seed: u64, in_flight: usize) -> Self {
        let limits = Limits { events: 40, bytes: 100_000, chain: 4, in_flight, waiting_aggregates: 100 };
        Self {
            random: StdRng::seed_from_u64(seed),
            backlog: Backlog::new(limits),
            in_flight_limit: in_flight,
            now: Instant::now(),
            table: BTreeMap::new(),
            committed: 0,
            cursor: 0,
            reading: None,
            in_flight: Vec::new(),
            published: Vec::new(),
            refused: Vec::new(),
        }
    }

    fn row(&self, seq: i64) -> OutboxRow {
        let wait_ms = match self.table[&seq] {
            Pending::Due => None,
            Pending::At(at) => i64::try_from(at.saturating_duration_since(self.now).as_millis()).ok(),
            Pending::Held => Some(UNTIL_DECIDED),
        };
        OutboxRow { wait_ms, ..sample(seq, &aggregate(seq)) }
    }

    fn turn(&mut self) {
        match self.random.random_range(0..100) {
            0..20 if self.committed < EVENTS => {
                self.committed += 1;
                self.table.insert(self.committed, Pending::Due);
            }
            20..35 => self.read_page(),
            35..50 => self.read_rest(),
            50..60 => self.take_in_the_rest(),
            60..80 => self.take(),
            80..98 => self.decide(),
            98 => self.somebody_decides(),
            _ => self.now += Duration::from_millis(self.random.random_range(1..400)),
        }
        for (key, aggregate) in &self.backlog.aggregates {
            let waits = !aggregate.chain.is_empty() && !aggregate.queued;
            let is_awaited = |event: &Event| event.key == *key && self.backlog.is_awaited(event);
            assert!(!waits || self.in_flight.iter().any(is_awaited), "nobody knows what {key:?} waits for");
        }
        assert!(self.backlog.len() <= 40 + 4 * AGGREGATES as usize, "memory is bounded");
    }

    fn read_page(&mut self) {
        let room = self.backlog.room().0.min(self.random.random_range(1..20));
        if self.reading.is_some() {
            return;
        }
        let page: Vec<i64> = self.table.range(self.cursor + 1..).map(|(seq, _)| *seq).take(room).collect();
        for seq in page {
            self.cursor = seq;
            let row = self.row(seq);
            self.backlog.offer(row, LEASE, self.now);
        }
    }

    fn read_rest(&mut self) {
        self.backlog.resume(self.now);
        if self.reading.is_some() {
            return;
        }
        let cursor = self.cursor;
        let Some((key, range)) = self.backlog.take_refills(1, |_| cursor).pop() else { return };
        self.backlog.read_began();
        let rows = self
            .table
            .range(range.from_seq..=range.to_seq)
            .filter(|(seq, _)| aggregate(**seq) == range.aggregate_id)
            .map(|(seq, _)| self.row(*seq))
            .take(4)
            .collect();
        self.reading = Some((key, rows));
    }

    fn take_in_the_rest(&mut self) {
        let Some((key, rows)) = self.reading.take() else { return };
        if self.random.random_bool(0.1) {
            self.backlog.refill_failed(key);
        } else {
            let complete = rows.len() < 4;
            self.backlog.refilled(key, rows, complete, self.now);
        }
        self.backlog.read_ended();
    }

    fn take(&mut self) {
        let Some(event) = self.backlog.take(|_| true) else { return };
        let of_the_same = self.in_flight.iter().filter(|other| other.key == event.key).count();
        assert!(
            of_the_same < self.in_flight_limit,
            "{of_the_same} of {} are in flight",
            event.row.aggregate_id
        );
        assert_ne!(self.table[&event.row.seq], Pending::Held, "{} is held", event.row.seq);
        self.in_flight.push(event);
    }

    fn decide(&mut self) {
        if self.in_flight.is_empty() {
            return;
        }
        // Confirms of one channel come in order.
        let event = self.in_flight.remove(0);
        let seq = event.row.seq;
        match self.random.random_range(0..20) {
            0 => {
                self.refused.push(seq);
                let at = self.now + Duration::from_millis(100);
                self.table.insert(seq, Pending::At(at));
                assert!(self.backlog.retry(&event, at));
            }
            1 => {
                self.refused.push(seq);
                self.table.insert(seq, Pending::Held);
                assert!(self.backlog.hold(&event, self.now));
            }
            2 => {
                self.published.push(seq);
                for lost in std::iter::once(event).chain(std::mem::take(&mut self.in_flight)) {
                    assert!(self.backlog.unknown(lost));
                }
            }
            _ => {
                self.published.push(seq);
                self.table.remove(&seq);
                assert!(self.backlog.settled(&event));
            }
        }
    }

    /// Requeues or discards a dead letter; a requeued one is seen as new.
    fn somebody_decides(&mut self) {
        let held: Vec<i64> =
            self.table.iter().filter(|(_, state)| **state == Pending::Held).map(|(seq, _)| *seq).collect();
        let Some(seq) = held.choose(&mut self.random).copied() else { return };
        if self.random.random_bool(0.5) {
            self.table.insert(seq, Pending::Due);
            if self.reading.is_none() && self.random.random_bool(0.5) {
                let row = self.row(seq);
                self.backlog.offer(row, LEASE, self.now);
            }
        } else {
            self.table.remove(&seq);
            self.published.push(seq);
        }
    }

    fn run(&mut self) {
        for _ in 0..6_000 {
            self.turn();
        }
        // From now on nothing fails and everything is decided.
        for turn in 0..20_000 {
            self.now += LOOK_AT_HELD_EVERY;
            self.somebody_decides();
            self.read_page();
            self.read_rest();
            if let Some((key, rows)) = self.reading.take() {
                let complete = rows.len() < 4;
                self.backlog.refilled(key, rows, complete, self.now);
                self.backlog.read_ended();
            }
            self.take();
            if !self.in_flight.is_empty() {
                let event = self.in_flight.remove(0);
                self.published.push(event.row.seq);
                self.table.remove(&event.row.seq);
                assert!(self.backlog.settled(&event));
            }
            if self.table.is_empty() {
                break;
            }
            assert!(turn < 19_999, "stuck with {:?}", self.table);
        }
        assert!(self.backlog.is_empty() && self.backlog.waiting_aggregates() == 0);
    }

    /// The first time that each event of an aggregate was published, or given up.
    fn first_times(&self, of: i64) -> Vec<i64> {
        let mut first = Vec::new();
        for seq in self.published.iter().filter(|seq| **seq % AGGREGATES == of) {
            if !first.contains(seq) {
                first.push(*seq);
            }
        }
        first
    }
}

fn aggregate(seq: i64) -> String {
    (seq % AGGREGATES).to_string()
}

#[test]
fn with_one_in_flight_nothing_is_lost_and_nothing_overtakes() {
    for seed in 0..60 {
        let mut model = Model::new(seed, 1);
        model.run();
        for of in 0..AGGREGATES {
            let order = model.first_times(of);
            assert!(order.is_sorted(), "seed {seed}: {order:?}");
            assert_eq!(order.len(), usize::try_from(model.committed / AGGREGATES).unwrap(), "seed {seed}");
        }
    }
}

#[test]
fn with_more_in_flight_nothing_is_lost_and_only_what_was_refused_is_overtaken() {
    for (seed, in_flight) in (0..60).flat_map(|seed| [(seed, 2), (seed, 7)]) {
        let mut model = Model::new(seed, in_flight);
        model.run();
        for of in 0..AGGREGATES {
            let mut order = model.first_times(of);
            assert_eq!(order.len(), usize::try_from(model.committed / AGGREGATES).unwrap(), "seed {seed}");
            order.retain(|seq| !model.refused.contains(seq));
            assert!(order.is_sorted(), "seed {seed}, {in_flight} in flight: {order:?}");
        }
    }
}
