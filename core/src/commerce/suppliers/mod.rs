//! Suppliers: the companies from which products are bought.

mod aggregate;
mod commands;
mod events;
mod queries;
pub(crate) mod repository;

pub use aggregate::{Supplier, SupplierCode, SupplierDetails, SupplierError, SupplierName};
pub use commands::{CreateSupplier, DeleteSupplier, UpdateSupplier};
pub use events::SupplierEvent;
pub use queries::{SupplierFilter, SupplierSort, SupplierView, find_by_code, get, list};
