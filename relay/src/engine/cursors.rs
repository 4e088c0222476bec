//! The cursors: for each shard the seq up to which every visible row was read, and the snapshot in which the rows were
//! visible (ADR 0003). No I/O.

use comptoir_core::outbox::{Batch, BatchRequest, ReadLimits, SHARDS, Snapshot};

const NOT_HELD: i64 = -1;
/// The limit on a batch's rows behind the cursors.
const LATE_LIMIT: usize = 1000;
/// The limit on a shard's share of a batch, which doubles each time the shard fills it.
const MAX_SHARES: usize = 64;

#[derive(Debug)]
pub(crate) struct Cursors {
    at: [i64; SHARDS],
    shares: [usize; SHARDS],
    since: Snapshot,
    /// Whether every row that was visible in `since` was read.
    caught_up: bool,
    /// The shard with which the next batch starts: each shard comes first in turn.
    first: usize,
    /// The number of starts of each shard. A read during which it changed is recognised.
    starts: [u64; SHARDS],
    asked: [u64; SHARDS],
    /// The last seq to read, for a run that drains only the events from before its start.
    last_seq: i64,
    late_limit: usize,
}

/// The next read.
#[derive(Debug)]
pub(crate) enum Next {
    /// Rows of each shard from its cursor on.
    Batch(Box<BatchRequest>),
    /// Rows that became visible since the last read; all others were read.
    New { since: Snapshot, shards: Vec<i16>, limit: i64, scope: ReadLimits },
}

impl Next {
    pub(crate) fn looks_behind(&self) -> bool {
        match self {
            Self::Batch(request) => request.scope.look_behind,
            Self::New { scope, .. } => scope.look_behind,
        }
    }
}

impl Cursors {
    pub(crate) fn new(last_seq: i64) -> Self {
        Self {
            at: [NOT_HELD; SHARDS],
            shares: [1; SHARDS],
            since: Snapshot::of_everything(),
            caught_up: false,
            first: 0,
            starts: [0; SHARDS],
            asked: [0; SHARDS],
            last_seq,
            late_limit: LATE_LIMIT,
        }
    }

    /// Reads the shard from its beginning.
    pub(crate) fn start(&mut self, shard: usize) {
        self.at[shard] = 0;
        self.shares[shard] = 1;
        self.starts[shard] += 1;
        self.caught_up = false;
    }

    pub(crate) fn stop(&mut self, shard: usize) {
        self.at[shard] = NOT_HELD;
    }

    pub(crate) fn holds(&self, shard: usize) -> bool {
        self.at[shard] != NOT_HELD
    }

    pub(crate) fn at(&self, shard: usize) -> i64 {
        self.at[shard]
    }

    /// Returns the shards that are held, and their cursors.
    pub(crate) fn held(&self) -> (Vec<i16>, Vec<i64>) {
        (0..SHARDS).filter(|shard| self.holds(*shard)).map(|shard| (index(shard), self.at[shard])).unzip()
    }

    pub(crate) fn caught_up(&self) -> bool {
        self.caught_up
    }

    /// Whether the shard's rows in the read under way may be used: the shard has been held since the read began.
    pub(crate) fn is_current(&self, shard: usize) -> bool {
        self.holds(shard) && self.starts[shard] == self.asked[shard]
    }

    /// Begins a read.
    pub(crate) fn ask(&mut self) {
        self.asked = self.starts;
    }

    /// Returns the next read for about `rows` rows; `None` while no shard is held.
    pub(crate) fn next(&mut self, rows: usize, scope: ReadLimits) -> Option<Next> {
        let held: Vec<usize> =
            (0..SHARDS).map(|i| (self.first + i) % SHARDS).filter(|shard| self.holds(*shard)).collect();
        if held.is_empty() {
            return None;
        }
        if self.caught_up {
            let shards = held.iter().map(|shard| index(*shard)).collect();
            return Some(Next::New { since: self.since.clone(), shards, limit: clamp(rows), scope });
        }
        self.first = (self.first + 1) % SHARDS;
        let open: Vec<usize> = held.into_iter().filter(|shard| self.at[*shard] < self.last_seq).collect();
        let shares: usize = open.iter().map(|shard| self.shares[*shard]).sum();
        let takes = open
            .iter()
            .map(|shard| {
                (
                    index(*shard),
                    i32::try_from((rows * self.shares[*shard] / shares).max(1)).unwrap_or(i32::MAX),
                )
            })
            .collect();
        Some(Next::Batch(Box::new(BatchRequest {
            since: self.since.clone(),
            cursors: self.at,
            takes,
            late_limit: clamp(self.late_limit),
            scope,
        })))
    }

    /// Moves the cursors over a batch, and removes the rows that must not be offered yet. The caller offers the others.
    pub(crate) fn batch_read(&mut self, request: &BatchRequest, batch: &mut Batch) {
        let late_full = clamp(batch.late.len()) >= request.late_limit;
        if late_full {
            // There may be more late rows behind the cursors, and one of them may precede a row of `next`.
            batch.next.clear();
        }
        let mut read = [0usize; SHARDS];
        for row in &batch.next {
            let shard = usize::from(row.shard.unsigned_abs());
            read[shard] += 1;
            if self.is_current(shard) {
                self.at[shard] = self.at[shard].max(row.seq);
            }
        }
        let mut full = batch.cut;
        for (shard, take) in &request.takes {
            let shard = usize::from(shard.unsigned_abs());
            if i32::try_from(read[shard]).is_ok_and(|read| read >= *take) {
                self.shares[shard] = (self.shares[shard] * 2).min(MAX_SHARES);
                full |= self.at[shard] < self.last_seq;
            } else if !batch.cut {
                self.shares[shard] = (self.shares[shard] / 2).max(1);
            }
        }
        let late_cut = late_full || (batch.cut && !batch.late.is_empty());
        if let (true, Some(last)) = (late_cut, batch.late.last()) {
            // Go back to the last late row: up to it, all late rows were seen.
            for at in self.at.iter_mut().filter(|at| **at != NOT_HELD) {
                *at = last.seq.min(*at);
            }
        }
        self.since = batch.snapshot.clone();
        // A shard that was acquired while the batch was being read is not part of it.
        self.caught_up =
            !full && !late_cut && (0..SHARDS).all(|shard| !self.holds(shard) || self.is_current(shard));
    }

    /// Moves the cursors over new rows. Returns false if there may be more of them: then none of them counts as read.
    pub(crate) fn new_read(&mut self, limit: i64, batch: &Batch) -> bool {
        if batch.cut || clamp(batch.next.len()) >= limit {
            self.caught_up = false;
            return false;
        }
        for row in &batch.next {
            let shard = usize::from(row.shard.unsigned_abs());
            if self.is_current(shard) {
                self.at[shard] = self.at[shard].max(row.seq);
            }
        }
        self.since = batch.snapshot.clone();
        // Shards that were acquired meanwhile are still to be read.
        self.caught_up &= (0..SHARDS).all(|shard| !self.holds(shard) || self.is_current(shard));
        true
    }
}

fn index(shard: usize) -> i16 {
    i16::try_from(shard).unwrap_or(i16::MAX)
}

fn clamp(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "cursors_model_tests.rs"]
mod model_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::sample;

    fn request(next: Option<Next>) -> BatchRequest {
        match next {
            Some(Next::Batch(request)) => *request,
            other => panic!("expected a batch: {other:?}"),
        }
    }

    fn batch(late: &[i64], next: &[i64]) -> Batch {
        let rows = |seqs: &[i64]| seqs.iter().map(|seq| sample(*seq, "a")).collect();
        Batch {
            snapshot: Snapshot { xmax: 100, in_progress: vec![90] },
            late: rows(late),
            next: rows(next),
            cut: false,
        }
    }

    /// Cursors that hold shard 3, which the samples use.
    fn cursors() -> Cursors {
        let mut cursors = Cursors::new(i64::MAX);
        cursors.start(3);
        cursors
    }

    const LIMITS: ReadLimits =
        ReadLimits { max_bytes: 1_000_000, max_payload_bytes: 1000, look_behind: false };

    fn read(cursors: &mut Cursors, rows: usize, found: &Batch) {
        let request = request(cursors.next(rows, LIMITS));
        cursors.ask();
        cursors.batch_read(&request, &mut found.clone());
    }

    #[test]
    fn a_page_that_is_not_full_catches_up_and_then_only_what_is_new_is_read() {
        let mut cursors = cursors();
        read(&mut cursors, 10, &batch(&[], &[4, 7]));
        assert!(cursors.caught_up());
        let Some(Next::New { since, shards, .. }) = cursors.next(10, LIMITS) else {
            panic!("expected what is new")
        };
        assert_eq!((since.xmax, shards), (100, vec![3]));
    }

    #[test]
    fn a_full_page_goes_on_behind_its_last_row() {
        let mut cursors = cursors();
        read(&mut cursors, 2, &batch(&[], &[4, 7]));
        assert!(!cursors.caught_up());
        assert_eq!(request(cursors.next(10, LIMITS)).cursors[3], 7);
    }

    #[test]
    fn more_late_rows_than_fit_move_the_cursor_back() {
        let mut cursors = cursors();
        read(&mut cursors, 2, &batch(&[], &[4000, 5000]));
        let late: Vec<i64> = (1..=1000).collect();
        read(&mut cursors, 10, &batch(&late, &[]));
        assert!(!cursors.caught_up());
        assert_eq!(cursors.at(3), 1000);
    }

    #[test]
    fn a_read_that_was_under_way_when_the_shard_started_over_moves_nothing() {
        let mut cursors = cursors();
        let request = request(cursors.next(10, LIMITS));
        cursors.ask();
        cursors.stop(3);
        cursors.start(3);
        cursors.batch_read(&request, &mut batch(&[], &[4, 7]));
        assert_eq!((cursors.at(3), cursors.is_current(3), cursors.caught_up()), (0, false, false));
    }

    #[test]
    fn too_much_that_is_new_is_read_shard_by_shard() {
        let mut cursors = cursors();
        read(&mut cursors, 10, &batch(&[], &[4]));
        cursors.ask();
        assert!(!cursors.new_read(2, &batch(&[], &[5, 6])));
        assert_eq!(request(cursors.next(10, LIMITS)).cursors[3], 4);
    }

    #[test]
    fn a_shard_with_a_backlog_gets_a_larger_share() {
        let mut cursors = cursors();
        cursors.start(5);
        read(&mut cursors, 4, &batch(&[], &[1, 2]));
        let takes = request(cursors.next(30, LIMITS)).takes;
        assert_eq!(takes.iter().find(|(shard, _)| *shard == 3).map(|(_, take)| *take), Some(20));
    }

    #[test]
    fn the_shards_that_are_held_are_named_with_their_cursors() {
        let mut cursors = cursors();
        assert_eq!(cursors.held(), (vec![3], vec![0]));
        read(&mut cursors, 2, &batch(&[], &[4, 7]));
        cursors.start(5);
        assert_eq!(cursors.held(), (vec![3, 5], vec![7, 0]));
        cursors.stop(3);
        assert_eq!(cursors.held(), (vec![5], vec![0]));
    }

    #[test]
    fn each_shard_is_the_first_of_a_read_in_turn() {
        let mut cursors = cursors();
        cursors.start(5);
        let firsts: Vec<_> = (0..SHARDS)
            .map(|_| request(cursors.next(10, LIMITS)).takes.first().map(|(shard, _)| *shard))
            .collect();
        for shard in [3, 5] {
            assert!(firsts.contains(&Some(shard)), "{firsts:?}");
        }
    }

    #[test]
    fn a_read_of_what_is_new_leaves_the_cursors_caught_up_although_other_shards_are_not_held() {
        let mut cursors = cursors();
        read(&mut cursors, 10, &batch(&[], &[4]));
        cursors.ask();
        assert!(cursors.new_read(10, &batch(&[], &[5])) && cursors.caught_up());
        cursors.start(5);
        assert!(!cursors.caught_up(), "a shard is still to be read");
    }

    #[test]
    fn a_read_that_was_cut_may_have_left_new_rows_out() {
        let mut cursors = cursors();
        read(&mut cursors, 10, &batch(&[], &[4]));
        cursors.ask();
        assert!(!cursors.new_read(10, &Batch { cut: true, ..batch(&[], &[5]) }));
        assert!(!cursors.caught_up());
    }

    #[test]
    fn a_read_looks_behind_if_it_is_told_to_whatever_it_reads() {
        let mut cursors = cursors();
        let behind = ReadLimits { look_behind: true, ..LIMITS };
        for caught_up in [false, true] {
            assert_eq!(cursors.caught_up(), caught_up);
            assert!(!cursors.next(10, LIMITS).expect("a shard is held").looks_behind());
            assert!(cursors.next(10, behind).expect("a shard is held").looks_behind());
            read_if_behind(&mut cursors);
        }
    }

    fn read_if_behind(cursors: &mut Cursors) {
        if !cursors.caught_up() {
            read(cursors, 10, &batch(&[], &[4]));
        }
    }
}
