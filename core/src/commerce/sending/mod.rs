//! How invoices reach customers: by e-mail with the document, by download, by an approved platform (docs/invoices.md, "Sending"; docs/e-invoicing.md).
//!
//! ```text
//! waiting ──its document is there──► queued (e-mail) ──accepted──► sent
//!    │                                  └──given up──► failed ──sent again──► sent
//!    └──the platform took it──► sent, or failed after several attempts
//! ```

mod aggregate;
mod commands;
mod life_cycle;
mod platform;
pub(crate) mod proof;
mod queries;
mod repository;
mod service;

pub use aggregate::{SendingError, SendingState};
pub use commands::{MarkSent, RecordPlatformStatus, SendInvoice, TransmissionDetail};
pub use life_cycle::LifeCycle;
pub use platform::{Deposit, FileDrop, Platform};
pub use queries::{SendingView, TransmissionView, transmissions};
pub use service::{InvoiceSending, SendingConfig};
