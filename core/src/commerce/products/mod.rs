//! Products: the goods and services that are sold.

mod aggregate;
mod commands;
mod events;
mod queries;
pub(crate) mod repository;

#[cfg(test)]
pub(crate) use aggregate::tests;
pub use aggregate::{Barcodes, Product, ProductDetails, ProductError, ProductName, Sku};
pub use commands::{ArchiveProduct, CreateProduct, DeleteOrArchiveProduct, UpdateProduct};
pub use events::ProductEvent;
pub use queries::{ProductFilter, ProductSort, ProductView, find_by_sku, get, list};
