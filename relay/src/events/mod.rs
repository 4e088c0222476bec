//! `relay events`: shows which events wait in the outbox and why, and where an event is. Changes nothing.

mod list;
mod show;

use comptoir_core::outbox::EventTypes;
use comptoir_core::outbox::event_queries::Filter;
use uuid::Uuid;

use crate::config::Config;
use crate::error::RelayError;

/// The note for a filter that finds nothing, which is not a failure.
const NOTHING: &str = "no event in the outbox matches";
/// The most events that one call lists.
const MOST: i64 = 10_000;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// A line for each event that is not settled, the oldest first, as wide as the terminal
    ///
    /// Reads the outbox once, however many are shown. States: due; retrying: until its next attempt; behind an earlier event
    /// of its aggregate that waits; held: its dead letter waits for a decision. Exit 0, also if nothing matches (which standard
    /// error says); 1 if the database is not reached.
    List {
        #[command(flatten)]
        selection: Selection,
        /// Events, at most
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=MOST))]
        limit: i64,
        /// With a seq above this one: the next page, whose call the last one prints
        #[arg(long, value_name = "SEQ", default_value_t = 0, hide_default_value = true)]
        after_seq: i64,
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Everything about each, with the last error, headers, payload and routing key
    ///
    /// An ID is looked for in the outbox, among the dead letters, and in the history, the newest day first; the history has no
    /// index for that, and each day is read as a whole. Without an ID, events of the outbox only, 100 at most. Exit 0; 1 if an
    /// ID is nowhere, or the database is not reached.
    Show {
        #[command(flatten)]
        selection: Selection,
        /// As one JSON array
        #[arg(long)]
        json: bool,
    },
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
    /// Of this tenant
    #[arg(long, value_name = "ID")]
    tenant: Option<Uuid>,
    /// The broker refused it at least once, and it is tried again
    #[arg(long)]
    retrying: bool,
    /// Not to be published now: until its next attempt, behind an event of its aggregate that waits, or held
    #[arg(long)]
    waiting: bool,
}

impl Selection {
    fn filter(&self) -> Filter {
        Filter {
            ids: (!self.ids.is_empty()).then(|| self.ids.clone()),
            event_types: self.event_type.clone(),
            aggregate_id: self.aggregate_id.clone(),
            tenant_id: self.tenant,
            retrying: self.retrying,
            waiting: self.waiting,
        }
    }

    fn is_everything(&self) -> bool {
        let Self { ids, event_type, aggregate_id, tenant, retrying, waiting } = self;
        let has_values =
            !ids.is_empty() || event_type.is_some() || aggregate_id.is_some() || tenant.is_some();
        !has_values && !retrying && !waiting
    }

    /// Whether ids and nothing else are given. Then the events may be in the outbox, the dead letters or the history.
    fn is_ids(&self) -> bool {
        let Self { ids, event_type, aggregate_id, tenant, retrying, waiting } = self;
        let has_filter = event_type.is_some() || aggregate_id.is_some() || tenant.is_some();
        !ids.is_empty() && !has_filter && !retrying && !waiting
    }
}

/// # Errors
/// Fails if the database cannot be reached, or an id is found nowhere.
pub(crate) async fn run(config: &Config, command: Command) -> Result<(), RelayError> {
    match command {
        Command::List { selection, limit, after_seq, json } => {
            list::run(config, &selection.filter(), limit, after_seq, json).await
        }
        Command::Show { selection, json } => show::run(config, &selection, json).await,
    }
}
