//! `relay tail`: follows events as they are published or become dead letters, for people.
//!
//! Reads the history, not the broker: a queue that is bound in order to watch would make every event routable. Then events
//! without a consumer would not be noticed any more.

mod line;
pub(crate) mod output;

use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use comptoir_core::outbox::tail::{self, Filter, Look, Settled};
use comptoir_core::outbox::{EventTypes, Snapshot};
use comptoir_core::platform::config::ConfigError;
use comptoir_core::platform::database;
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use self::line::Format;
use crate::config::Config;
use crate::daemon;
use crate::error::{DatabaseFault, RelayError};
use crate::notes;
use comptoir_core::platform::backoff::Backoff;
use comptoir_core::platform::when;

/// The shortest wait between two looks.
const SHORTEST_WAIT: Duration = Duration::from_millis(250);
/// A long look, in a busy system, is followed by a wait of this many times its duration.
const WAIT_FACTOR: u32 = 9;
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A settle is over within `database.statement_timeout_ms` and this. Events of a longer settle may be left out.
const SETTLE_MARGIN: TimeDelta = TimeDelta::seconds(30);
/// The limit on a settle where `database.statement_timeout_ms` is 0 or larger.
const LONGEST_SETTLE_MS: u64 = 3_600_000;
const ROWS_PER_PAGE: u32 = 500;
/// The most characters of a payload in a line for people.
const PAYLOAD_CHARS: i32 = 2000;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Of this event type, or of those that match a pattern: order.* (one word), order.# (any number)
    #[arg(long, value_name = "TYPE")]
    event_type: Option<EventTypes>,
    /// Of this aggregate
    #[arg(long, value_name = "ID")]
    aggregate_id: Option<String>,
    /// Of this tenant
    #[arg(long, value_name = "ID")]
    tenant: Option<Uuid>,
    /// Begin with those of then or later: RFC 3339, a date, or how long ago (90m, 24h, 7d); otherwise now
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    since: Option<DateTime<Utc>>,
    /// Stop after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// With the payload: the first 2,000 characters, with --json all of it
    #[arg(long)]
    payload: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Follows events until a signal, the limit, or the output is closed.
///
/// # Errors
/// Fails if no history is kept, or if the database is not migrated or not reached at the start.
pub(crate) async fn run(config: &Config, arguments: &Arguments) -> Result<(), RelayError> {
    if config.history.retention_days == 0 {
        return Err(RelayError::Config(ConfigError::value(
            "history.retention_days",
            "is 0: published events are deleted, and there is no history to follow; keep 1 day or more",
        )));
    }
    let stop = daemon::signalled()?;
    let mut tail = Tail::start(config, arguments).await?;
    if !arguments.json {
        notes::say(&following(arguments));
    }
    // It only reads, so it may be dropped at any point.
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        result = tail.follow() => result,
    }
}

/// Returns the note that says what is followed, so that silence is not taken for a fault.
fn following(arguments: &Arguments) -> String {
    let begin = match arguments.since {
        Some(since) => format!("from {} on", since.to_rfc3339_opts(SecondsFormat::Secs, true)),
        None => "from now on".to_owned(),
    };
    let which = arguments.event_type.as_ref().map(|types| format!(" of {types}")).unwrap_or_default();
    format!("following events{which} that are published or become dead letters, {begin}; Ctrl-C ends it")
}

struct Tail<'a> {
    config: &'a Config,
    filter: Filter,
    since: Option<DateTime<Utc>>,
    format: Format,
    left: u64,
    connection: Option<AsyncPgConnection>,
    /// The last snapshot, and its time by the database's clock. `None` before the first look of a tail with `--since`.
    seen: Option<(Snapshot, DateTime<Utc>)>,
}

/// How a look ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    SeenAll,
    /// The limit is reached, or the output is closed.
    Done,
}

impl<'a> Tail<'a> {
    async fn start(config: &'a Config, arguments: &Arguments) -> Result<Self, RelayError> {
        let mut connection = database::connect(&config.database).await.map_err(DatabaseFault::from)?;
        let now = tail::now(&mut connection).await.map_err(DatabaseFault::from)?;
        let format = Format { json: arguments.json, payload: arguments.payload };
        Ok(Self {
            config,
            filter: Filter {
                event_types: arguments.event_type.clone(),
                aggregate_id: arguments.aggregate_id.clone(),
                tenant_id: arguments.tenant,
            },
            since: arguments.since,
            format,
            left: arguments.limit.unwrap_or(u64::MAX),
            connection: Some(connection),
            seen: arguments.since.is_none().then_some(now),
        })
    }

    async fn follow(&mut self) -> Result<(), RelayError> {
        let mut backoff = Backoff::new(100, 5000);
        let mut first = true;
        loop {
            let began = Instant::now();
            let wait = match self.look().await {
                Ok(End::Done) => return Ok(()),
                Ok(End::SeenAll) => {
                    first = false;
                    backoff.reset();
                    (began.elapsed() * WAIT_FACTOR).clamp(SHORTEST_WAIT, LONGEST_WAIT)
                }
                // A statement that fails the first time will not work later.
                Err(fault) if first => return Err(fault.into()),
                Err(fault) => {
                    tracing::warn!(%fault, "cannot read the history: trying again");
                    backoff.advance()
                }
            };
            tokio::time::sleep(wait).await;
            if output::is_closed() {
                return Ok(());
            }
        }
    }

    /// Shows the events that were settled since the last look.
    async fn look(&mut self) -> Result<End, DatabaseFault> {
        // Put back at the end, so that a connection that failed is not used again.
        let mut connection = match self.connection.take() {
            Some(open) => open,
            None => database::connect(&self.config.database).await?,
        };
        self.forget_another_server(tail::now(&mut connection).await?.0.xmax);
        let from = match &self.seen {
            Some((_, at)) => self.since.max(Some(*at - self.longest_settle())),
            None => self.since,
        };
        let payload_chars = match (self.format.payload, self.format.json) {
            (false, _) => None,
            (true, true) => Some(i32::MAX),
            (true, false) => Some(PAYLOAD_CHARS),
        };
        let look = Look {
            filter: &self.filter,
            from: from.unwrap_or(DateTime::UNIX_EPOCH),
            unseen_by: self.seen.as_ref().map(|(snapshot, _)| snapshot),
            payload_chars,
        };
        let now = tail::open(&mut connection, &look).await?;
        // A payload may be large: reading one row at a time bounds the memory.
        let rows_per_page = if payload_chars == Some(i32::MAX) { 1 } else { ROWS_PER_PAGE };
        loop {
            let rows = tail::next_page(&mut connection, rows_per_page).await?;
            if !self.print(&rows).await || self.left == 0 {
                return Ok(End::Done);
            }
            if rows.len() < usize::try_from(rows_per_page).unwrap_or(usize::MAX) {
                break;
            }
        }
        tail::close(&mut connection).await?;
        self.connection = Some(connection);
        self.seen = Some(now);
        Ok(End::SeenAll)
    }

    /// Drops the snapshot if another server answers: a promoted replica may lack transactions of its primary, so the snapshot
    /// says nothing about it.
    fn forget_another_server(&mut self, xmax: i64) {
        if self.seen.as_ref().is_some_and(|(seen, _)| xmax < seen.xmax) {
            tracing::warn!("another server answers: events of the last moments are shown again");
            let at = self.seen.take().map(|(_, at)| at - self.longest_settle());
            self.since = self.since.max(at);
        }
    }

    /// Prints the rows. Returns false if the output is closed.
    async fn print(&mut self, rows: &[Settled]) -> bool {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(rows.len());
        self.left -= u64::try_from(count).unwrap_or(u64::MAX);
        let text: String = rows[..count].iter().map(|row| self.format.line(row)).collect();
        text.is_empty() || output::write(text).await
    }

    /// Returns how long before its commit a settle may have begun.
    fn longest_settle(&self) -> TimeDelta {
        let limit = match self.config.database.statement_timeout_ms {
            0 => LONGEST_SETTLE_MS,
            limit => limit.min(LONGEST_SETTLE_MS),
        };
        TimeDelta::milliseconds(i64::try_from(limit).unwrap_or(i64::MAX)) + SETTLE_MARGIN
    }
}
