//! The faces of services that one program asks of the other, and what they can be asked.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::actions::{Ask, Face};

macro_rules! face {
    ($(#[$meta:meta])* $face:ident = $name:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        pub struct $face;

        impl Face for $face {
            const NAME: &'static str = $name;
        }
    };
}

macro_rules! ask {
    ($ask:ident of $face:ident as $action:literal -> $answer:ty) => {
        impl Ask for $ask {
            type Of = $face;
            type Answer = $answer;
            const ACTION: &'static str = $action;
        }
    };
}

face! {
    /// The relay's drain loop.
    Drain = "drain"
}
face! {
    /// The relay's connection to the broker.
    Broker = "broker"
}
face! {
    /// The dead letters of the outbox.
    DeadLetters = "dead_letters"
}
face! {
    /// Publishing the history again.
    Replay = "replay"
}
face! {
    /// How the services of a process are.
    HealthFace = "health"
}

/// Publishes what was committed until now, and answers when it is done.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainNow {}

/// What was left of the events that were committed when it was asked; of each kind, 10,000 are counted at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// Events that wait for a retry, or behind one.
    pub waiting: i64,
    /// Events that became dead letters meanwhile.
    pub dead_lettered: i64,
}

ask!(DrainNow of Drain as "drain-now" -> Drained);

/// Which dead letters: those that match everything that is given. Something must be given, or `all`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Ids of events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<Uuid>>,
    /// An event type, or a pattern: `order.*`, `order.#`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregate_id: Option<String>,
    /// Failed then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Failed then or earlier; otherwise now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// All that there are now.
    pub all: bool,
    /// Only count.
    pub dry_run: bool,
}

/// How many dead letters were decided about, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    pub count: u64,
    /// The row of `outbox_operations`; `None` if nothing was done.
    pub operation_id: Option<Uuid>,
    /// Dead letters that were left, because an event with the same id waits in the outbox already.
    pub left: Vec<Uuid>,
}

/// Publishes dead letters again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Requeue(pub Selection);

/// Deletes dead letters.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Discard(pub Selection);

ask!(Requeue of DeadLetters as "requeue" -> Decided);
ask!(Discard of DeadLetters as "discard" -> Decided);

/// A share of a queue: at most `batch_size` of what matches `filter`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound(deserialize = "F: Deserialize<'de> + Default"))]
#[schemars(bound = "F: JsonSchema + Default + Serialize")]
pub struct ProcessBatch<F> {
    /// 1 to 10,000.
    #[serde(default = "usual_batch")]
    #[schemars(range(min = 1, max = 10_000))]
    pub batch_size: u32,
    #[serde(default)]
    pub filter: F,
}

/// What a batch takes if nothing is said.
const fn usual_batch() -> u32 {
    100
}

/// Publishes events of the history again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayHistory {
    /// Published then or later.
    pub since: DateTime<Utc>,
    /// Published before; otherwise now.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// An event type, or a pattern: `order.*`, `order.#`.
    #[serde(default)]
    pub event_type: Option<String>,
    #[serde(default)]
    pub aggregate_id: Option<String>,
    #[serde(default)]
    pub tenant: Option<Uuid>,
    /// Events a second, at most.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub rate: Option<u32>,
    /// Only count.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a replay published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// Events that match.
    pub total: i64,
    pub published: u64,
    pub unroutable: u64,
    pub unsendable: u64,
    pub operation_id: Option<Uuid>,
}

ask!(ReplayHistory of Replay as "replay" -> Replayed);

/// Ends a replay that goes on: what is in flight is finished, the rest is left.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelReplay {
    /// The id of the command that asked for it.
    pub command: Uuid,
}

/// Whether the replay still went on, in the process that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayCancelled {
    pub cancelled: bool,
}

ask!(CancelReplay of Replay as "cancel" -> ReplayCancelled);
