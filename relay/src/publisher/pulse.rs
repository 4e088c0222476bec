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
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            heard: AtomicU64::new(0),
            excuse: AtomicU64::new(0),
            blocked: AtomicBool::new(false),
        }
    }
}

impl Pulse {
    /// Notes an answer of the broker.
    pub(super) fn hear(&self) {
        self.heard.store(self.now_ms() + 1, Ordering::Relaxed);
    }

    /// Notes the size of the largest message on its way.
    pub(super) fn excuse(&self, largest_bytes: usize) {
        let bytes = u64::try_from(largest_bytes).unwrap_or(u64::MAX);
        self.excuse.store(bytes.saturating_mul(1000) / SLOWEST_NETWORK, Ordering::Relaxed);
    }

    /// Notes that the broker blocks publishing, which is an answer too, or has stopped blocking.
    pub(super) fn set_blocked(&self, blocked: bool) {
        if self.blocked.swap(blocked, Ordering::Relaxed) || blocked {
            self.hear();
        }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// Returns how long the broker has been silent although it should have answered; `None` if it was never heard.
    ///
    /// A broker that blocks publishing does not answer. That does not count as silence: it is a state of the whole broker
    /// (memory or disk), not of this replica's connection.
    pub(crate) fn silence(&self) -> Option<Duration> {
        let heard = self.heard.load(Ordering::Relaxed).checked_sub(1)?;
        if self.is_blocked() {
            return Some(Duration::ZERO);
        }
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
    fn a_broker_that_blocks_is_not_silent_and_silence_begins_when_it_ends() {
        let pulse = heard_ago(Duration::from_secs(9));
        pulse.set_blocked(true);
        assert_eq!(pulse.silence(), Some(Duration::ZERO));
        pulse.set_blocked(false);
        assert!(pulse.silence().is_some_and(|silence| silence < Duration::from_secs(5)));
    }

    #[test]
    fn a_connection_that_was_not_blocked_and_is_lost_is_no_answer() {
        let pulse = heard_ago(Duration::from_secs(9));
        pulse.set_blocked(false);
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
