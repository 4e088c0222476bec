//! Waiting for a condition, never for a time.

use std::fmt::Display;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail};

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// How many times as long as it may take is waited for something: other tests and other programs keep the machine busy, and
/// what comes late is no fault unless the test measures it (`quick_once`).
const PATIENCE: u32 = 3;
const MEASUREMENTS: usize = 5;
/// What goes by days goes by those of UTC.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long to wait for what takes at most `limit` on a machine that has nothing else to do.
pub(super) fn patiently(limit: Duration) -> Duration {
    limit * PATIENCE
}

/// Asks `probe` until it answers `Ok`. Its error says what is still wrong, and ends up in the message at the deadline.
/// `limit` is how long it may take on a machine that has nothing else to do.
///
/// # Errors
/// At the deadline, with what was waited for and the last reason.
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

/// Measures several times how long something takes, until it is less than `limit` once: a busy machine makes some slow, a
/// fault makes all of them slow.
///
/// # Errors
/// When none was quick enough, with all that was measured, or when the measurement fails.
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

/// Pauses at the end of a `period` of the clock, such as a minute or a day, until it is over, so that at least `left` of one
/// is left: what is counted or named by periods does not add up over two.
///
/// # Errors
/// When the clock stands before 1970.
pub async fn early_in(period: Duration, left: Duration) -> Result<()> {
    let period_ms = period.as_millis();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
    let remaining = Duration::from_millis(u64::try_from(period_ms - now % period_ms)?);
    if remaining < left {
        tokio::time::sleep(remaining + Duration::from_millis(10)).await;
    }
    Ok(())
}
