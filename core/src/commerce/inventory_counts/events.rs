//! The domain events of inventory counts.

use super::{CountStatus, Deviation, InventoryCount};
use crate::application::events::Event;

/// Carries the count as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InventoryCountEvent {
    Created(Box<InventoryCount>),
    /// From here on nothing on hand in its scope moves.
    Started {
        count: Box<InventoryCount>,
        lines: usize,
    },
    SentToReview(Box<InventoryCount>),
    /// Some lines are to be counted again.
    RecountAsked(Box<InventoryCount>),
    /// What differed was posted.
    Closed {
        count: Box<InventoryCount>,
        deviations: Vec<Deviation>,
    },
    /// Nothing was posted.
    Cancelled {
        count: Box<InventoryCount>,
        previous_status: CountStatus,
    },
}

impl Event for InventoryCountEvent {}
