//! Tests reading against a model of the database, a map: events and budgets of any size, transactions that commit late,
//! leases that come and go. Nothing is skipped, nothing comes late, and the events of an aggregate come in order.

use std::collections::{BTreeMap, BTreeSet};

use comptoir_core::outbox::{Batch, BatchRequest, OutboxRow, ReadLimits, Snapshot};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::{Cursors, Next};
use crate::engine::event::sample;

/// A larger payload stays in the database and does not count.
const MAX_PAYLOAD: usize = 1000;
const AGGREGATES: usize = 12;
const HELD: [usize; 3] = [0, 5, 63];

#[derive(Debug, Clone)]
struct Stored {
    transaction: i64,
    aggregate: usize,
    bytes: usize,
}

impl Stored {
    fn shard(&self) -> usize {
        HELD[self.aggregate % HELD.len()]
    }

    fn sent(&self) -> usize {
        if self.bytes <= MAX_PAYLOAD { self.bytes } else { 0 }
    }
}

/// The rows that are visible, by seq, and the transactions that are not committed.
#[derive(Debug, Default)]
struct Database {
    rows: BTreeMap<i64, Stored>,
    open: BTreeMap<i64, Vec<(i64, Stored)>>,
    next_transaction: i64,
    next_seq: i64,
}

impl Database {
    /// Begins a transaction with a few events, but none of an aggregate that an open transaction has locked.
    fn begin(&mut self, random: &mut StdRng) -> i64 {
        self.next_transaction += 1;
        let transaction = self.next_transaction;
        let mut rows = Vec::new();
        for _ in 0..random.random_range(1..12) {
            let aggregate = random.random_range(0..AGGREGATES);
            if self.open.values().flatten().any(|(_, row)| row.aggregate == aggregate) {
                continue;
            }
            self.next_seq += 1;
            let bytes = match random.random_range(0..10) {
                0 => random.random_range(MAX_PAYLOAD + 1..40 * MAX_PAYLOAD),
                1..4 => random.random_range(1..=MAX_PAYLOAD),
                _ => 1,
            };
            rows.push((self.next_seq, Stored { transaction, aggregate, bytes }));
        }
        self.open.insert(transaction, rows);
        transaction
    }

    fn commit(&mut self, transaction: i64) {
        self.rows.extend(self.open.remove(&transaction).into_iter().flatten());
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot { xmax: self.next_transaction + 1, in_progress: self.open.keys().copied().collect() }
    }

    /// Cuts the rows as the statements do: after the row that reaches `max_bytes`.
    fn cut(&self, found: Vec<i64>, max_bytes: i64) -> (Vec<i64>, bool) {
        let mut through = 0;
        let mut taken = Vec::new();
        for seq in found {
            taken.push(seq);
            through += i64::try_from(self.rows[&seq].sent()).unwrap();
            if through >= max_bytes {
                return (taken, true);
            }
        }
        (taken, false)
    }

    fn is_new(row: &Stored, since: &Snapshot) -> bool {
        row.transaction >= since.xmax || since.in_progress.contains(&row.transaction)
    }

    fn batch(&self, request: &BatchRequest) -> Batch {
        let is_late = |(seq, row): &(&i64, &Stored)| {
            Self::is_new(row, &request.since) && **seq <= request.cursors[row.shard()]
        };
        let limit = usize::try_from(request.late_limit).unwrap();
        let late: Vec<i64> = self.rows.iter().filter(is_late).map(|(seq, _)| *seq).take(limit).collect();
        let mut found = late.clone();
        for (shard, take) in &request.takes {
            let shard = usize::from(shard.unsigned_abs());
            let after = self.rows.range(request.cursors[shard] + 1..).filter(|(_, row)| row.shard() == shard);
            found.extend(after.map(|(seq, _)| *seq).take(usize::try_from(*take).unwrap()));
        }
        let (taken, cut) = self.cut(found, request.scope.max_bytes);
        let (late, next) = taken.split_at(late.len().min(taken.len()));
        Batch { snapshot: self.snapshot(), late: self.read(late), next: self.read(next), cut }
    }

    fn read_new(&self, since: &Snapshot, shards: &[i16], limit: i64, max_bytes: i64) -> Batch {
        let held = |row: &Stored| shards.iter().any(|shard| usize::from(shard.unsigned_abs()) == row.shard());
        let new = self.rows.iter().filter(|(_, row)| Self::is_new(row, since) && held(row));
        // The index may return them in any order.
        let mut found: Vec<i64> = new.map(|(seq, _)| *seq).take(usize::try_from(limit).unwrap()).collect();
        found.reverse();
        let (taken, cut) = self.cut(found, max_bytes);
        Batch { snapshot: self.snapshot(), late: Vec::new(), next: self.read(&taken), cut }
    }

    fn read(&self, seqs: &[i64]) -> Vec<OutboxRow> {
        let read = |seq: &i64| {
            let row = &self.rows[seq];
            let shard = i16::try_from(row.shard()).unwrap();
            OutboxRow { shard, ..sample(*seq, &row.aggregate.to_string()) }
        };
        seqs.iter().map(read).collect()
    }
}

struct Reader {
    random: StdRng,
    database: Database,
    cursors: Cursors,
    /// The events that were read under the current leases.
    read: BTreeSet<i64>,
    /// For each aggregate, the last event that was read for the first time.
    last: [i64; AGGREGATES],
}

impl Reader {
    fn new(seed: u64) -> Self {
        let mut cursors = Cursors::new(i64::MAX);
        if seed.is_multiple_of(2) {
            cursors.late_limit = 3;
        }
        HELD.iter().for_each(|shard| cursors.start(*shard));
        Self {
            random: StdRng::seed_from_u64(seed),
            database: Database::default(),
            cursors,
            read: BTreeSet::new(),
            last: [0; AGGREGATES],
        }
    }

    /// Does one read of random limits, while `meanwhile` happens.
    fn read(&mut self, meanwhile: impl FnOnce(&mut Self)) {
        let rows = self.random.random_range(1..30);
        let max_bytes = *[1, 7, 500, 3000, 100_000].choose(&mut self.random).unwrap();
        let max_payload_bytes = i32::try_from(MAX_PAYLOAD).unwrap();
        let scope = ReadLimits { max_bytes, max_payload_bytes, look_behind: false };
        let Some(next) = self.cursors.next(rows, scope) else { return };
        self.cursors.ask();
        let mut batch = match &next {
            Next::Batch(request) => self.database.batch(request),
            Next::New { since, shards, limit, .. } => {
                self.database.read_new(since, shards, *limit, max_bytes)
            }
        };
        let visible = self.database.rows.keys().copied().collect::<Vec<_>>();
        meanwhile(self);
        let counts = match &next {
            Next::Batch(request) => {
                self.cursors.batch_read(request, &mut batch);
                true
            }
            Next::New { limit, .. } => self.cursors.new_read(*limit, &batch),
        };
        if counts {
            let mut new = batch.next;
            if let Next::New { .. } = next {
                new.sort_unstable_by_key(|row| row.seq);
            }
            batch.late.into_iter().chain(new).for_each(|row| self.take(&row));
        }
        if self.cursors.caught_up() {
            let unread = visible.iter().find(|seq| !self.read.contains(seq) && self.is_held(**seq));
            assert_eq!(unread, None, "caught up, and this was not read");
        }
    }

    fn is_held(&self, seq: i64) -> bool {
        self.cursors.holds(self.database.rows[&seq].shard())
    }

    fn take(&mut self, row: &OutboxRow) {
        let shard = usize::from(row.shard.unsigned_abs());
        if self.cursors.is_current(shard) && self.read.insert(row.seq) {
            let last = &mut self.last[row.aggregate_id.parse::<usize>().unwrap()];
            assert!(row.seq > *last, "{} comes after {last}", row.seq);
            *last = row.seq;
        }
    }

    fn write(&mut self) {
        let Self { database, random, .. } = self;
        let transaction = database.begin(random);
        let open: Vec<i64> = database.open.keys().copied().collect();
        if open.len() > 3 || random.random_bool(0.6) {
            database.commit(*[transaction, *open.choose(random).unwrap()].choose(random).unwrap());
        }
    }

    /// Loses a lease or acquires it anew: none of the shard's events counts as read.
    fn move_a_lease(&mut self) {
        let shard = *HELD.choose(&mut self.random).unwrap();
        if self.cursors.holds(shard) && self.random.random_bool(0.5) {
            self.cursors.stop(shard);
        } else {
            self.cursors.start(shard);
        }
        let database = &self.database;
        self.read.retain(|seq| database.rows[seq].shard() != shard);
        for (aggregate, last) in self.last.iter_mut().enumerate() {
            if HELD[aggregate % HELD.len()] == shard {
                *last = 0;
            }
        }
    }

    fn finish(&mut self) {
        for shard in HELD {
            if !self.cursors.holds(shard) {
                self.cursors.start(shard);
            }
        }
        let open: Vec<i64> = self.database.open.keys().copied().collect();
        open.into_iter().for_each(|transaction| self.database.commit(transaction));
        for _ in 0..3 * self.database.rows.len() + 100 {
            self.read(|_| {});
        }
        let unread: Vec<_> = self.database.rows.keys().filter(|seq| !self.read.contains(seq)).collect();
        assert!(unread.is_empty(), "never read: {unread:?}");
    }
}

#[test]
fn whatever_the_sizes_and_the_budgets_nothing_is_skipped_and_nothing_comes_late() {
    for seed in 0..100 {
        let mut reader = Reader::new(seed);
        for _ in 0..150 {
            match reader.random.random_range(0..10) {
                0..3 => reader.write(),
                3..9 => reader.read(|_| {}),
                _ if reader.random.random_bool(0.3) => reader.move_a_lease(),
                _ => reader.read(|reader| {
                    reader.write();
                    reader.move_a_lease();
                }),
            }
        }
        reader.finish();
    }
}

#[test]
fn more_late_events_than_one_page_carries_are_all_read() {
    let mut reader = Reader::new(7);
    // One transaction of many events, and one that began later and is committed first.
    let late = (1..=2400).map(|seq| (seq, Stored { transaction: 1, aggregate: 0, bytes: 1 }));
    reader.database.open.insert(1, late.collect());
    let newest = Stored { transaction: 2, aggregate: 3, bytes: 1 };
    reader.database.open.insert(2, vec![(2401, newest)]);
    (reader.database.next_transaction, reader.database.next_seq) = (2, 2401);
    reader.database.commit(2);
    while !reader.cursors.caught_up() {
        reader.read(|_| {});
    }
    assert_eq!(reader.cursors.at(0), 2401);
    reader.finish();
}

#[test]
fn what_is_in_front_of_the_cursors_waits_until_all_that_is_late_was_read() {
    for seed in 0..20 {
        let mut reader = Reader::new(seed);
        reader.cursors.late_limit = 3;
        let row = |transaction, aggregate| Stored { transaction, aggregate, bytes: 1 };
        // Ten late events, the last of them of an aggregate that has its next event in front of the cursors.
        let mut late: Vec<_> = (1..10).map(|seq| (seq, row(1, 0))).collect();
        late.push((10, row(1, 6)));
        reader.database.open.insert(1, late);
        reader.database.open.insert(2, vec![(11, row(2, 3))]);
        (reader.database.next_transaction, reader.database.next_seq) = (2, 11);
        reader.database.commit(2);
        while !reader.cursors.caught_up() {
            reader.read(|_| {});
        }
        reader.database.commit(1);
        reader.database.open.insert(3, vec![(12, row(3, 6))]);
        reader.database.next_transaction = 3;
        reader.database.commit(3);
        // There were more new rows than one read could carry.
        reader.cursors.caught_up = false;
        reader.finish();
    }
}
