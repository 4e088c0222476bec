//! Invoices (docs/invoices.md).

mod aggregate;
pub mod chain;
pub mod claims;
mod commands;
pub mod compose;
pub mod content;
pub mod draft;
mod events;
mod follower;
pub mod mentions;
mod queries;
pub(crate) mod repository;
mod shipped;
pub mod terms;
pub mod totals;
mod verify;
mod verify_rows;

pub use aggregate::{Invoice, InvoiceError, InvoiceState, Numbered};
pub use commands::{
    CreateInvoice, DeleteInvoice, LineDetails, NewInvoice, UpdateInvoiceDraft, ValidateInvoice,
};
pub use content::InvoiceKind;
pub use events::InvoiceEvent;
pub use follower::Rule;
pub use queries::{
    DraftAdjustmentView, DraftLineView, DraftVatView, DraftView, InvoiceFilter, InvoiceSort, InvoiceSummary,
    InvoiceView, ReasonedView, get, get_draft, list,
};
pub use shipped::{InvoiceShipped, Scope};
pub use verify::{Broken, SeriesAnchors, SeriesId, Verification, VerifyError, verify};
