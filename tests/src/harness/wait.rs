//! Waiting for a condition, never for a time.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Asks `probe` until it answers `Ok`. Its error says what is still wrong, and ends up in the message at the deadline.
///
/// # Errors
/// At the deadline, with what was waited for and the last reason.
pub async fn until<T>(
    what: impl Display,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let begin = Instant::now();
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
