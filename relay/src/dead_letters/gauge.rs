//! Counts the dead letters that wait for a decision, for `comptoir_relay_waiting_dead_letters`. It uses a connection of its
//! own, which is open only while it counts: draining never waits for it.

use std::time::Duration;

use comptoir_core::outbox::overview;
use comptoir_core::platform::database::{self, DatabaseConfig};
use tokio_util::sync::CancellationToken;

use crate::answer_timeout::answered;
use crate::error::DatabaseFault;
use crate::metrics;

const EVERY: Duration = Duration::from_secs(15);
/// The count stops here: beyond this number the exact value does not matter.
const MOST: i64 = 100_000;
/// Much more than is needed: reading [`MOST`] entries of an index takes some ten milliseconds.
const STATEMENT_TIMEOUT_MS: u64 = 5000;

/// Counts now and every 15 s, until `stop`.
pub(crate) async fn keep(database: DatabaseConfig, stop: CancellationToken) {
    let database = DatabaseConfig { statement_timeout_ms: STATEMENT_TIMEOUT_MS, ..database };
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match count(&database).await {
            Ok(count) => metrics::waiting_dead_letters(count),
            // The drain loop reports the fault in the log and in metrics. The gauge keeps its last value.
            Err(fault) => tracing::debug!(%fault, "cannot count the dead letters"),
        }
    }
}

async fn count(database: &DatabaseConfig) -> Result<i64, DatabaseFault> {
    let mut connection = database::connect(database).await?;
    answered(database, overview::dead_letters(&mut connection, MOST)).await
}
