//! `relay replay`: publishes the history again, with the same ids, for consumers that lost events or never had them.
//!
//! It runs beside relays that drain, and takes no lease, because events of the history are in no shard any more. A new event
//! may arrive before older events that are replayed; the header `replayed` distinguishes them.

mod lanes;
mod pace;
mod publish;

use std::io::Write;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};
use comptoir_core::outbox::EventTypes;
use comptoir_core::outbox::operations::{self, Operation, Operator};
use comptoir_core::outbox::replay::{self, Filter};
use comptoir_core::platform::database::{self, DatabaseConfig};
use comptoir_core::services::faces::Replayed;
use comptoir_core::values::printable::printable_line;
use diesel_async::AsyncPgConnection;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::publish::{Replay, Tally};
use crate::config::Config;
use crate::daemon;
use crate::error::{DatabaseFault, RelayError};
use crate::notes;
use crate::operator_options::OperatorOptions;
use comptoir_core::platform::when;

/// Counting and sorting a long history may take long, but is done once.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3600);
const BAR: &str = "[{bar:30}] {percent:>3} %  {human_pos} of {human_len}, {per_sec}, {eta} left  {msg}";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Published then or later: RFC 3339, a date, or how long ago (90m, 24h, 7d)
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    since: DateTime<Utc>,
    /// Published before; otherwise now
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    until: Option<DateTime<Utc>>,
    /// Of this event type, or of those that match a pattern: order.* (one word), order.# (any number)
    #[arg(long, value_name = "TYPE")]
    event_type: Option<EventTypes>,
    /// Of this aggregate
    #[arg(long, value_name = "ID")]
    aggregate_id: Option<String>,
    /// Of this tenant
    #[arg(long, value_name = "ID")]
    tenant: Option<Uuid>,
    /// With a seq above this one: goes on where a replay stopped, which names it
    #[arg(long, value_name = "SEQ", default_value_t = 0, hide_default_value = true)]
    after_seq: i64,
    /// Only count, by event type
    #[arg(long)]
    dry_run: bool,
    /// Events a second, at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    #[command(flatten)]
    decision: OperatorOptions,
}

/// What an action asks for.
pub(crate) struct Wish {
    /// Published then or later.
    pub(crate) since: DateTime<Utc>,
    /// Published before; otherwise now.
    pub(crate) until: Option<DateTime<Utc>>,
    pub(crate) event_types: Option<EventTypes>,
    pub(crate) aggregate_id: Option<String>,
    pub(crate) tenant_id: Option<Uuid>,
    /// Events a second, at most.
    pub(crate) rate: Option<u32>,
    /// Only count.
    pub(crate) dry_run: bool,
}

/// Publishes again what is asked for, until `stop`. `bar` has the progress.
///
/// # Errors
/// Fails if the database or the broker is not reached, or if it was stopped; says where it goes on.
pub(crate) async fn publish_again(
    config: &Config,
    wish: Wish,
    operator: Operator,
    bar: &ProgressBar,
    stop: CancellationToken,
) -> Result<Replayed, RelayError> {
    let mut connection = database::connect(&patient(config)).await.map_err(DatabaseFault::from)?;
    let until = until(&mut connection, wish.until).await?;
    let Wish { since, event_types, aggregate_id, tenant_id, .. } = wish;
    let filter = Filter { since, until, event_types, aggregate_id, tenant_id, after_seq: 0 };
    if since > until {
        return Err(RelayError::Usage("`since` is after `until`, or in the future".to_owned()));
    }
    let counts = replay::count(&mut connection, &filter).await.map_err(DatabaseFault::from)?;
    let total: i64 = counts.iter().map(|(_, count)| count).sum();
    let mut replayed = Replayed { total, published: 0, unroutable: 0, unsendable: 0, operation_id: None };
    if wish.dry_run || total == 0 {
        return Ok(replayed);
    }
    bar.set_length(total.unsigned_abs());
    let operation = operations::begin(&mut connection, Operation::Replay, &operator, &asked(&filter))
        .await
        .map_err(DatabaseFault::from)?;
    replay::open(&mut connection, &filter).await.map_err(DatabaseFault::from)?;
    let replay = Replay::new(config, &mut connection, wish.rate, 0, bar);
    let (tally, result) = replay.run(stop).await;
    let published = i64::try_from(tally.published).unwrap_or(i64::MAX);
    operations::finish(&mut connection, operation, published).await.map_err(DatabaseFault::from)?;
    result.map_err(|error| {
        RelayError::Incomplete(format!(
            "{error}; {published} of {total} were published; to go on: {}",
            continuation(&filter, tally.done_to_seq)
        ))
    })?;
    replayed.published = tally.published;
    (replayed.unroutable, replayed.unsendable) = (tally.unroutable, tally.unsendable);
    replayed.operation_id = Some(operation);
    Ok(replayed)
}

fn patient(config: &Config) -> DatabaseConfig {
    DatabaseConfig {
        statement_timeout_ms: u64::try_from(STATEMENT_TIMEOUT.as_millis()).unwrap_or(u64::MAX),
        ..config.database.clone()
    }
}

/// Returns the end that was given, or the database's time.
async fn until(
    connection: &mut AsyncPgConnection,
    given: Option<DateTime<Utc>>,
) -> Result<DateTime<Utc>, RelayError> {
    match given {
        Some(until) => Ok(until),
        None => Ok(operations::clock(connection).await.map_err(DatabaseFault::from)?),
    }
}

/// # Errors
/// Fails if the database or the broker is not reached, or if not everything could be published.
pub(crate) async fn run(config: &Config, arguments: Arguments) -> Result<(), RelayError> {
    let mut connection = database::connect(&patient(config)).await.map_err(DatabaseFault::from)?;
    let until = until(&mut connection, arguments.until).await?;
    let filter = arguments.filter(until)?;
    let counts = replay::count(&mut connection, &filter).await.map_err(DatabaseFault::from)?;
    let total: i64 = counts.iter().map(|(_, count)| count).sum();
    if total == 0 {
        notes::say("nothing in the history matches");
    }
    if arguments.dry_run {
        print_counts(&counts, total);
        return Ok(());
    }
    if total == 0 {
        print_line("published again: 0");
        return Ok(());
    }
    if !arguments.decision.confirm(&format!("Publish {total} events again?")) {
        return Err(RelayError::Incomplete("nothing was published".to_owned()));
    }
    let stop = daemon::stop_on_signal()?;
    let operator = arguments.decision.operator();
    let operation = operations::begin(&mut connection, Operation::Replay, &operator, &asked(&filter))
        .await
        .map_err(DatabaseFault::from)?;
    replay::open(&mut connection, &filter).await.map_err(DatabaseFault::from)?;
    let bar = progress_bar(total);
    let began = Instant::now();
    let replay = Replay::new(config, &mut connection, arguments.rate, arguments.after_seq, &bar);
    let (tally, result) = replay.run(stop).await;
    bar.finish_and_clear();
    let published = i64::try_from(tally.published).unwrap_or(i64::MAX);
    let noted = operations::finish(&mut connection, operation, published).await;
    print_line(&summary(&tally, total, began.elapsed(), operation));
    if result.is_err() {
        print_line(&format!("to go on: {}", continuation(&filter, tally.done_to_seq)));
    }
    result?;
    noted.map_err(DatabaseFault::from)?;
    complain_about(&tally)
}

impl Arguments {
    fn filter(&self, until: DateTime<Utc>) -> Result<Filter, RelayError> {
        if self.since > until {
            return Err(RelayError::Usage("--since is after --until, or in the future".to_owned()));
        }
        Ok(Filter {
            since: self.since,
            until,
            event_types: self.event_type.clone(),
            aggregate_id: self.aggregate_id.clone(),
            tenant_id: self.tenant,
            after_seq: self.after_seq,
        })
    }
}

/// Returns the filter as JSON, without the options that were not given.
fn asked(filter: &Filter) -> Value {
    let mut asked = json!({
        "since": filter.since,
        "until": filter.until,
        "event_type": filter.event_types.as_ref().map(ToString::to_string),
        "aggregate_id": filter.aggregate_id,
        "tenant_id": filter.tenant_id,
        "after_seq": (filter.after_seq > 0).then_some(filter.after_seq),
    });
    if let Value::Object(entries) = &mut asked {
        entries.retain(|_, value| !value.is_null());
    }
    asked
}

/// Returns the command that publishes the remaining events. Events are read in the order of seq, so all up to `after_seq` are
/// done.
fn continuation(filter: &Filter, after_seq: i64) -> String {
    let mut words = vec!["relay replay".to_owned()];
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    words.push(format!("--since {} --until {}", time(filter.since), time(filter.until)));
    for (flag, value) in [
        ("--event-type", filter.event_types.as_ref().map(ToString::to_string)),
        ("--aggregate-id", filter.aggregate_id.clone()),
        ("--tenant", filter.tenant_id.map(|id| id.to_string())),
    ] {
        // Quoted for a shell.
        words
            .extend(value.map(|value| format!("{flag} '{}'", printable_line(&value).replace('\'', "'\\''"))));
    }
    words.push(format!("--after-seq {after_seq}"));
    words.join(" ")
}

fn complain_about(tally: &Tally) -> Result<(), RelayError> {
    if tally.unroutable + tally.unsendable == 0 {
        return Ok(());
    }
    Err(RelayError::Incomplete(format!(
        "not delivered: {} for which no queue is bound, {} that cannot be sent (the log says why)",
        tally.unroutable, tally.unsendable
    )))
}

fn progress_bar(total: i64) -> ProgressBar {
    // Draws nothing unless standard error is a terminal.
    let bar = ProgressBar::new(total.unsigned_abs());
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn print_counts(counts: &[(String, i64)], total: i64) {
    let width = counts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max("total".len());
    for (name, count) in counts {
        print_line(&format!("{:width$} {count:>12}", printable_line(name)));
    }
    print_line(&format!("{:width$} {total:>12}", "total"));
}

fn summary(tally: &Tally, total: i64, elapsed: Duration, operation: Uuid) -> String {
    format!(
        "published again: {} of {total} in {:.1} s (operation {operation})",
        tally.published,
        elapsed.as_secs_f64()
    )
}

/// A reader that has gone away, such as `head`, is not an error.
fn print_line(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_asked_for_with_the_same_filters() {
        let filter = Filter {
            since: DateTime::UNIX_EPOCH,
            until: DateTime::UNIX_EPOCH + Duration::from_millis(1500),
            event_types: Some("order.*".parse().expect("a pattern")),
            aggregate_id: Some("it's".to_owned()),
            tenant_id: None,
            after_seq: 0,
        };
        assert_eq!(
            continuation(&filter, 17),
            "relay replay --since 1970-01-01T00:00:00.000000Z --until 1970-01-01T00:00:01.500000Z \
             --event-type 'order.*' --aggregate-id 'it'\\''s' --after-seq 17"
        );
    }

    #[test]
    fn what_was_not_delivered_is_a_failure() {
        assert!(complain_about(&Tally { published: 5, ..Tally::default() }).is_ok());
        assert!(complain_about(&Tally { unroutable: 1, ..Tally::default() }).is_err());
    }
}
