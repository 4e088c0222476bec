//! The domain events of warehouses.

use super::Warehouse;
use crate::application::events::Event;

/// Carries the warehouse as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WarehouseEvent {
    Created(Warehouse),
    /// Also if it became the default, or is it no longer.
    Updated(Warehouse),
    Archived(Warehouse),
}

impl Event for WarehouseEvent {}
