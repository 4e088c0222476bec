//! What happens to suppliers.

use super::Supplier;
use crate::application::events::Event;

/// Carries the supplier as it stood after what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SupplierEvent {
    Created(Supplier),
    Updated(Supplier),
    Deleted(Supplier),
}

impl Event for SupplierEvent {}
