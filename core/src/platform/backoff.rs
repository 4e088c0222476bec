//! Waits that double, with jitter, up to a bound.

use std::time::Duration;

/// A sequence of waits. Half of each wait is random, so that replicas that failed together do not come back together.
#[derive(Debug, Clone)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    attempt: u32,
}

impl Backoff {
    pub fn new(min_ms: u64, max_ms: u64) -> Self {
        Self { min: Duration::from_millis(min_ms), max: Duration::from_millis(max_ms), attempt: 0 }
    }

    /// Returns the next wait.
    pub fn advance(&mut self) -> Duration {
        let wait = wait_before(self.attempt, self.min, self.max);
        self.attempt = self.attempt.saturating_add(1);
        wait
    }

    /// After a success the next wait is the shortest again.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// Returns the wait before attempt `attempt` (the first is 0): `min` doubled `attempt` times, at most `max`. The upper half
/// of it is random.
pub fn wait_before(attempt: u32, min: Duration, max: Duration) -> Duration {
    let wait = min.saturating_mul(2u32.saturating_pow(attempt)).min(max);
    wait.mul_f64(rand::random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_keep_at_least_half() {
        let (min, max) = (Duration::from_millis(100), Duration::from_millis(1000));
        for (attempt, ceiling) in [(0, 100), (1, 200), (2, 400), (3, 800), (4, 1000), (40, 1000)] {
            let wait = wait_before(attempt, min, max).as_millis();
            assert!((ceiling / 2..=ceiling).contains(&wait), "attempt {attempt}: {wait} ms");
        }
    }

    #[test]
    fn a_reset_starts_over() {
        let mut backoff = Backoff::new(100, 10_000);
        for _ in 0..5 {
            backoff.advance();
        }
        backoff.reset();
        assert!(backoff.advance() <= Duration::from_millis(100));
    }
}
