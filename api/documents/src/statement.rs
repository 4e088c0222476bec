//! The statement of a customer: what was invoiced, credited and paid between two days, what is owed after each, and how old it is. A PDF for people: no XML,
//! since no standard has one for it.

use bigdecimal::BigDecimal;
use chrono::NaiveDate;

use crate::{
    Account, Fault, Invoice, Kind, Language, Operations, Party, Payment, References, RenderError, Style,
    Terms, Totals, check_glyphs, font, layout, limits, pdf,
};

/// Entries of one statement, at most.
const MOST_ENTRIES: usize = limits::LINES;

/// What a statement says. Amounts are computed elsewhere; only the balances are added up here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub language: Language,
    pub seller: Party,
    pub buyer: Party,
    /// The first and the last day that it is about.
    pub from: NaiveDate,
    pub to: NaiveDate,
    /// ISO 4217. All amounts are in it.
    pub currency: String,
    /// What was owed at the beginning of the first day; less than zero if the customer had something left.
    pub opening: BigDecimal,
    /// By date, at most 5,000.
    pub entries: Vec<Entry>,
    /// What is owed at the end, by how old it is. Empty: nothing is said of it.
    pub aged: Vec<Aged>,
    /// Where it can be paid.
    pub accounts: Vec<Account>,
    pub style: Style,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub date: NaiveDate,
    pub kind: EntryKind,
    /// The document's number, or what the payment is called by. What cannot be printed of it stands as `?`.
    pub reference: String,
    /// Of invoices.
    pub due_date: Option<NaiveDate>,
    /// More than zero.
    pub amount: BigDecimal,
}

/// What an entry is; that says on which side it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    Invoice,
    /// An invoice of a deposit.
    Prepayment,
    CreditNote,
    Payment,
    /// A payment that was undone.
    Reversal,
}

impl EntryKind {
    /// Whether the customer owes more by it.
    pub(crate) const fn is_debit(self) -> bool {
        match self {
            Self::Invoice | Self::Prepayment | Self::Reversal => true,
            Self::CreditNote | Self::Payment => false,
        }
    }
}

/// What is owed that has been due for so long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aged {
    /// The first and the last day after the due date: `(1, Some(30))`, `(91, None)`. `None`: it is not due yet.
    pub days: Option<(u32, Option<u32>)>,
    pub amount: BigDecimal,
}

/// Makes a PDF of a statement. The same input makes the same bytes.
///
/// # Errors
///
/// [`RenderError::Invalid`] for too many entries, [`RenderError::Glyphs`] for a name or an address that cannot be printed; the others are defects of this crate.
pub fn render_statement(statement: &Statement) -> Result<Vec<u8>, RenderError> {
    if statement.entries.len() > MOST_ENTRIES {
        let message = format!("has {} entries; at most {MOST_ENTRIES} are allowed", statement.entries.len());
        return Err(RenderError::Invalid(vec![Fault::new("limit", "/entries", message)]));
    }
    let frame = frame(statement);
    let missing = check_glyphs(&frame)?;
    if !missing.is_empty() {
        return Err(RenderError::Glyphs(missing));
    }
    let pages = layout::compose_statement(statement, &frame, font::fonts()?);
    pdf::write_plain(&frame, layout::statement_title(statement.language), &pages)
}

/// An invoice of nothing, with the parties and the look: head and foot of the pages are those of invoices.
fn frame(statement: &Statement) -> Invoice {
    let zero = BigDecimal::default;
    Invoice {
        language: statement.language,
        kind: Kind::Invoice,
        number: format!("{} {}", statement.from, statement.to),
        issue_date: statement.to,
        due_date: None,
        currency: statement.currency.clone(),
        operations: Operations::Goods,
        treatment: None,
        vat_due: None,
        seller: statement.seller.clone(),
        buyer: statement.buyer.clone(),
        delivery: None,
        period: None,
        references: References::default(),
        lines: Vec::new(),
        adjustments: Vec::new(),
        vat: Vec::new(),
        totals: Totals {
            lines: zero(),
            discounts: None,
            charges: None,
            net: zero(),
            vat: zero(),
            vat_accounted: None,
            gross: zero(),
            prepaid: None,
            rounding: None,
            due: zero(),
        },
        prepayments: Vec::new(),
        terms: Terms::default(),
        payment: (!statement.accounts.is_empty()).then(|| Payment {
            means: "30".to_owned(),
            text: None,
            reference: None,
            accounts: statement.accounts.clone(),
        }),
        mentions: Vec::new(),
        style: statement.style.clone(),
    }
}
