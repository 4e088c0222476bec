//! The time when the broker was last heard. From it the other replicas know whether this one can publish.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// In bytes a second. The broker does not answer while a large message is on its way to it. With a network as slow as this,
/// that time does not count as silence.
const SLOWEST_NETWORK: u64 = 1024 * 1024;

/// The last sign of life of the broker. The publisher writes it, and the leases' task reads it.
#[derive(Debug)]
pub(crate) struct Pulse {
    start: Instant,
    /// Milliseconds since the start plus one; 0 is never.
    heard: AtomicU64,
    /// The part of a silence that messages on their way explain, in milliseconds.
    excuse: AtomicU64,
    blocked: AtomicBool,
    /// When the broker first confirmed a message since it connected or last blocked; as in `heard`.
    confirmed: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            heard: AtomicU64::new(0),
            excuse: AtomicU64::new(0),
            blocked: AtomicBool::new(false),
            confirmed: AtomicU64::new(0),
        }
    }
}

impl Pulse {
    /// Notes an answer of the broker.
    pub(super) fn hear(&self) {
        self.heard.store(self.now_ms() + 1, Ordering::Relaxed);
    }

    /// Notes that the broker took messages. What it confirms while it blocks, it took before.
    pub(super) fn confirm(&self) {
        self.hear();
        if !self.is_blocked() && self.confirmed.load(Ordering::Relaxed) == 0 {
            self.confirmed.store(self.now_ms() + 1, Ordering::Relaxed);
        }
    }

    /// Notes the size of the largest message on its way.
    pub(super) fn excuse(&self, largest_bytes: usize) {
        let bytes = u64::try_from(largest_bytes).unwrap_or(u64::MAX);
        self.excuse.store(bytes.saturating_mul(1000) / SLOWEST_NETWORK, Ordering::Relaxed);
    }

    /// Notes that the broker blocks publishing, which is an answer too, or has stopped blocking.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.confirmed.store(0, Ordering::Relaxed);
        if self.blocked.swap(blocked, Ordering::Relaxed) || blocked {
            self.hear();
        }
    }

    /// Notes that the connection is lost, which also ends a block. While the broker blocked, no answer was due: silence begins
    /// now, unless the connection was given up because of it.
    pub(super) fn lost(&self, by_silence: bool) {
        self.confirmed.store(0, Ordering::Relaxed);
        if self.blocked.swap(false, Ordering::Relaxed) && !by_silence {
            self.hear();
        }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// Whether the broker has been taking messages for at least this long. It tells each connection that has published since the last
    /// alarm of the next one; so while this holds, there is none. An open connection without a message proves nothing.
    pub(crate) fn publishes_since(&self, at_least: Duration) -> bool {
        let confirmed = self.confirmed.load(Ordering::Relaxed).checked_sub(1);
        confirmed.is_some_and(|at| u128::from(self.now_ms().saturating_sub(at)) >= at_least.as_millis())
    }

    /// Returns how long the broker has been silent, without what large messages explain; `None` if it was never heard.
    ///
    /// A broker that blocks publishing does not answer. Whether that is a state of the whole broker (memory or disk) or only of
    /// this replica's connection, the other replicas know.
    pub(crate) fn silence(&self) -> Option<Duration> {
        let heard = self.heard.load(Ordering::Relaxed).checked_sub(1)?;
        let excuse = self.excuse.load(Ordering::Relaxed);
        Some(Duration::from_millis(self.now_ms().saturating_sub(heard).saturating_sub(excuse)))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard_ago(ago: Duration) -> Pulse {
        let start = Instant::now().checked_sub(ago).expect("the machine runs for longer");
        Pulse { start, heard: AtomicU64::new(1), ..Pulse::default() }
    }

    #[test]
    fn a_broker_that_never_was_heard_is_not_silent() {
        assert_eq!(Pulse::default().silence(), None);
    }

    #[test]
    fn silence_counts_from_the_last_answer() {
        let pulse = heard_ago(Duration::from_secs(9));
        assert!(pulse.silence().is_some_and(|silence| silence >= Duration::from_secs(9)));
        pulse.hear();
        assert!(pulse.silence().is_some_and(|silence| silence < Duration::from_secs(5)));
    }

    #[test]
    fn the_beginning_and_the_end_of_a_block_are_answers_and_nothing_between_is() {
        for blocked in [true, false] {
            let pulse = heard_ago(Duration::from_secs(9));
            pulse.blocked.store(!blocked, Ordering::Relaxed);
            assert!(pulse.silence().is_some_and(|silence| silence >= Duration::from_secs(9)));
            pulse.set_blocked(blocked);
            assert_eq!(pulse.is_blocked(), blocked);
            assert!(pulse.silence().is_some_and(|silence| silence < Duration::from_secs(5)));
        }
    }

    #[test]
    fn silence_begins_when_a_blocked_connection_is_lost_but_not_when_it_was_given_up_for_silence() {
        for by_silence in [true, false] {
            let pulse = heard_ago(Duration::from_secs(9));
            pulse.blocked.store(true, Ordering::Relaxed);
            pulse.lost(by_silence);
            assert!(!pulse.is_blocked());
            let is_long = pulse.silence().is_some_and(|silence| silence >= Duration::from_secs(9));
            assert_eq!(is_long, by_silence);
        }
    }

    #[test]
    fn a_replica_publishes_from_its_first_confirm_until_it_is_blocked_or_loses_its_connection() {
        let pulse = heard_ago(Duration::from_secs(9));
        assert!(!pulse.publishes_since(Duration::ZERO), "it was only heard");
        pulse.confirm();
        assert!(pulse.silence().is_some_and(|silence| silence < Duration::from_secs(5)));
        assert!(pulse.publishes_since(Duration::ZERO) && !pulse.publishes_since(Duration::from_secs(60)));
        pulse.confirmed.store(1, Ordering::Relaxed);
        pulse.confirm();
        assert!(pulse.publishes_since(Duration::from_secs(9)), "the first one counts");
        pulse.set_blocked(true);
        pulse.confirm();
        assert!(!pulse.publishes_since(Duration::ZERO), "it was taken before");
        pulse.set_blocked(false);
        assert!(!pulse.publishes_since(Duration::ZERO), "nothing was taken since");
        pulse.confirm();
        pulse.lost(false);
        assert!(!pulse.publishes_since(Duration::ZERO));
    }

    #[test]
    fn a_connection_that_was_not_blocked_and_is_lost_is_no_answer() {
        let pulse = heard_ago(Duration::from_secs(9));
        pulse.lost(false);
        assert!(pulse.silence().is_some_and(|silence| silence >= Duration::from_secs(9)));
    }

    #[test]
    fn a_message_of_twenty_mebibytes_explains_a_silence_of_twenty_seconds() {
        let pulse = heard_ago(Duration::from_secs(21));
        pulse.excuse(20 * 1024 * 1024);
        assert!(pulse.silence().is_some_and(|silence| silence < Duration::from_secs(5)));
        pulse.excuse(400);
        assert!(pulse.silence().is_some_and(|silence| silence > Duration::from_secs(20)));
    }
}
