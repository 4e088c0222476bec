//! Locations: the places in a warehouse, such as an aisle or a shelf.

mod aggregate;
mod commands;
mod events;
mod queries;
pub(crate) mod repository;

pub use aggregate::{Location, LocationCode, LocationDetails, LocationError, LocationName};
pub use commands::{ArchiveLocation, CreateLocation, UpdateLocation};
pub use events::LocationEvent;
pub use queries::{LocationFilter, LocationSort, LocationView, get, list};
