//! Customers: the buyers of products.

mod aggregate;
mod commands;
mod events;
mod queries;
pub(crate) mod repository;

pub use aggregate::{CreditLimit, Customer, CustomerCode, CustomerDetails, CustomerError, CustomerName};
pub use commands::{CreateCustomer, DeleteCustomer, UpdateCustomer};
pub use events::CustomerEvent;
pub use queries::{CustomerFilter, CustomerSort, CustomerView, find_by_code, get, list};
