//! Invoices (docs/invoices.md).

mod aggregate;
pub mod chain;
pub mod claims;
mod commands;
pub mod compose;
pub mod content;
pub(crate) mod corrections;
mod credit;
mod credit_notes;
mod deposit_rows;
mod deposits;
pub mod draft;
mod events;
mod follower;
pub mod mentions;
mod moving;
pub mod parties;
mod queries;
pub(crate) mod repository;
mod rules;
mod shipped;
mod taxes;
pub mod terms;
pub mod totals;
mod validation;
mod verify;
mod verify_credits;
mod verify_documents;
mod verify_rows;

pub use aggregate::{Invoice, InvoiceError, InvoiceState, Numbered};
pub use commands::{CreateInvoice, DeleteInvoice, LineDetails, NewInvoice, UpdateInvoiceDraft};
pub use content::InvoiceKind;
pub use credit::check_parts;
pub use credit_notes::{CreditReturn, DraftCreditNote};
pub use deposits::{DepositShare, DraftDeposit};
pub use events::InvoiceEvent;
pub use follower::Rule;
pub use moving::DisputeReason;
pub use queries::{
    DraftAdjustmentView, DraftLineView, DraftVatView, DraftView, InvoiceFilter, InvoiceSort, InvoiceSummary,
    InvoiceView, InvoicedOfOrder, InvoicedPrice, ReasonedView, deposits_of, get, get_draft, list, of_order,
};
pub use shipped::{InvoiceShipped, Scope};
pub use validation::ValidateInvoice;
pub use verify::{Broken, SeriesAnchors, SeriesId, Verification, VerifyError, verify};
