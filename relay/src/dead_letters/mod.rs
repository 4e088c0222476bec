//! `relay dead-letters`: shows dead letters, publishes them again, or discards them, and removes their copies at the broker.

mod copies;
mod decide;
mod list;
mod show;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use comptoir_core::outbox::EventTypes;
use comptoir_core::outbox::dead_letters::Filter;
use comptoir_core::outbox::operations::Operation;
use uuid::Uuid;

pub(crate) use self::decide::{Wish, decide};
use crate::config::Config;
use crate::error::RelayError;
use crate::operator_options::OperatorOptions;
use comptoir_core::platform::when;

/// The note for a filter that finds nothing, which is not a failure.
const NOTHING: &str = "no dead letter matches";

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// A line for each, the newest first, as wide as the terminal
    ///
    /// Exit 0, also if nothing matches (which standard error says); 1 if an ID is no dead letter's, or the database is not
    /// reached.
    List {
        #[command(flatten)]
        selection: Selection,
        /// No more than these; otherwise 100 in the table, all of them in JSON
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Everything about each, with headers, payload and routing key
    ///
    /// Exit codes as for `list`.
    Show {
        #[command(flatten)]
        selection: Selection,
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Publish again: same id, no retries counted, behind what waits for the same aggregate
    ///
    /// Takes the copies out of the broker's queue of dead letters as well, if the broker is reached: see `sweep`. Exit 0, also
    /// if nothing matches; 1 if an ID is no dead letter's, or the database is not reached.
    Requeue(Change),
    /// Delete
    ///
    /// Takes the copies out of the broker's queue of dead letters as well, if the broker is reached: see `sweep`. Exit codes as
    /// for `requeue`.
    Discard(Change),
    /// Take out of the broker's queue what somebody has decided about already
    ///
    /// Copies of events that were requeued or discarded, and that are neither dead letters nor in the outbox any more. Looks at
    /// the first N messages of the queue, at 64 MiB, and for 30 seconds at most; the others are put back in their places. Exit 0;
    /// 1 if the database or the broker is not reached.
    Sweep(copies::Arguments),
}

/// Which ones: those that match everything that is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Selection {
    /// Event ids
    #[arg(value_name = "ID")]
    ids: Vec<Uuid>,
    /// Of this event type, or of those that match a pattern: order.* (one word), order.# (any number)
    #[arg(long, value_name = "TYPE")]
    event_type: Option<EventTypes>,
    /// Of this aggregate
    #[arg(long, value_name = "ID")]
    aggregate_id: Option<String>,
    /// Failed then or later: RFC 3339, a date, or how long ago (90m, 24h, 7d)
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    since: Option<DateTime<Utc>>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Change {
    #[command(flatten)]
    selection: Selection,
    /// All dead letters
    #[arg(long, conflicts_with_all = ["ids", "event_type", "aggregate_id", "since"])]
    all: bool,
    #[command(flatten)]
    decision: OperatorOptions,
    /// Leave the copies in the broker's queue of dead letters
    #[arg(long)]
    keep_copies: bool,
    /// What was done, as one JSON object
    #[arg(long)]
    json: bool,
}

/// # Errors
/// Fails if the database cannot be reached, or an id is unknown.
pub(crate) async fn run(config: &Config, command: Command) -> Result<(), RelayError> {
    match command {
        Command::List { selection, limit, json } => list::run(config, &selection.filter(), limit, json).await,
        Command::Show { selection, json } => {
            selection.require_any("show")?;
            show::run(config, &selection.filter(), json).await
        }
        Command::Requeue(change) => decide::run(config, Operation::Requeue, change).await,
        Command::Discard(change) => decide::run(config, Operation::Discard, change).await,
        Command::Sweep(arguments) => copies::sweep(config, &arguments).await,
    }
}

impl Selection {
    fn filter(&self) -> Filter {
        Filter {
            ids: (!self.ids.is_empty()).then(|| self.ids.clone()),
            event_types: self.event_type.clone(),
            aggregate_id: self.aggregate_id.clone(),
            since: self.since,
            until: None,
        }
    }

    fn is_everything(&self) -> bool {
        self.ids.is_empty()
            && self.event_type.is_none()
            && self.aggregate_id.is_none()
            && self.since.is_none()
    }

    fn require_any(&self, what: &str) -> Result<(), RelayError> {
        if self.is_everything() {
            return Err(RelayError::Usage(format!("{what} needs an ID or a filter")));
        }
        Ok(())
    }
}

/// Returns the ids that were asked for and not found, in the order in which they were given.
fn unknown(filter: &Filter, found: &HashSet<Uuid>) -> Vec<Uuid> {
    let mut seen = HashSet::new();
    let asked = filter.ids.iter().flatten().copied();
    asked.filter(|id| !found.contains(id) && seen.insert(*id)).collect()
}

/// # Errors
/// Fails if there are unknown ids.
fn complain_about(unknown: &[Uuid]) -> Result<(), RelayError> {
    if unknown.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = unknown.iter().map(Uuid::to_string).collect();
    Err(RelayError::Incomplete(format!("no such dead letter: {}", ids.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_ids_are_named_once_in_their_order() {
        let [a, b, c] = [3, 1, 2].map(Uuid::from_u128);
        let filter = Filter { ids: Some(vec![a, b, a, c]), ..Filter::default() };
        assert_eq!(unknown(&filter, &HashSet::from([b])), [a, c]);
        assert!(unknown(&Filter::default(), &HashSet::new()).is_empty());
    }
}
