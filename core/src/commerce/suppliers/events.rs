//! The domain events of suppliers.

use super::Supplier;
use crate::application::events::Event;

/// Carries the supplier as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SupplierEvent {
    Created(Supplier),
    Updated(Supplier),
    Deleted(Supplier),
}

impl Event for SupplierEvent {}
