//! What happens to customers.

use super::Customer;
use crate::application::events::Event;

/// Carries the customer as it stood after what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerEvent {
    Created(Customer),
    Updated(Customer),
    Deleted(Customer),
}

impl Event for CustomerEvent {}
