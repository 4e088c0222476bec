//! The times of the drain loop: polls, settles, looks for due retries, sweeps, and pauses after database faults.

use std::time::{Duration, Instant};

use crate::config::RelayConfig;
use comptoir_core::platform::backoff::Backoff;

/// A sweep, or a count, takes at most one part in this many of the time, however expensive it is.
const SWEEP_COST: u32 = 50;
/// The loop turns at least this often, however long the polls' waits are, so that a health check can see that it turns.
const TURN_EVERY: Duration = Duration::from_secs(1);
/// The delay of tokio's timer at most: it counts in milliseconds and rounds up.
const TIMER_DELAY: Duration = Duration::from_millis(2);
/// The number of polls for each expected event, where writers do not announce their events.
const POLLS_PER_EVENT: u32 = 2;
/// Polls become rare when nothing was found for this many times the usual time between two events.
const SILENT_AFTER: u32 = 4;
/// A new gap counts for one part in this many of the average gap.
const GAP_WEIGHT: u32 = 8;
/// The shortest wait between two polls: a poll costs about as much of the database's time.
const POLL_FLOOR: Duration = Duration::from_millis(2);
const GAUGES_EVERY: Duration = Duration::from_secs(1);
const COUNT_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Timing {
    poll_min: Duration,
    poll_max: Duration,
    poll_wait: Duration,
    poll_at: Instant,
    /// Whether events were announced since the last poll began.
    announced: bool,
    /// Whether the poll under way answers an announcement.
    answers: bool,
    /// The average time between two events that are not announced; below, when the last was found.
    gap: Duration,
    found_at: Instant,
    settle_interval: Duration,
    settle_at: Instant,
    sweep_interval: Duration,
    sweep_at: Instant,
    /// When to look for refused events that are due.
    pub(super) look_at: Option<Instant>,
    read_began_at: Instant,
    /// The duration of the last read.
    read_took: Duration,
    pub(super) reads: Pauses,
    pub(super) writes: Pauses,
    gauges_at: Instant,
    count_at: Instant,
}

/// Growing pauses after failed attempts. Reading and writing have their own: if only one of them works, its success does not
/// end the pauses of the other.
#[derive(Debug)]
pub(super) struct Pauses {
    backoff: Backoff,
    until: Option<Instant>,
}

impl Pauses {
    fn new() -> Self {
        Self { backoff: Backoff::new(100, 5000), until: None }
    }

    pub(super) fn are_over(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() >= until)
    }

    pub(super) fn answered(&mut self) {
        self.backoff.reset();
        self.until = None;
    }

    pub(super) fn failed(&mut self) -> Duration {
        let wait = self.backoff.advance();
        self.until = Some(Instant::now() + wait);
        wait
    }
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
            announced: false,
            answers: false,
            gap: Duration::from_millis(relay.poll_min_ms) * POLLS_PER_EVENT,
            found_at: now,
            settle_interval: Duration::from_millis(relay.settle_interval_ms),
            settle_at: now,
            sweep_interval,
            sweep_at: now + sweep_interval,
            look_at: None,
            read_began_at: now,
            read_took: Duration::ZERO,
            reads: Pauses::new(),
            writes: Pauses::new(),
            gauges_at: now,
            count_at: now,
        }
    }

    pub(super) fn poll_now(&mut self) {
        self.poll_at = Instant::now();
    }

    /// A wake-up announced events: polls now.
    pub(super) fn announced(&mut self) {
        self.announced = true;
        self.poll_now();
    }

    pub(super) fn poll_is_due(&self, now: Instant) -> bool {
        now >= self.poll_at
    }

    /// Plans the next poll after one that found `found` events. It comes soon; where writers do not announce their events,
    /// before the next one is expected. If nothing was found for a while, the wait doubles.
    pub(super) fn polled(&mut self, found: usize, now: Instant) {
        if found > 0 && !self.answers {
            let gap = now.duration_since(self.found_at) / u32::try_from(found).unwrap_or(u32::MAX);
            let gap = gap.min(self.poll_min * POLLS_PER_EVENT);
            self.gap = (self.gap * (GAP_WEIGHT - 1) + gap) / GAP_WEIGHT;
            self.found_at = now;
        }
        let is_expected = now.duration_since(self.found_at) < self.gap * SILENT_AFTER;
        if found > 0 || is_expected {
            let expected = if is_expected { self.gap / POLLS_PER_EVENT } else { self.poll_min };
            self.poll_wait = expected.clamp(POLL_FLOOR.min(self.poll_min), self.poll_min);
            self.poll_at = self.poll_at.min(now + self.until_next_poll(self.poll_wait));
        } else {
            self.poll_wait = (self.poll_wait * 2).min(self.poll_max);
        }
    }

    /// Returns less than the interval: an event that was committed just too late must be read within the interval, and the late
    /// timer and the read itself take time as well.
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

    pub(super) fn read_began(&mut self, now: Instant, polls: bool) {
        self.read_began_at = now;
        if !polls {
            return;
        }
        self.answers = std::mem::take(&mut self.announced);
        // A wake-up that comes while the read is under way moves this forward again.
        self.poll_at = now + self.until_next_poll(self.poll_wait);
        if self.sweep_is_due(now) {
            self.sweep_at = now + self.sweep_interval;
        }
    }

    /// Notes the end of the read, and returns how long it took.
    pub(super) fn read_ended(&mut self) -> Duration {
        let took = self.read_began_at.elapsed();
        self.read_took = took;
        self.sweep_at = self.sweep_at.max(self.read_began_at + took * SWEEP_COST);
        took
    }

    /// Whether the gauges are due. If so, sets the next time.
    pub(super) fn gauges_are_due(&mut self, now: Instant) -> bool {
        let due = now >= self.gauges_at;
        if due {
            self.gauges_at = now + GAUGES_EVERY;
        }
        due
    }

    /// Whether the unread events are to be counted. If so, sets the next time.
    pub(super) fn count_is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.count_at;
        if due {
            self.count_at = now + COUNT_EVERY;
        }
        due
    }

    /// Delays the next count by the cost of this one.
    pub(super) fn counted(&mut self, took: Duration) {
        self.count_at = self.count_at.max(self.read_began_at + took * SWEEP_COST);
    }

    /// Returns the time of the next turn at the latest, after the one that began at `turn`.
    pub(super) fn next(&self, turn: Instant, lease_until: Instant, deadline: Option<Instant>) -> Instant {
        let settle_at = Some(self.settle_at);
        let times = [
            Some(self.poll_at),
            settle_at,
            self.look_at,
            self.reads.until,
            self.writes.until,
            deadline,
            Some(lease_until),
        ];
        // The turn has handled the times before it; if one was hindered, the end of the hindrance wakes the loop. A time
        // that passed during the turn may have come too late for it.
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

    /// Polls like the loop for the time `lasts`, while an event is written `every` so often. Returns the mean wait of an event
    /// and the number of polls.
    fn poll(timing: &mut Timing, begin: Instant, every: Duration, lasts: Duration) -> (Duration, u32) {
        let (mut now, mut next_event, mut polls) = (begin, begin + every, 0);
        let (mut waited, mut events) = (Duration::ZERO, 0);
        while now < begin + lasts {
            timing.read_began(now, true);
            let mut found = 0;
            while next_event <= now {
                waited += now - next_event;
                next_event += every;
                found += 1;
            }
            events += found;
            polls += 1;
            timing.polled(usize::try_from(found).unwrap(), now);
            // The timer counts in milliseconds.
            now = timing.poll_at.max(now + Duration::from_millis(1));
        }
        (waited / events.max(1), polls)
    }

    #[test]
    fn polls_follow_the_traffic_of_writers_that_announce_nothing() {
        let (mut timing, begin) = (timing(), Instant::now());
        let second = Duration::from_secs(1);
        poll(&mut timing, begin, Duration::from_millis(5), second);
        let (wait, polls) = poll(&mut timing, begin + second, Duration::from_millis(5), second);
        assert!(wait <= Duration::from_millis(2), "{wait:?}");
        assert!(polls <= 600, "{polls}");
        // Nothing more comes: soon there is a poll a second.
        let silent = begin + 2 * second;
        poll(&mut timing, silent, Duration::from_secs(3600), 10 * second);
        let (_, polls) = poll(&mut timing, silent + 10 * second, Duration::from_secs(3600), 60 * second);
        assert!(polls <= 62, "{polls}");
    }

    #[test]
    fn polls_are_no_closer_to_each_other_where_events_are_announced() {
        let (mut timing, mut now) = (timing(), Instant::now());
        for _ in 0..200 {
            timing.announced();
            timing.read_began(now, true);
            timing.polled(1, now);
            now += Duration::from_millis(5);
        }
        assert_eq!(timing.poll_wait, timing.poll_min);
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

    #[test]
    fn where_reading_fails_writing_goes_on_and_the_other_way_round() {
        let mut timing = timing();
        let first = timing.reads.failed();
        assert!(!timing.reads.are_over() && timing.writes.are_over());
        assert!(timing.reads.failed() > first, "the pauses grow");
        timing.writes.failed();
        timing.reads.answered();
        assert!(timing.reads.are_over() && !timing.writes.are_over());
        // The end of a pause wakes the loop.
        let begin = Instant::now();
        assert!(timing.writes.until.is_some_and(|end| timing.next(begin, begin + TURN_EVERY, None) <= end));
    }

    #[test]
    fn a_poll_and_a_sweep_are_due_from_their_times_on() {
        let (mut timing, begin) = (timing(), Instant::now());
        let moment = Duration::from_nanos(1);
        (timing.poll_at, timing.sweep_at) = (begin, begin);
        assert!(!timing.poll_is_due(begin - moment) && timing.poll_is_due(begin));
        assert!(!timing.sweep_is_due(begin - moment) && timing.sweep_is_due(begin));
        timing.read_began(begin, true);
        assert!(!timing.poll_is_due(begin) && !timing.sweep_is_due(begin), "both had their turn");
    }

    #[test]
    fn a_read_says_how_long_it_took_and_an_expensive_sweep_comes_seldom() {
        let mut timing = timing();
        let took = Duration::from_secs(100);
        let began = Instant::now().checked_sub(took).expect("the clock runs for that long");
        timing.read_began(began, true);
        assert!((took..took * 2).contains(&timing.read_ended()));
        assert!(timing.sweep_at >= began + took * SWEEP_COST);
    }

    #[test]
    fn gauges_and_counts_are_due_again_after_their_intervals_and_later_if_a_count_is_expensive() {
        let (mut timing, begin) = (timing(), Instant::now() + Duration::from_secs(1));
        assert!(timing.gauges_are_due(begin) && !timing.gauges_are_due(begin));
        assert!(
            !timing.gauges_are_due(begin + GAUGES_EVERY / 2) && timing.gauges_are_due(begin + GAUGES_EVERY)
        );
        assert!(timing.count_is_due(begin) && !timing.count_is_due(begin + COUNT_EVERY / 2));
        assert!(timing.count_is_due(begin + COUNT_EVERY));
        timing.read_began(begin, false);
        timing.counted(COUNT_EVERY);
        assert!(!timing.count_is_due(begin + COUNT_EVERY * (SWEEP_COST - 1)));
        assert!(timing.count_is_due(begin + COUNT_EVERY * SWEEP_COST));
    }
}
