//! Waits for conditions, never for a fixed time.

use std::fmt::Display;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail};

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// Waits last this many times their limit: other tests and programs keep the machine busy, and a late result is not a fault
/// unless the test measures the time (`quick_once`).
const PATIENCE: u32 = 3;
const MEASUREMENTS: usize = 5;
/// A day. Everything that is counted by days uses days of UTC.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns how long to wait for a condition that takes at most `limit` on an idle machine.
pub(super) fn patiently(limit: Duration) -> Duration {
    limit * PATIENCE
}

/// Calls `probe` until it returns `Ok`. Its last error becomes part of the message at the deadline. `limit` is how long it may
/// take on an idle machine.
///
/// # Errors
/// Fails at the deadline, with `what` and the last error.
pub async fn until<T>(
    what: impl Display,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let (begin, limit) = (Instant::now(), patiently(limit));
    let mut pause = FIRST_PAUSE;
    loop {
        // A probe that hangs must not outlive the deadline by much.
        let left = limit.saturating_sub(begin.elapsed()).max(Duration::from_secs(1));
        let reason = match tokio::time::timeout(left, probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "no answer".to_owned(),
        };
        if begin.elapsed() >= limit {
            bail!("waited {:.1} s for {what}: {reason}", begin.elapsed().as_secs_f64());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Measures several times, until one result is less than `limit`: a busy machine makes some results slow, a fault makes all
/// of them slow.
///
/// # Errors
/// Fails if no measurement was quick enough, with all of them, or if a measurement fails.
pub async fn quick_once(
    what: impl Display,
    limit: Duration,
    mut measure: impl AsyncFnMut() -> Result<Duration>,
) -> Result<()> {
    let mut measured = Vec::new();
    while measured.len() < MEASUREMENTS {
        let took = measure().await?;
        if took < limit {
            return Ok(());
        }
        measured.push(took);
    }
    bail!("{what} shall take less than {limit:?} once in {MEASUREMENTS} times, and took {measured:?}")
}

/// If less than `left` of the current `period` of the clock is left, waits for the next one. So a test that counts by minutes
/// or days, for example, stays within one of them.
///
/// # Errors
/// Fails if the clock is before 1970.
pub async fn early_in(period: Duration, left: Duration) -> Result<()> {
    let period_ms = period.as_millis();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
    let remaining = Duration::from_millis(u64::try_from(period_ms - now % period_ms)?);
    if remaining < left {
        tokio::time::sleep(remaining + Duration::from_millis(10)).await;
    }
    Ok(())
}
