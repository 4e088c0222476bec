//! Limits the events per second with a token bucket. No I/O.

use std::time::{Duration, Instant};

/// The bucket holds the tokens of a tenth of a second, so that there is no large burst after a pause.
const BUCKET_SECONDS: f64 = 0.1;

#[derive(Debug)]
pub(super) struct Pace {
    /// Events a second.
    rate: Option<f64>,
    tokens: f64,
    filled_at: Instant,
}

impl Pace {
    pub(super) fn new(rate: Option<u32>, now: Instant) -> Self {
        Self { rate: rate.map(f64::from), tokens: 1.0, filled_at: now }
    }

    /// Returns how many events may be published now, at most `wanted`.
    pub(super) fn allowance(&mut self, wanted: usize, now: Instant) -> usize {
        let Some(rate) = self.rate else { return wanted };
        let gained = now.saturating_duration_since(self.filled_at).as_secs_f64() * rate;
        self.tokens = (self.tokens + gained).min((rate * BUCKET_SECONDS).max(1.0));
        self.filled_at = now;
        (self.tokens.floor() as usize).min(wanted)
    }

    pub(super) fn spend(&mut self, events: usize) {
        if self.rate.is_some() {
            self.tokens -= events as f64;
        }
    }

    /// Returns how long to wait until the next event may be published.
    pub(super) fn wait(&self) -> Duration {
        match self.rate {
            Some(rate) if self.tokens < 1.0 => Duration::from_secs_f64((1.0 - self.tokens) / rate),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_rate_everything_goes() {
        let now = Instant::now();
        let mut pace = Pace::new(None, now);
        assert_eq!((pace.allowance(500, now), pace.wait()), (500, Duration::ZERO));
    }

    #[test]
    fn over_ten_seconds_no_more_go_than_the_rate_says() {
        let began = Instant::now();
        let (mut pace, mut now, mut sent) = (Pace::new(Some(50), began), began, 0);
        while now - began < Duration::from_secs(10) {
            let allowed = pace.allowance(1000, now);
            pace.spend(allowed);
            sent += allowed;
            now += pace.wait().max(Duration::from_millis(1));
        }
        assert!((495..=502).contains(&sent), "{sent}");
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let began = Instant::now();
        let mut pace = Pace::new(Some(100), began);
        assert_eq!(pace.allowance(1000, began + Duration::from_secs(60)), 10);
    }
}
