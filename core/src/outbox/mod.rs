//! The outbox. Writers append events in their business transaction and wake the relay; the relay reads them, publishes
//! them elsewhere, and records the outcome. All SQL on these tables is here.
//!
//! This module does not publish: it knows no broker.

mod append;
pub mod dead_letters;
pub mod event_queries;
mod fetch;
pub mod history;
pub mod inspection;
pub mod leases;
mod notifier;
pub mod operations;
pub mod overview;
pub mod probe;
pub mod replay;
mod row;
pub mod settle;
pub mod tail;
pub mod throughput;
mod topic;
mod waiting;

pub use append::{NewOutboxEvent, append};
pub use fetch::{
    AggregateRange, AggregateRows, Batch, BatchRequest, ReadLimits, prepare_reader, read_aggregates,
    read_batch, read_new,
};
pub use notifier::{Notifier, NotifierConfig, Sending};
pub use row::{JsonText, OutboxRow, Snapshot, Turn};
pub use topic::{EventTypes, Pattern};
pub use waiting::{RefusedEvent, WaitingCount, count_waiting, read_waiting};

/// The channel on which writers tell relays that there is something to publish.
pub const NOTIFY_CHANNEL: &str = "comptoir_outbox";

/// Shards of the outbox, fixed by the generated column `outbox_events.shard`.
pub const SHARDS: usize = 64;
