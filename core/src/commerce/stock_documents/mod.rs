//! What moves goods other than orders: receipts, adjustments, write-offs, transfers; and relocations, from one location into another.

mod aggregate;
mod commands;
mod events;
mod opening;
mod queries;
mod repository;

pub use aggregate::{
    DocumentReference, DraftMovement, MAX_LINES, NewStockDocument, PostedLine, PostedPlace, StockDocument,
    StockDocumentError, StockDocumentKind,
};
pub use commands::{MoveGoods, MoveGoodsLine};
pub use events::StockDocumentEvent;
pub use opening::{OpenStock, OpeningError};
pub use queries::{
    LinePlace, StockDocumentFilter, StockDocumentSort, StockDocumentSummary, StockDocumentView, get, list,
};
