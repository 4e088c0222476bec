//! Plans when to look for refused events whose next attempt is due, and for how many. No I/O.
//!
//! The events wait in the database, however many there are. This module only knows whether there are any, when to look next,
//! and how many due events of each shard are in memory already.

use std::time::{Duration, Instant};

use comptoir_core::outbox::{SHARDS, Turn};

/// While events wait, a look comes this often even if none is known to be due: an operator may have decided about one, or the
/// last one may be gone.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After a look, other reads go first for this many times its duration.
const LOOK_COST: u32 = 1;
const MIN_PAUSE: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(crate) struct RetrySchedule {
    /// Whether refused events may wait in the shards that are held.
    any: bool,
    look_at: Option<Instant>,
    /// No look comes before this time, because the last one was expensive.
    pause_until: Option<Instant>,
    /// For each shard, the number of due events in memory after the last look: the next look finds them again.
    in_memory: [usize; SHARDS],
    /// The number of noted events. A look during which it changed is recognised.
    noted: u64,
    asked: u64,
}

/// A refused event that a look found: its shard, its turn, and whether it is in memory now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) shard: usize,
    pub(crate) turn: Turn,
    pub(crate) in_memory: bool,
}

impl RetrySchedule {
    pub(crate) fn new() -> Self {
        Self { any: false, look_at: None, pause_until: None, in_memory: [0; SHARDS], noted: 0, asked: 0 }
    }

    /// Whether batches must say which of their events stand behind a refused one.
    pub(crate) fn any(&self) -> bool {
        self.any
    }

    /// Notes a refused event and its turn.
    pub(crate) fn note(&mut self, turn: Turn, now: Instant) {
        self.any = true;
        self.noted += 1;
        let look_at = now + until(turn);
        self.look_at = Some(self.look_at.map_or(look_at, |at| at.min(look_at)));
    }

    /// Returns when to look next, if events wait.
    pub(crate) fn look_at(&self) -> Option<Instant> {
        self.look_at.map(|at| self.pause_until.map_or(at, |pause| at.max(pause)))
    }

    /// Begins a look for `room` more due events than are in memory. Returns how many to read of each shard.
    pub(crate) fn ask(&mut self, shards: &[i16], room: usize) -> Vec<(i16, i32)> {
        self.asked = self.noted;
        let share = room.div_ceil(shards.len().max(1)).max(1);
        let take = |shard: &i16| {
            let in_memory = self.in_memory[usize::from(shard.unsigned_abs())];
            (*shard, i32::try_from(in_memory + share).unwrap_or(i32::MAX))
        };
        shards.iter().map(take).collect()
    }

    /// Takes in the result of a look, and plans the next one.
    pub(crate) fn looked(&mut self, takes: &[(i16, i32)], seen: &[Seen], took: Duration, now: Instant) {
        self.pause_until = Some(now + (took * LOOK_COST).max(MIN_PAUSE));
        self.in_memory = [0; SHARDS];
        let mut found = [0; SHARDS];
        let mut next: Option<Duration> = None;
        let mut soonest = |wait: Duration| next = Some(next.map_or(wait, |next| next.min(wait)));
        for one in seen {
            found[one.shard] += 1;
            if one.in_memory {
                self.in_memory[one.shard] += 1;
            } else {
                soonest(until(one.turn));
            }
        }
        for (shard, take) in takes {
            let shard = usize::from(shard.unsigned_abs());
            // All of them are in memory: there may be more behind them.
            if usize::try_from(*take).is_ok_and(|take| take <= self.in_memory[shard]) {
                soonest(Duration::ZERO);
            }
        }
        let nothing_came = self.noted == self.asked;
        let next = if seen.is_empty() { None } else { Some(now + next.unwrap_or(LOOK_EVERY)) };
        if nothing_came {
            self.any = !seen.is_empty();
            self.look_at = next;
        } else {
            self.look_at = self.look_at.into_iter().chain(next).min();
        }
    }

    /// Plans another look at once, after one that failed or came at the wrong time.
    pub(crate) fn look_again(&mut self, now: Instant) {
        if self.any {
            self.look_at = Some(self.look_at.map_or(now, |at| at.min(now)));
        }
    }
}

/// Returns how long to wait before a look at an event of this turn.
fn until(turn: Turn) -> Duration {
    match turn {
        Turn::Retry { wait_ms } => Duration::from_millis(wait_ms),
        Turn::UntilDecided | Turn::Now | Turn::Behind => LOOK_EVERY,
    }
    .min(LOOK_EVERY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUE: Turn = Turn::Retry { wait_ms: 0 };

    fn seen(shard: usize, turn: Turn, in_memory: bool) -> Seen {
        Seen { shard, turn, in_memory }
    }

    fn looked(waiting: &mut RetrySchedule, takes: &[(i16, i32)], seen: &[Seen], now: Instant) {
        waiting.looked(takes, seen, Duration::ZERO, now);
    }

    #[test]
    fn while_nothing_waits_nobody_looks() {
        let waiting = RetrySchedule::new();
        assert!(!waiting.any() && waiting.look_at().is_none());
    }

    #[test]
    fn a_look_comes_when_the_first_one_is_due_and_every_five_seconds_at_least() {
        let (mut waiting, now) = (RetrySchedule::new(), Instant::now());
        waiting.note(Turn::UntilDecided, now);
        assert_eq!(waiting.look_at(), Some(now + LOOK_EVERY));
        waiting.note(Turn::Retry { wait_ms: 700 }, now);
        waiting.note(Turn::Retry { wait_ms: 900 }, now);
        assert_eq!(waiting.look_at(), Some(now + Duration::from_millis(700)));
    }

    #[test]
    fn when_a_look_finds_nothing_reads_need_not_look_behind_any_more_unless_something_came_meanwhile() {
        let (mut waiting, now) = (RetrySchedule::new(), Instant::now());
        waiting.note(DUE, now);
        waiting.ask(&[3], 10);
        waiting.note(Turn::Retry { wait_ms: 80 }, now);
        looked(&mut waiting, &[(3, 10)], &[], now);
        assert!(waiting.any(), "the look may have been too early for it");
        assert!(waiting.look_at().is_some());
        waiting.ask(&[3], 10);
        looked(&mut waiting, &[(3, 10)], &[], now);
        assert!(!waiting.any() && waiting.look_at().is_none());
    }

    #[test]
    fn what_is_in_memory_is_asked_for_as_well_so_that_others_are_found_behind_it() {
        let (mut waiting, now) = (RetrySchedule::new(), Instant::now());
        waiting.note(DUE, now);
        let takes = waiting.ask(&[3, 4], 3);
        assert_eq!(takes, [(3, 2), (4, 2)]);
        looked(&mut waiting, &takes, &[seen(3, DUE, true), seen(3, DUE, true), seen(4, DUE, true)], now);
        assert_eq!(waiting.look_at(), Some(now + MIN_PAUSE), "there may be more of shard 3");
        assert_eq!(waiting.ask(&[3, 4], 4), [(3, 4), (4, 3)]);
    }

    #[test]
    fn the_next_look_is_for_the_first_that_is_not_in_memory() {
        let (mut waiting, now) = (RetrySchedule::new(), Instant::now());
        waiting.note(DUE, now);
        let takes = waiting.ask(&[3], 5);
        let later = Turn::Retry { wait_ms: 300 };
        looked(&mut waiting, &takes, &[seen(3, DUE, true), seen(3, later, false)], now);
        assert_eq!(waiting.look_at(), Some(now + Duration::from_millis(300)));
        assert!(waiting.any());
    }

    #[test]
    fn expensive_looks_leave_the_reader_to_others() {
        let (mut waiting, now) = (RetrySchedule::new(), Instant::now());
        waiting.note(DUE, now);
        let takes = waiting.ask(&[3], 1);
        waiting.looked(&takes, &[seen(3, DUE, true)], Duration::from_secs(1), now);
        assert_eq!(waiting.look_at(), Some(now + Duration::from_secs(1)));
    }

    #[test]
    fn a_look_that_failed_is_made_again_at_once_unless_nothing_waits() {
        let (mut waiting, now) = (RetrySchedule::new(), Instant::now());
        waiting.look_again(now);
        assert!(waiting.look_at().is_none());
        waiting.note(Turn::Retry { wait_ms: 700 }, now);
        waiting.look_again(now);
        assert_eq!(waiting.look_at(), Some(now));
        waiting.look_again(now + LOOK_EVERY);
        assert_eq!(waiting.look_at(), Some(now), "no later than planned");
    }
}
