//! The domain events of stock.

use super::StockLevel;
use crate::application::events::Event;

/// Carries the level as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockEvent {
    /// What is available, on hand or reserved has changed, perhaps several times since it was told last.
    LevelChanged(Box<StockLevel>),
    /// What is available has come down to the reorder point.
    LevelLow(Box<StockLevel>),
}

impl Event for StockEvent {}
