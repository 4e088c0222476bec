//! The domain events of invoices.

use super::Invoice;
use super::content::Content;
use crate::application::events::Event;
use crate::commerce::documents::ReadyDocument;
use crate::values::channel::Channel;

/// Carries the invoice as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvoiceEvent {
    Drafted(Box<Invoice>),
    DraftChanged(Box<Invoice>),
    DraftDeleted(Box<Invoice>),
    /// All that it will say is known, but for its number, in whose place stands one of the longest form. Whoever has a reason to refuse it does so now.
    Composed(Box<Content>),
    Validated {
        invoice: Box<Invoice>,
        content: Box<Content>,
    },
    /// Something was paid of it, or taken back; or it has a number, and nothing is to be paid of it.
    Settled(Box<Invoice>),
    /// Its document was made and kept.
    DocumentReady(Box<ReadyDocument>),
    /// The customer got it by this channel.
    Sent {
        invoice: Box<Invoice>,
        channel: Channel,
    },
    /// It is due since yesterday or before, and something is open of it: once.
    Overdue(Box<Invoice>),
    /// A dispute began, changed or ended.
    DisputeChanged(Box<Invoice>),
}

impl Event for InvoiceEvent {}
