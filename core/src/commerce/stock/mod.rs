//! Stock: what lies in each warehouse, what of it is promised to orders, and the ledger that explains both.

mod aggregate;
mod commands;
mod digest;
mod events;
pub(crate) mod gate;
mod movements;
mod proof;
mod queries;
pub(crate) mod repository;
mod telling;
mod value;

pub use aggregate::{
    DocumentRef, DocumentType, Held, Movement, MovementKind, ReorderRule, Shortage, StockError, StockLevel,
    StockReason, TOLD_EVERY_MS,
};
pub use commands::{SetReorderRule, TellLevels};
pub use digest::{SendStockDigest, StockDigest};
pub use events::StockEvent;
pub use movements::{MovementFilter, MovementSort, MovementView, movements};
pub use proof::{Difference, Proof, prove};
pub use queries::{StockFilter, StockSort, StockView, get, list};
pub(crate) use repository::Levels;
pub use telling::StockLevels;
pub use value::{ProductValue, StockValue, WarehouseValue, value, value_by_product};
