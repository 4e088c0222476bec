//! The domain events of groups of customers.

use super::CustomerGroup;
use crate::application::events::Event;

/// Carries the group as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerGroupEvent {
    Created(CustomerGroup),
    Updated(CustomerGroup),
    Deleted(CustomerGroup),
}

impl Event for CustomerGroupEvent {}
