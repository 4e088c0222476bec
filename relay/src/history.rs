//! Maintains the history: creates the partitions of the days to come, and drops days that are older than the retention. It
//! runs on one replica at a time and on a connection of its own. The drain never waits for it for more than a moment.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use comptoir_core::outbox::history::{self, DefaultPartition};
use comptoir_core::platform::config::ConfigError;
use comptoir_core::platform::database::{self, DatabaseConfig};
use comptoir_core::services::{Description, Fault, Run, Service, Summary};
use diesel_async::AsyncPgConnection;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::error::DatabaseFault;
use crate::metrics;

/// A lock that is not granted within this is tried again at the next upkeep: inserts queue behind the statement that waits.
const LOCK_TIMEOUT_MS: u64 = 200;
/// Reading the default partition may take long, but its lock blocks no other work.
const STATEMENT_TIMEOUT_MS: u64 = 600_000;
/// The limit on a whole upkeep, so that one that hangs is not the last.
const UPKEEP_LIMIT: Duration = Duration::from_secs(3600);
/// A day that begins sooner than this is not excluded from the default partition: its rows might come before its partition.
const EXCLUSION_NOTICE: TimeDelta = TimeDelta::hours(1);
/// The most blocks of the default partition from which one statement deletes; below, the same for one upkeep.
const BLOCKS_PER_DELETE: i64 = 256;
const BLOCKS_PER_UPKEEP: i64 = 131_072;

const MOST_DAYS_AHEAD: u32 = 366;
const LONGEST_RETENTION_DAYS: u32 = 36_500;

/// `[history]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryConfig {
    pub(crate) retention_days: u32,
    pub(crate) partitions_ahead_days: u32,
    pub(crate) upkeep_interval_seconds: u64,
}

impl HistoryConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if self.retention_days > LONGEST_RETENTION_DAYS {
            return Err(ConfigError::value("history.retention_days", "must be at most 36500"));
        }
        if !(1..=MOST_DAYS_AHEAD).contains(&self.partitions_ahead_days) {
            return Err(ConfigError::value("history.partitions_ahead_days", "must be 1 to 366"));
        }
        if !(1..=86_400).contains(&self.upkeep_interval_seconds) {
            return Err(ConfigError::value(
                "history.upkeep_interval_seconds",
                "must be 1 to 86400: partitions are needed every day",
            ));
        }
        Ok(())
    }
}

/// The counts of one upkeep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Upkeep {
    pub(crate) created: u64,
    pub(crate) dropped: u64,
    /// Rows that were deleted from the default partition.
    pub(crate) deleted: u64,
    /// Days that could not be made or dropped; the next upkeep tries again.
    pub(crate) failed: u64,
}

#[derive(Debug)]
pub(crate) struct HistoryKeeper {
    config: HistoryConfig,
    database: DatabaseConfig,
    /// Where the next upkeep goes on in the default partition.
    next_block: i64,
}

impl HistoryKeeper {
    pub(crate) fn new(config: HistoryConfig, database: DatabaseConfig) -> Self {
        let database = DatabaseConfig {
            lock_timeout_ms: LOCK_TIMEOUT_MS,
            statement_timeout_ms: STATEMENT_TIMEOUT_MS,
            ..database
        };
        Self { config, database, next_block: 0 }
    }

    /// Runs one upkeep. If it fails, writes a line to the log and counts the failure.
    ///
    /// # Errors
    /// Fails if the database fails: the next upkeep does what is left.
    pub(crate) async fn run_and_report(&mut self) -> Result<Upkeep, DatabaseFault> {
        let limited = tokio::time::timeout(UPKEEP_LIMIT, self.run_once());
        let kept = limited.await.unwrap_or(Err(DatabaseFault::NoAnswer(UPKEEP_LIMIT.as_millis())));
        match &kept {
            Ok(upkeep) => {
                metrics::history_kept(upkeep);
                if *upkeep != Upkeep::default() {
                    let Upkeep { created, dropped, deleted, failed } = *upkeep;
                    tracing::info!(
                        created_days = created,
                        dropped_days = dropped,
                        deleted_events = deleted,
                        failed_steps = failed,
                        "kept the history"
                    );
                }
            }
            Err(fault) => {
                metrics::history_kept(&Upkeep { failed: 1, ..Upkeep::default() });
                let reason = fault.reason();
                metrics::database_failed(reason);
                tracing::warn!(reason, %fault, "cannot keep the history: tried again at the next upkeep");
            }
        }
        kept
    }

    /// Runs one upkeep; does nothing if another replica is running one.
    pub(crate) async fn run_once(&mut self) -> Result<Upkeep, DatabaseFault> {
        let mut connection = database::connect(&self.database).await?;
        let claimed = history::claim_upkeep(&mut connection, self.config.retention_days).await?;
        let Some(now) = claimed else { return Ok(Upkeep::default()) };
        let kept = self.keep(&mut connection, now).await;
        history::release_upkeep(&mut connection).await?;
        kept
    }

    async fn keep(
        &mut self,
        connection: &mut AsyncPgConnection,
        now: DateTime<Utc>,
    ) -> Result<Upkeep, DatabaseFault> {
        let mut upkeep = Upkeep::default();
        let expired = now - TimeDelta::days(self.config.retention_days.into());
        history::remove_leftovers(connection).await?;
        let days = history::days(connection).await?;
        let default = history::default_partition(connection, expired).await?;
        for day in self.wanted(now).filter(|day| !days.contains(day)) {
            history::renew_upkeep(connection).await?;
            match create(connection, day, now, default).await {
                Ok(created) => upkeep.created += u64::from(created),
                Err(error) => upkeep.failed += failed(day, "make", &error),
            }
        }
        for day in days.into_iter().filter(|day| history::end_of(*day) <= expired) {
            history::renew_upkeep(connection).await?;
            match history::drop_day(connection, day).await {
                Ok(()) => upkeep.dropped += 1,
                Err(error) => upkeep.failed += failed(day, "drop", &error),
            }
        }
        if default.has_expired {
            upkeep.deleted = self.delete_expired(connection, expired, default.blocks).await?;
        }
        Ok(upkeep)
    }

    /// Returns today and the days to come; no days if the history is off.
    fn wanted(&self, now: DateTime<Utc>) -> impl Iterator<Item = NaiveDate> + use<> {
        let days = if self.config.retention_days == 0 {
            0
        } else {
            u64::from(self.config.partitions_ahead_days) + 1
        };
        let today = now.date_naive();
        (0..days).filter_map(move |ahead| today.checked_add_days(Days::new(ahead)))
    }

    async fn delete_expired(
        &mut self,
        connection: &mut AsyncPgConnection,
        expired: DateTime<Utc>,
        blocks: i64,
    ) -> Result<u64, DatabaseFault> {
        let mut deleted = 0;
        let mut block = if self.next_block < blocks { self.next_block } else { 0 };
        let end = blocks.min(block + BLOCKS_PER_UPKEEP);
        while block < end {
            let to = end.min(block + BLOCKS_PER_DELETE);
            history::renew_upkeep(connection).await?;
            let rows = history::delete_expired(connection, expired, block..to).await?;
            deleted += u64::try_from(rows).unwrap_or(u64::MAX);
            block = to;
        }
        self.next_block = end;
        Ok(deleted)
    }
}

/// The service `history`. It runs in one of all relays.
#[derive(Debug)]
pub(crate) struct HistoryUpkeep {
    every: Duration,
    keeper: Mutex<HistoryKeeper>,
}

impl HistoryUpkeep {
    pub(crate) fn new(config: HistoryConfig, database: DatabaseConfig) -> Self {
        let every = Duration::from_secs(config.upkeep_interval_seconds);
        Self { every, keeper: Mutex::new(HistoryKeeper::new(config, database)) }
    }
}

impl Service for HistoryUpkeep {
    fn describe(&self) -> Description {
        let about = "Makes the days of the history that come, and drops those that are too old";
        Description::every("history", about, self.every).at_start().one_of_all()
    }

    fn run<'a>(&'a self, _run: &'a Run) -> BoxFuture<'a, Result<Summary, Fault>> {
        Box::pin(async move {
            let upkeep = self.keeper.lock().await.run_and_report().await.map_err(Fault::new)?;
            let Upkeep { created, dropped, deleted, failed } = upkeep;
            Ok(Summary::of(
                json!({ "created_days": created, "dropped_days": dropped, "deleted_events": deleted, "failed_steps": failed }),
            ))
        })
    }
}

/// Creates the day's partition. Returns false if that must wait: the default partition has, or may get, rows of the day.
async fn create(
    connection: &mut AsyncPgConnection,
    day: NaiveDate,
    now: DateTime<Utc>,
    default: DefaultPartition,
) -> Result<bool, diesel::result::Error> {
    if default.has_rows {
        if history::start_of(day) < now + EXCLUSION_NOTICE {
            return Ok(false);
        }
        if let Err(error) = history::exclude_from_default(connection, day).await {
            history::remove_leftovers(connection).await?;
            return Err(error);
        }
    }
    history::create_day(connection, day).await.map(|()| true)
}

fn failed(day: NaiveDate, what: &'static str, error: &diesel::result::Error) -> u64 {
    tracing::warn!(%day, %error, "cannot {what} a day of the history: tried again at the next upkeep");
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(retention_days: u32, partitions_ahead_days: u32) -> HistoryConfig {
        HistoryConfig { retention_days, partitions_ahead_days, upkeep_interval_seconds: 600 }
    }

    fn wanted(config: HistoryConfig) -> Vec<String> {
        let database = DatabaseConfig {
            url: comptoir_core::platform::config::SecretUrl::new("postgres://localhost/x"),
            tls_mode: String::new(),
            tls_ca_file: String::new(),
            tls_cert_file: String::new(),
            tls_key_file: String::new(),
            pool_size: 1,
            tenant_share_percent: 100,
            wait_timeout_ms: 1,
            connect_timeout_ms: 1,
            statement_timeout_ms: 1,
            lock_timeout_ms: 1,
            work_timeout_ms: 1,
            idle_in_transaction_timeout_ms: 1,
            role: None,
        };
        let now = DateTime::parse_from_rfc3339("2026-12-30T23:59:59Z").expect("a time").to_utc();
        HistoryKeeper::new(config, database).wanted(now).map(|day| day.to_string()).collect()
    }

    #[test]
    fn today_and_the_days_to_come_are_wanted() {
        assert_eq!(wanted(config(30, 2)), ["2026-12-30", "2026-12-31", "2027-01-01"]);
    }

    #[test]
    fn without_retention_no_day_is_wanted() {
        assert!(wanted(config(0, 7)).is_empty());
    }

    #[test]
    fn settings_that_would_leave_a_day_without_partition_are_refused() {
        assert!(config(30, 7).validate().is_ok());
        assert!(config(30, 0).validate().is_err());
        assert!(HistoryConfig { upkeep_interval_seconds: 100_000, ..config(30, 7) }.validate().is_err());
    }
}
