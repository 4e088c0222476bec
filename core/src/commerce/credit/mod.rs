//! Credit: what a customer's orders that are to be invoiced, and open invoices, come to, beside what they may come to.
//!
//! What they come to, the *exposure*, is computed in one place (`repository::exposure`), for whoever asks and for whoever decides. The limit
//! itself is the customer's (`customers`), what happens at it is the company's choice (`tenants`).

mod aggregate;
mod queries;
pub(crate) mod repository;

pub(crate) use aggregate::Admission;
pub use aggregate::CreditError;
pub use queries::{CreditView, get};
pub(crate) use repository::{Moved, Reopens};
