//! Wakes the relay as the API does (`comptoir_core::outbox::Notifier`): after a commit, on a connection of its own, once
//! for all the commits of an interval.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::mpsc;

use crate::harness::connect;

/// The API's own statement.
const NOTIFY: &str = "BEGIN; SET LOCAL synchronous_commit = off; NOTIFY comptoir_outbox; COMMIT";
/// The API's own interval is in here.
const API_SETTINGS: &str = include_str!("../../../../api/src/default.toml");

/// Ends with its last clone.
#[derive(Debug, Clone)]
pub(super) struct WakeUp(mpsc::Sender<()>);

impl WakeUp {
    pub(super) async fn connect(database_url: &str) -> Result<Self> {
        let client = connect(database_url).await?;
        let interval = interval()?;
        let (sender, mut due) = mpsc::channel(1);
        tokio::spawn(async move {
            while due.recv().await.is_some() {
                if client.batch_execute(NOTIFY).await.is_err() {
                    return;
                }
                tokio::time::sleep(interval).await;
            }
        });
        Ok(Self(sender))
    }

    pub(super) fn wake(&self) {
        // Full: one is due already.
        let _ = self.0.try_send(());
    }
}

fn interval() -> Result<Duration> {
    let value = API_SETTINGS.lines().find_map(|line| line.strip_prefix("notify_interval_ms = "));
    let value = value.context("the API's settings name no notify_interval_ms")?;
    Ok(Duration::from_millis(value.trim().parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_the_apis() {
        assert!(interval().unwrap() > Duration::ZERO);
    }
}
