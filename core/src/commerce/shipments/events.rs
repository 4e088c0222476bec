//! The domain events of shipments.

use super::Shipment;
use crate::application::events::Event;

/// Carries the shipment as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShipmentEvent {
    Dispatched(Box<Shipment>),
    Delivered(Box<Shipment>),
}

impl Event for ShipmentEvent {}
