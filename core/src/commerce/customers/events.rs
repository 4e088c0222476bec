//! The domain events of customers.

use super::Customer;
use crate::application::events::Event;

/// Carries the customer as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerEvent {
    Created(Customer),
    Updated(Customer),
    Deleted(Customer),
    Anonymised(Customer),
}

impl Event for CustomerEvent {}
