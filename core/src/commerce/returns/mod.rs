//! Returns: what came back of an order, and what became of it.

mod aggregate;
mod commands;
mod events;
mod queries;
mod repository;

pub use aggregate::{BroughtBack, NewReturn, Return, ReturnError, ReturnReason, ReturnReference};
pub use commands::{ReceiveReturn, ReceiveReturnLine};
pub use events::ReturnEvent;
pub use queries::{ReturnFilter, ReturnLine, ReturnSort, ReturnSummary, ReturnView, get, list};
