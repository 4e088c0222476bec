//! What happens to sessions.

use super::Session;
use crate::application::events::Event;

/// Carries the session as it stood after what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    Created(Session),
    Ended(Session),
}

impl Event for SessionEvent {}
