//! When the drain loop looks again without being told: polling, settling, retries, sweeps, and pauses after database
//! faults.

use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::config::RelayConfig;

/// A sweep may take this share of the time, whatever it costs.
const SWEEP_COST: u32 = 50;
/// However long the polls' waits are, the loop turns this often: who watches it must be able to tell that it does.
const TURN_EVERY: Duration = Duration::from_secs(1);
/// By how much tokio's timer may be late: it counts in milliseconds and rounds up.
const TIMER_DELAY: Duration = Duration::from_millis(2);
const GAUGES_EVERY: Duration = Duration::from_secs(1);
const COUNT_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Timing {
    poll_min: Duration,
    poll_max: Duration,
    poll_wait: Duration,
    poll_at: Instant,
    settle_interval: Duration,
    settle_at: Instant,
    sweep_interval: Duration,
    sweep_at: Instant,
    /// When the next aggregate's wait is over.
    pub(super) resume_at: Option<Instant>,
    read_began_at: Instant,
    /// How long the last read took.
    read_took: Duration,
    database: Backoff,
    database_at: Option<Instant>,
    gauges_at: Instant,
    count_at: Instant,
}

impl Timing {
    pub(super) fn new(relay: &RelayConfig) -> Self {
        let now = Instant::now();
        let sweep_interval = Duration::from_millis(relay.sweep_interval_ms);
        Self {
            poll_min: Duration::from_millis(relay.poll_min_ms),
            poll_max: Duration::from_millis(relay.poll_max_ms),
            poll_wait: Duration::from_millis(relay.poll_min_ms),
            poll_at: now,
            settle_interval: Duration::from_millis(relay.settle_interval_ms),
            settle_at: now,
            sweep_interval,
            sweep_at: now + sweep_interval,
            resume_at: None,
            read_began_at: now,
            read_took: Duration::ZERO,
            database: Backoff::new(100, 5000),
            database_at: None,
            gauges_at: now,
            count_at: now,
        }
    }

    pub(super) fn poll_now(&mut self) {
        self.poll_at = Instant::now();
    }

    pub(super) fn poll_is_due(&self, now: Instant) -> bool {
        now >= self.poll_at
    }

    /// A poll found something or nothing: the next is soon, or twice as late as the last.
    pub(super) fn polled(&mut self, found: bool) {
        if found {
            self.poll_wait = self.poll_min;
            self.poll_at = self.poll_at.min(Instant::now() + self.until_next_poll(self.poll_min));
        } else {
            self.poll_wait = (self.poll_wait * 2).min(self.poll_max);
        }
    }

    /// Less than the interval, for that is the time in which an event is to be read that was committed just too late: the
    /// timer rounds up, and the read takes its time as well.
    fn until_next_poll(&self, interval: Duration) -> Duration {
        let early = TIMER_DELAY + self.read_took;
        interval.saturating_sub(early.min(interval / 4))
    }

    pub(super) fn settle_is_due(&self, now: Instant) -> bool {
        now >= self.settle_at
    }

    pub(super) fn settle_began(&mut self, now: Instant) {
        self.settle_at = now + self.settle_interval;
    }

    pub(super) fn sweep_is_due(&self, now: Instant) -> bool {
        now >= self.sweep_at
    }

    pub(super) fn read_began(&mut self, now: Instant) {
        self.read_began_at = now;
        // A wake-up that comes while the read is under way moves this forward again.
        self.poll_at = now + self.until_next_poll(self.poll_wait);
        if self.sweep_is_due(now) {
            self.sweep_at = now + self.sweep_interval;
        }
    }

    /// How long the read took.
    pub(super) fn read_ended(&mut self) -> Duration {
        let took = self.read_began_at.elapsed();
        self.read_took = took;
        self.sweep_at = self.sweep_at.max(self.read_began_at + took * SWEEP_COST);
        took
    }

    pub(super) fn database_may_be_tried(&self) -> bool {
        self.database_at.is_none_or(|at| Instant::now() >= at)
    }

    pub(super) fn database_answered(&mut self) {
        self.database.reset();
        self.database_at = None;
    }

    pub(super) fn database_failed(&mut self) -> Duration {
        let wait = self.database.advance();
        self.database_at = Some(Instant::now() + wait);
        wait
    }

    /// Whether the gauges are due; then the next time is set.
    pub(super) fn gauges_are_due(&mut self, now: Instant) -> bool {
        let due = now >= self.gauges_at;
        if due {
            self.gauges_at = now + GAUGES_EVERY;
        }
        due
    }

    /// Whether the unread events are to be counted; then the next time is set.
    pub(super) fn count_is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.count_at;
        if due {
            self.count_at = now + COUNT_EVERY;
        }
        due
    }

    /// When the loop must turn at the latest, after the turn that began at `turn`.
    pub(super) fn next(&self, turn: Instant, lease_until: Instant, deadline: Option<Instant>) -> Instant {
        let settle_at = Some(self.settle_at);
        let times =
            [Some(self.poll_at), settle_at, self.resume_at, self.database_at, deadline, Some(lease_until)];
        // A time before the turn has had it, and what stood in its way will wake the loop. One that passed meanwhile may
        // have been too late for it.
        times.into_iter().flatten().filter(|at| *at > turn).fold(turn + TURN_EVERY, Instant::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn timing() -> Timing {
        Timing::new(&Config::load(None, &[]).expect("valid").relay)
    }

    #[test]
    fn a_settle_whose_time_comes_during_a_turn_wakes_the_loop_and_one_that_had_its_turn_does_not() {
        let (mut timing, begin) = (timing(), Instant::now());
        let later = begin + Duration::from_secs(60);
        timing.settle_began(begin);
        let due = begin + timing.settle_interval;
        assert!(!timing.settle_is_due(due - Duration::from_nanos(1)) && timing.settle_is_due(due));
        // The turn began before, and found nothing due, however late it is when the loop goes to sleep.
        assert_eq!(timing.next(due - Duration::from_nanos(1), later, None), due);
        assert_eq!(timing.next(due, later, None), due + TURN_EVERY);
    }
}
