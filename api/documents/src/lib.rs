//! Invoices as documents: an A4 PDF/A-3 that people read, with the Factur-X XML (EN 16931 profile) that programs read in it.
//!
//! [`validate`] and [`check_glyphs`] say what stands in the way, before an invoice gets its number. [`render`] makes the document; the same
//! input makes the same bytes. There is no clock, no network, no database and no state here. What the rules are, and where they come from:
//! `docs/invoices-document.md`.

mod decimal;
mod font;
mod glyphs;
mod invoice;
mod layout;
mod logo;
mod pdf;
mod port;
mod rules;
mod statement;
mod style;
mod words;

pub use glyphs::{MissingGlyph, check_glyphs};
pub use invoice::*;
pub use logo::{LogoError, check_logo};
pub use rules::{Fault, validate};
pub use statement::{Aged, Entry, EntryKind, Statement, render_statement};
pub use style::check_style;

/// What an invoice may have at most.
pub mod limits {
    /// Lines of one invoice.
    pub const LINES: usize = 5_000;
    /// Discounts and charges of a whole document.
    pub const ADJUSTMENTS: usize = 50;
    /// Discounts and charges of one line.
    pub const LINE_ADJUSTMENTS: usize = 20;
    /// Deposits and payments that are taken off.
    pub const PREPAYMENTS: usize = 50;
    /// Documents that a credit note corrects.
    pub const PRECEDING: usize = 50;
    /// Mentions.
    pub const MENTIONS: usize = 50;
    /// Bank accounts.
    pub const ACCOUNTS: usize = 4;
    /// Further identifiers of a party.
    pub const IDENTIFIERS: usize = 10;
    /// Characters of an invoice's number; for French sellers 35.
    pub const NUMBER_CHARACTERS: usize = 60;
    /// Characters of a name, a line of an address, a reference.
    pub const NAME_CHARACTERS: usize = 250;
    /// Characters of the seller's legal line, and of the footer.
    pub const FOOT_CHARACTERS: usize = 300;
    /// Characters of a text: a description, a mention, the terms, the reason of an exemption.
    pub const TEXT_CHARACTERS: usize = 5_000;
    /// Line breaks of one text.
    pub const TEXT_LINES: usize = 200;
    /// Digits of an amount, a quantity or a price, as in BR-FR-DEC-01.
    pub const DIGITS: u64 = 18;
    /// Bytes of the logo.
    pub const LOGO_BYTES: usize = 512 * 1024;
    /// Pixels of the logo, in width and in height.
    pub const LOGO_PIXELS: u32 = 2_000;
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// PDF/A-3b with the XML in it, as `factur-x.xml`.
    pub pdf: Vec<u8>,
    /// The XML: UN/CEFACT CII D16B, UTF-8.
    pub xml: String,
    pub pages: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// What [`validate`] finds.
    #[error("the invoice breaks rules: {}", join(.0))]
    Invalid(Vec<Fault>),
    /// What [`check_glyphs`] finds.
    #[error("{}", join(.0))]
    Glyphs(Vec<MissingGlyph>),
    /// The fonts of this crate are damaged: a defect of the build.
    #[error("the font {0} cannot be read")]
    Font(&'static str),
    /// The PDF is not as PDF/A-3b wants it: a defect of this crate.
    #[error("the PDF could not be written: {0}")]
    Pdf(String),
    /// The XML could not be written or embedded: a defect of this crate.
    #[error("the XML could not be embedded: {0}")]
    Embed(String),
}

fn join<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Makes the document.
///
/// # Errors
///
/// [`RenderError::Invalid`] and [`RenderError::Glyphs`] for what [`validate`] and [`check_glyphs`] find; the others are defects of this crate.
pub fn render(invoice: &Invoice) -> Result<Rendered, RenderError> {
    let faults = validate(invoice);
    if !faults.is_empty() {
        return Err(RenderError::Invalid(faults));
    }
    let missing = check_glyphs(invoice)?;
    if !missing.is_empty() {
        return Err(RenderError::Glyphs(missing));
    }
    let pages = layout::compose(invoice, font::fonts()?);
    let plain = pdf::write(invoice, &pages)?;
    let (pdf, xml) = port::embed(invoice, &plain)?;
    Ok(Rendered { pdf, xml, pages: pages.len() })
}
