//! The domain events of locations.

use super::Location;
use crate::application::events::Event;

/// Carries the location as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationEvent {
    Created(Location),
    Updated(Location),
    Archived(Location),
}

impl Event for LocationEvent {}
