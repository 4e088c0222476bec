//! Sessions: how a log-in begins one, and how it is prolonged and ends.
//!
//! Owns the tables of sessions and refresh tokens, and the log-in except for the password itself, which belongs to the
//! user. A session ends at once, on every replica: each transaction looks at its row ([`crate::accounts::principals`]).

mod aggregate;
mod authenticator;
mod commands;
mod events;
mod password_check;
mod queries;
mod repository;

pub use aggregate::{Client, EndReason, Entrance, Lifetimes, Session, SessionError};
pub(crate) use authenticator::BROWSER_AGAIN;
pub use authenticator::{Authenticator, SessionTokens};
pub use commands::{EndSession, EndSessions, LogOut};
pub(crate) use commands::{MAX_OPEN, end_all, restamp};
pub use events::SessionEvent;
pub(crate) use password_check::{AttemptFrom, PasswordCheck};
pub use queries::{SessionSort, SessionView, list};
pub(crate) use repository::{PRUNE_BATCH, prune};
