//! What an e-mail says, as it is stored: without secrets, and without the words, which depend on the language.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::email::EmailKind;
use crate::values::language::Language;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum EmailContent {
    /// `by` is who registered the user.
    Welcome {
        by: String,
    },
    /// `by` is who invites.
    Invitation {
        by: String,
    },
    PasswordReset {},
    SecurityNotice {
        change: Change,
        by: String,
        at: DateTime<Utc>,
    },
    /// What is low, and how many more products than are named.
    StockDigest {
        low: Vec<LowStock>,
        more: u64,
    },
    Invoice(InvoiceMail),
    InvoiceReminder(ReminderMail),
}

/// What is said of the invoice whose document is attached: amounts as texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceMail {
    /// The customer's.
    pub language: Language,
    /// `invoice`, `credit_note` or `prepayment`.
    pub document: String,
    pub number: String,
    pub issue_date: NaiveDate,
    pub due_on: NaiveDate,
    pub gross_total: String,
    /// ISO 4217.
    pub currency: String,
}

/// What a customer is reminded of: amounts as texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReminderMail {
    /// The customer's.
    pub language: Language,
    /// The highest one among the invoices; counts from 1.
    pub level: u8,
    /// The company's own words for this level, in place of the usual ones.
    pub text: Option<String>,
    /// Those that have been due for the longest time.
    pub overdue: Vec<OverdueInvoice>,
    /// How many more than are named.
    pub more: u64,
    /// What is open of all of them.
    pub total: String,
    /// ISO 4217.
    pub currency: String,
}

/// An invoice that is not paid in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverdueInvoice {
    pub number: String,
    pub due_on: NaiveDate,
    pub open: String,
}

/// A product of which more should be ordered for a warehouse: amounts as texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowStock {
    pub sku: String,
    pub name: String,
    /// The warehouse's code.
    pub warehouse: String,
    pub available: String,
    pub reorder_point: String,
    /// How much should be ordered.
    pub reorder_quantity: String,
}

/// What changed of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum Change {
    Password,
    /// Roles by their names.
    Role {
        from: String,
        to: String,
    },
    /// Permissions beside those of the role, and those of it that are missing.
    Permissions {
        granted: Vec<String>,
        revoked: Vec<String>,
    },
}

impl EmailContent {
    pub(super) fn kind(&self) -> EmailKind {
        match self {
            Self::Welcome { .. } => EmailKind::Welcome,
            Self::Invitation { .. } => EmailKind::Invitation,
            Self::PasswordReset {} => EmailKind::PasswordReset,
            Self::SecurityNotice { .. } => EmailKind::SecurityNotice,
            Self::StockDigest { .. } => EmailKind::StockDigest,
            Self::Invoice(_) => EmailKind::Invoice,
            Self::InvoiceReminder(_) => EmailKind::InvoiceReminder,
        }
    }

    /// The language that it is written in, if not the company's.
    pub(super) fn language(&self) -> Option<Language> {
        match self {
            Self::Invoice(invoice) => Some(invoice.language),
            Self::InvoiceReminder(reminder) => Some(reminder.language),
            Self::Welcome { .. }
            | Self::Invitation { .. }
            | Self::PasswordReset {}
            | Self::SecurityNotice { .. }
            | Self::StockDigest { .. } => None,
        }
    }
}
