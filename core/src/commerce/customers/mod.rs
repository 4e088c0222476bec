//! Customers: the buyers of products.

mod aggregate;
mod anonymising;
mod commands;
mod events;
mod invoicing;
mod queries;
pub(crate) mod repository;
mod trail;

pub use aggregate::{CreditLimit, Customer, CustomerCode, CustomerDetails, CustomerError, CustomerName};
pub use anonymising::{AnonymisationReason, Keeper};
pub use commands::{AnonymiseCustomer, CreateCustomer, DeleteCustomer, UpdateCustomer};
pub use events::CustomerEvent;
pub use invoicing::{CustomerInvoicing, CustomerInvoicingView};
pub use queries::{CustomerFilter, CustomerSort, CustomerView, find_by_code, get, list};
pub use trail::{ErasedTexts, erase_anonymised};
