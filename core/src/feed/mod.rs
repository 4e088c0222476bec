//! The log of what happened, in the order in which it was committed: for whoever wants to know at once (live), and for
//! whoever asks now and then (ADR 25).
//!
//! The log is the outbox, the history and the dead letters together, read in one snapshot. The broker and the relay may be
//! away; a `NOTIFY` only wakes. A [`Position`] in it names a snapshot: it holds on any replica, and after a restart.
//!
//! - `amounts`: what is left out of an event for whoever may not see amounts.
//! - [`log`]: pages of one tenant's log, read with the rights of whoever asks.
//! - [`follower`]: what follows the log of all tenants, while somebody in this process listens, and shares it out.

mod amounts;
mod event;
pub mod follower;
mod listener;
mod live;
pub mod log;
mod position;
mod sight;

pub use event::{Entry, FeedEvent};
pub use follower::{Feed, Follower, JoinError, QueueLimits};
pub use listener::{Listener, Next, Whose};
pub use position::{Position, UnknownPosition};
pub use sight::{Selection, Sight};
