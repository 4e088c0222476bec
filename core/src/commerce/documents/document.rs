//! A document, its two files, and what may be asked of it.

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::application::error::{Category, DomainError};
use crate::values::ids::{CustomerId, InvoiceId};

/// One of the two files of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// For people, with the XML in it.
    Pdf,
    /// For programs.
    Xml,
}

impl Face {
    /// Returns the ending of its file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Xml => "xml",
        }
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Xml => "application/xml",
        }
    }
}

/// Returns the SHA-256 of a file.
pub fn digest_of(file: &[u8]) -> [u8; 32] {
    Sha256::digest(file).into()
}

/// What the link of a document in the chain is the digest of.
pub(crate) fn linked(pdf_digest: &[u8], xml_digest: &[u8]) -> String {
    format!(r#"{{"pdf":"{}","xml":"{}"}}"#, hex::encode(pdf_digest), hex::encode(xml_digest))
}

/// What is told of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileFacts {
    #[serde(serialize_with = "in_hex")]
    pub sha256: Vec<u8>,
    pub bytes: u64,
}

fn in_hex<S: Serializer>(digest: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(digest))
}

impl FileFacts {
    pub(super) fn of(file: &[u8]) -> Self {
        // No file is longer than a u64 counts.
        Self { sha256: digest_of(file).to_vec(), bytes: u64::try_from(file.len()).unwrap_or(u64::MAX) }
    }
}

/// A document that was made and kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadyDocument {
    pub invoice_id: InvoiceId,
    pub number: String,
    pub customer_id: CustomerId,
    pub pages: i32,
    pub pdf: FileFacts,
    pub xml: FileFacts,
    pub rendered_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    #[error("there is no invoice {0}")]
    NotFound(InvoiceId),
    #[error("invoice {0} is a draft: it gets its document once it is validated")]
    NotValidated(InvoiceId),
    #[error("the document of invoice {0} is being made: ask again in a second")]
    NotReady(InvoiceId),
    #[error("the document of invoice {id} could not be made ({reason}): an operator has it made again")]
    Failed { id: InvoiceId, reason: String },
}

impl DomainError for DocumentError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::NotValidated(_) | Self::NotReady(_) | Self::Failed { .. } => Category::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "invoice_not_found",
            Self::NotValidated(_) => "not_validated",
            Self::NotReady(_) => "document_not_ready",
            Self::Failed { .. } => "document_failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_of_both_files() {
        let (one, other) = (digest_of(b"%PDF-1.7"), digest_of(b"<xml/>"));
        let text = linked(&one, &other);
        assert_eq!(text.len(), r#"{"pdf":"","xml":""}"#.len() + 4 * 32, "{text}");
        assert_ne!(text, linked(&other, &one));
        assert_eq!(
            hex::encode(digest_of(b"")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
