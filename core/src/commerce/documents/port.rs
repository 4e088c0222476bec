//! What makes documents, as far as this crate knows it.

use std::fmt;

use super::style::Style;
use crate::commerce::invoices::content::Content;
use crate::values::invalid::FieldError;

/// Makes documents. Each call is work for a processor, from milliseconds to seconds: it has a thread of its own (`spawn_blocking`).
pub trait Documents: fmt::Debug + Send + Sync + 'static {
    /// Returns everything that keeps a document from being made of this content, each with its rule. Pointers begin with `/draft`, `/tenant` or
    /// `/customer`: what is to be changed.
    fn check(&self, content: &Content) -> Vec<FieldError>;

    /// Makes the document of a frozen text. The same input makes the same bytes.
    ///
    /// # Errors
    /// Fails with the reason, in one line: a defect, since the content was checked before.
    fn render(&self, content: &str, style: &Style) -> Result<Rendered, String>;
}

/// A document that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub pdf: Vec<u8>,
    pub xml: Vec<u8>,
    pub pages: i32,
}
