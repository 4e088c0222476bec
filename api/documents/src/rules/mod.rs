//! What an invoice must fulfil before it becomes a document.

mod bounds;
mod french;
mod totals;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::{Invoice, port};

/// A rule that an invoice breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The rule's name: of EN 16931 (`BR-CO-15`), of the French specification XP Z12-012 (`BR-FR-10`), a business term whose definition is not
    /// met (`BT-131`), or `limit`.
    pub rule: String,
    pub message: String,
    /// A JSON pointer into the [`Invoice`].
    pub pointer: String,
}

impl Fault {
    pub(crate) fn new(
        rule: impl Into<String>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { rule: rule.into(), message: message.into(), pointer: pointer.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {}: {}", self.rule, self.pointer, self.message)
    }
}

/// Everything that is wrong; empty if the invoice can become a document. Characters that cannot be printed are [`crate::check_glyphs`]' matter.
///
/// The bounds come first: what is too large is not looked at any further. Then the totals, computed anew and compared to the cent (the
/// schematron would let a whole unit pass); the rules of EN 16931; and, if the seller is French, those of the French specification.
#[must_use]
pub fn validate(invoice: &Invoice) -> Vec<Fault> {
    let mut faults = bounds::check(invoice);
    if !faults.is_empty() {
        return faults;
    }
    faults.extend(totals::check(invoice));
    if invoice.seller.address.country == "FR" {
        faults.extend(french::check(invoice));
    }
    // A sum that was found wrong here is found by the standard's rule as well, with less to say.
    let told: BTreeSet<String> = faults.iter().map(|fault| fault.rule.clone()).collect();
    faults.extend(port::faults(invoice).into_iter().filter(|fault| !told.contains(&fault.rule)));
    faults
}
