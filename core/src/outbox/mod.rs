//! The outbox, as the writer sees it: append events in the business transaction, then wake the relay.
//!
//! Refuses to publish: that is the relay's work, and it begins when the transaction has committed.

mod append;
mod notifier;

pub use append::{NewOutboxEvent, append};
pub use notifier::{Notifier, NotifierConfig};

/// The channel on which writers tell relays that there is something to publish.
pub const NOTIFY_CHANNEL: &str = "comptoir_outbox";

/// Shards of the outbox, fixed by the generated column `outbox_events.shard`.
pub const SHARDS: usize = 64;
