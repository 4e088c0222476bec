//! The events of sessions.

use super::Session;
use crate::application::events::Event;

/// An event of a session, with the session as it is afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    Created(Session),
    Ended(Session),
}

impl Event for SessionEvent {}
