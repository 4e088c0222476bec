//! The domain events of invoices.

use super::Invoice;
use super::content::Content;
use crate::application::events::Event;

/// Carries the invoice as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvoiceEvent {
    Drafted(Box<Invoice>),
    DraftChanged(Box<Invoice>),
    DraftDeleted(Box<Invoice>),
    Validated {
        invoice: Box<Invoice>,
        content: Box<Content>,
    },
    /// Something was paid of it, or taken back.
    Settled(Box<Invoice>),
}

impl Event for InvoiceEvent {}
