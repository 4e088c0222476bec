//! Stock: what lies in each warehouse, what of it is promised to orders, and the ledger that explains both.

mod aggregate;
mod commands;
mod digest;
mod events;
pub(crate) mod gate;
mod location_movements;
mod movements;
pub(crate) mod places;
mod proof;
mod queries;
pub(crate) mod repository;
mod telling;
mod value;

pub use aggregate::{
    DocumentRef, DocumentType, Held, MAX_LINES_TAKEN_BACK, MAX_TAKEN_BACK, Movement, MovementKind,
    ReorderRule, Shortage, StockError, StockLevel, StockReason, TOLD_EVERY_MS,
};
pub use commands::{SetReorderRule, TellLevels};
pub use digest::{SendStockDigest, StockDigest};
pub use events::StockEvent;
pub use location_movements::{
    LocationMovementFilter, LocationMovementSort, LocationMovementView, location_movements,
};
pub use movements::{MovementFilter, MovementSort, MovementView, movements};
pub(crate) use places::Shelves;
pub use places::{MAX_PLACES, Place, PlaceMovement, PlaceRef};
pub use proof::{Difference, Proof, prove};
pub(crate) use queries::shelves;
pub use queries::{StockDetails, StockFilter, StockPlace, StockSort, StockView, get, list};
pub(crate) use repository::Levels;
pub use telling::StockLevels;
pub use value::{ProductValue, StockValue, WarehouseValue, value, value_by_product};
