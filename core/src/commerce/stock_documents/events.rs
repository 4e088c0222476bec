//! The domain events of stock documents.

use super::StockDocument;
use crate::application::events::Event;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockDocumentEvent {
    /// Goods were moved, as the document says.
    Posted(Box<StockDocument>),
}

impl Event for StockDocumentEvent {}
