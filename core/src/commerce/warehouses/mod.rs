//! Warehouses: the buildings where goods lie. Each company has a default one from its beginning.

mod aggregate;
mod commands;
mod events;
mod queries;
pub(crate) mod repository;

pub use aggregate::{Warehouse, WarehouseCode, WarehouseDetails, WarehouseError, WarehouseName};
pub(crate) use commands::open_main;
pub use commands::{ArchiveWarehouse, CreateWarehouse, MakeDefaultWarehouse, UpdateWarehouse};
pub use events::WarehouseEvent;
pub use queries::{WarehouseFilter, WarehouseSort, WarehouseView, get, list};
