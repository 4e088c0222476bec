//! Groups of customers who have the same prices: a customer is in one at most (docs/prices.md).

mod aggregate;
mod commands;
mod events;
mod queries;
mod repository;

pub use aggregate::{
    CustomerGroup, CustomerGroupCode, CustomerGroupDetails, CustomerGroupError, CustomerGroupName,
};
pub use commands::{CreateCustomerGroup, DeleteCustomerGroup, UpdateCustomerGroup};
pub use events::CustomerGroupEvent;
pub use queries::{CustomerGroupFilter, CustomerGroupSort, CustomerGroupView, get, list};
