//! What an e-mail says, as it is stored: without secrets, and without the words, which depend on the language.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::email::EmailKind;

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
        }
    }
}
