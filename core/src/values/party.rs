//! What invoices say of a seller and of a customer besides names and addresses.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::values::invalid::Invalid;
use crate::values::text::{checked, text};

text!(
    /// The legal form of a company, as its papers have it: `SARL`, `SAS`, `EI`, `GmbH`.
    LegalForm, "a legal form", 100
);
text!(
    /// The register that a company is in, as its papers name it: `RCS Nantes`, `Amtsgericht München HRB 12345`.
    TradeRegister, "a trade register", 100
);

/// Who a customer is, as far as the law asks: consumers pay no fee for recovery, VAT depends on who is a business, public bodies
/// have terms of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CustomerKind {
    /// Buys for its trade: a company, a self-employed person, an association that trades.
    Business,
    /// Buys for itself.
    Consumer,
    /// A state, a town, a hospital, a school.
    PublicBody,
}

impl CustomerKind {
    pub const ALL: [Self; 3] = [Self::Business, Self::Consumer, Self::PublicBody];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::Consumer => "consumer",
            Self::PublicBody => "public_body",
        }
    }

    /// Reads a stored name; `None` if only a later version knows it.
    pub(crate) fn stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How a company stands to VAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VatScheme {
    /// It invoices VAT.
    #[default]
    Normal,
    /// It is exempt as a small enterprise (directive 2006/112/EC, article 284; France: CGI 293 B).
    SmallEnterprise,
    /// Nothing that it sells is subject to VAT.
    NotSubject,
}

impl VatScheme {
    pub const ALL: [Self; 3] = [Self::Normal, Self::SmallEnterprise, Self::NotSubject];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::SmallEnterprise => "small_enterprise",
            Self::NotSubject => "not_subject",
        }
    }

    pub(crate) fn stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }
}

/// When the VAT on services becomes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VatDueOn {
    /// When they are paid (CGI 269, 2, c): the rule.
    #[default]
    Payments,
    /// When they are invoiced: an option, which invoices mention.
    Debits,
}

impl VatDueOn {
    pub const ALL: [Self; 2] = [Self::Payments, Self::Debits];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Payments => "payments",
            Self::Debits => "debits",
        }
    }

    pub(crate) fn stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|due| due.name() == name)
    }
}

/// Where a party receives electronic invoices (EN 16931, BT-34 and BT-49).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ElectronicAddress {
    /// A scheme of the code list EAS: 0225 is the French directory.
    #[schema(example = "0225")]
    scheme: String,
    #[schema(example = "303265045")]
    identifier: String,
}

impl ElectronicAddress {
    /// The maximum length of an identifier, in characters.
    pub const MAX: usize = 125;

    /// # Errors
    /// `not_a_scheme` if the scheme is not four digits, or `EM` for an e-mail address and the like (two capital letters).
    /// Fails as any text does if the identifier is empty, too long, or has control characters.
    pub fn new(scheme: &str, identifier: &str) -> Result<Self, Invalid> {
        let is_digits = scheme.len() == 4 && scheme.bytes().all(|byte| byte.is_ascii_digit());
        let is_letters = scheme.len() == 2 && scheme.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_digits && !is_letters {
            let message = "expected a scheme of the code list EAS, such as 0225 (France), 0088 (GLN), 9930 (German VAT number) or EM (e-mail)";
            return Err(Invalid::new("not_a_scheme", message));
        }
        let identifier = checked("an electronic address", identifier, Self::MAX)?;
        Ok(Self { scheme: scheme.to_owned(), identifier })
    }

    pub(crate) fn stored(scheme: String, identifier: String) -> Self {
        Self { scheme, identifier }
    }

    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    pub fn identifier(&self) -> &str {
        &self.identifier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_as_they_were_stored() {
        for kind in CustomerKind::ALL {
            assert_eq!(CustomerKind::stored(kind.name()), Some(kind));
            assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.name());
        }
        for scheme in VatScheme::ALL {
            assert_eq!(VatScheme::stored(scheme.name()), Some(scheme));
            assert_eq!(serde_json::to_value(scheme).expect("JSON"), scheme.name());
        }
        for due in VatDueOn::ALL {
            assert_eq!(VatDueOn::stored(due.name()), Some(due));
            assert_eq!(serde_json::to_value(due).expect("JSON"), due.name());
        }
        assert_eq!(CustomerKind::stored("martian"), None);
    }

    #[test]
    fn an_electronic_address_has_a_scheme_of_the_list() {
        let address = ElectronicAddress::new("0225", " 303265045_SALES ").expect("valid");
        assert_eq!((address.scheme(), address.identifier()), ("0225", "303265045_SALES"));
        for (scheme, identifier, code) in [
            ("225", "303265045", "not_a_scheme"),
            ("em", "a@b.example", "not_a_scheme"),
            ("", "x", "not_a_scheme"),
            ("0225", " ", "required"),
        ] {
            assert_eq!(ElectronicAddress::new(scheme, identifier).map_err(|e| e.code), Err(code), "{scheme}");
        }
    }
}
