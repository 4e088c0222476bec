//! Payments: what customers paid, and which invoices it pays (docs/invoices.md, "Payments").

mod aggregate;
mod allocation;
mod commands;
mod events;
pub(crate) mod proof;
mod queries;
pub(crate) mod repository;

#[cfg(test)]
pub(crate) use aggregate::tests;
pub use aggregate::{Allocation, Payment, PaymentError, PaymentMethod, PaymentReason, PaymentReference};
pub use allocation::Wanted;
pub use commands::{MAX_INVOICES, RecordPayment, ReversePayment, UseCredit};
pub use events::PaymentEvent;
pub use queries::{
    AllocationView, BalanceView, PaymentFilter, PaymentSort, PaymentSummary, PaymentView, balance, get, list,
};
