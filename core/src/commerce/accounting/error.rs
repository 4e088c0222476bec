//! Why an accounting export is refused.

use crate::application::error::{Category, DomainError};
use crate::values::invalid::{FieldError, Invalid};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountingError {
    #[error("some accounts cannot be set like this")]
    Accounts(Vec<FieldError>),
    #[error(
        "the file of an accounting export is named by the company's SIREN (LPF, article A47 A-1): give it one"
    )]
    NoSiren,
    #[error(
        "an accounting export is in euros (Code de commerce, article L123-22), and the company's currency is {0}"
    )]
    NotInEuros(String),
    #[error(
        "the entry of {number} does not balance: {debit} of debit, {credit} of credit. Nothing is exported; api invoices verify says what is wrong with it"
    )]
    Unbalanced { number: String, debit: String, credit: String },
}

impl DomainError for AccountingError {
    fn category(&self) -> Category {
        match self {
            Self::Accounts(_) => Category::Invalid,
            Self::NoSiren | Self::NotInEuros(_) | Self::Unbalanced { .. } => Category::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Accounts(_) => "invalid_accounts",
            Self::NoSiren | Self::NotInEuros(_) => "accounting_export_impossible",
            Self::Unbalanced { .. } => "entry_unbalanced",
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Accounts(faults) => faults.clone(),
            Self::NoSiren => vec![Invalid::new("siren_missing", self.to_string()).at("/tenant/registration")],
            Self::NotInEuros(_) => {
                vec![Invalid::new("not_in_euros", self.to_string()).at("/tenant/currency")]
            }
            Self::Unbalanced { .. } => Vec::new(),
        }
    }
}
