//! The documents of invoices: a PDF and its XML, made once from what the invoice says, by a service, and kept as they are (docs/invoices.md, "The document").
//! How a document is drawn is not known here: [`Documents`] is a port, and `api` has what is behind it (ADR 34).

mod commands;
mod document;
mod port;
mod queries;
pub(crate) mod repository;
mod service;
mod style;

pub use commands::{ChangeStyle, RemoveLogo, SetLogo};
pub use document::{DocumentError, Face, FileFacts, ReadyDocument, digest_of};
pub use port::{Documents, Rendered};
pub use queries::{DocumentFile, LogoView, StyleView, facts, file, logo, look, style};
pub use service::InvoiceDocuments;
pub use style::{AccentColour, DocumentFooter, Style};

pub(crate) use document::linked;

use std::sync::Arc;

use crate::application::error::Error;
use crate::commerce::invoices::InvoiceError;
use crate::commerce::invoices::content::Content;

/// Fails with everything that keeps a document from being made of this content. It is asked before the number is drawn: what has a number becomes a document.
///
/// # Errors
/// `Incomplete` if something does.
pub(crate) async fn check(documents: &Arc<dyn Documents>, content: &Content) -> Result<(), Error> {
    let (documents, content) = (Arc::clone(documents), content.clone());
    // An invoice of 5,000 lines takes some tens of milliseconds of a processor.
    let faults = tokio::task::spawn_blocking(move || documents.check(&content)).await?;
    if faults.is_empty() { Ok(()) } else { Err(InvoiceError::Incomplete(faults).into()) }
}
