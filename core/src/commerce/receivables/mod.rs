//! What customers owe: what is overdue, who is reminded of it, and how each customer stood on which day (docs/invoices.md, "Overdue and reminders",
//! "Statements").

mod aged;
mod disputes;
mod overdue;
mod reminders;
mod statement;

pub use aged::{AgedFilter, AgedSort, AgedView, aged_balance};
pub use disputes::{DisputeInvoice, EndDispute};
pub use overdue::{NoteOverdue, Overdue};
pub use reminders::{CustomersToRemind, RemindCustomer, Reminders};
pub use statement::{
    EntryKind, MAX_ENTRIES, StatementEntry, StatementError, StatementPeriod, StatementView, statement,
};
