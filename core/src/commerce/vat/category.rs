//! The categories of VAT that an invoice knows (EN 16931, BT-151; UNTDID 5305), and why one of them has none to pay.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::values::invalid::Invalid;
use crate::values::language::Language;
use crate::values::text::text;

/// A category of VAT, by its code in UNTDID 5305.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = VatCategory)]
pub enum Category {
    /// Taxed at a rate above zero.
    #[serde(rename = "S")]
    Standard,
    /// Taxed at zero.
    #[serde(rename = "Z")]
    ZeroRated,
    /// Exempt at home.
    #[serde(rename = "E")]
    Exempt,
    /// The customer owes the VAT.
    #[serde(rename = "AE")]
    ReverseCharge,
    /// Goods to a business in another member state.
    #[serde(rename = "K")]
    IntraCommunity,
    /// Goods that leave the Union's VAT territory.
    #[serde(rename = "G")]
    Export,
    /// Not subject to this country's VAT.
    #[serde(rename = "O")]
    NotSubject,
}

impl Category {
    pub const ALL: [Self; 7] = [
        Self::Standard,
        Self::ZeroRated,
        Self::Exempt,
        Self::ReverseCharge,
        Self::IntraCommunity,
        Self::Export,
        Self::NotSubject,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Standard => "S",
            Self::ZeroRated => "Z",
            Self::Exempt => "E",
            Self::ReverseCharge => "AE",
            Self::IntraCommunity => "K",
            Self::Export => "G",
            Self::NotSubject => "O",
        }
    }

    /// Reads a stored code; `None` if only a later version knows it.
    pub fn stored(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.code() == code)
    }

    /// Whether an invoice must say why there is nothing to pay (EN 16931, BR-E-10, BR-AE-10, BR-IC-10, BR-G-10, BR-O-10).
    pub const fn needs_reason(self) -> bool {
        !matches!(self, Self::Standard | Self::ZeroRated)
    }
}

/// Codes of exemptions (EN 16931, BT-121; code list VATEX of the EU) that a supply at home can have. Those of K, G, AE and O follow from
/// the rule and cannot be chosen.
const EXEMPTIONS: &[&str] = &[
    "VATEX-EU-79-C",
    "VATEX-EU-132",
    "VATEX-EU-132-1A",
    "VATEX-EU-132-1B",
    "VATEX-EU-132-1C",
    "VATEX-EU-132-1D",
    "VATEX-EU-132-1E",
    "VATEX-EU-132-1F",
    "VATEX-EU-132-1G",
    "VATEX-EU-132-1H",
    "VATEX-EU-132-1I",
    "VATEX-EU-132-1J",
    "VATEX-EU-132-1K",
    "VATEX-EU-132-1L",
    "VATEX-EU-132-1M",
    "VATEX-EU-132-1N",
    "VATEX-EU-132-1O",
    "VATEX-EU-132-1P",
    "VATEX-EU-132-1Q",
    "VATEX-EU-143",
    "VATEX-EU-148",
    "VATEX-EU-151",
    "VATEX-EU-309",
    "VATEX-EU-D",
    "VATEX-EU-F",
    "VATEX-EU-I",
    "VATEX-EU-J",
    "VATEX-FR-CNWVAT",
];

text!(
    /// Why a supply at home is exempt, as the invoice says it: with the article of the law.
    ExemptionText, "the reason of an exemption", 200
);

/// That a supply at home is exempt, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    code: Option<&'static str>,
    text: String,
}

impl Exemption {
    /// # Errors
    /// `unknown_exemption` if there is no such code of an exemption that can be chosen; fails as any text does if the text is empty or
    /// longer than 200 characters.
    pub fn new(code: Option<&str>, text: &str) -> Result<Self, Invalid> {
        let code = code.map(|wanted| {
            EXEMPTIONS.iter().copied().find(|known| *known == wanted).ok_or_else(|| {
                Invalid::new(
                    "unknown_exemption",
                    "expected a code of the list VATEX for a supply at home, such as VATEX-EU-132-1I, or none",
                )
            })
        });
        Ok(Self { code: code.transpose()?, text: ExemptionText::parse(text)?.into() })
    }
}

/// Why there is no VAT to pay: a code for programs, words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// EN 16931, BT-121.
    pub code: Option<String>,
    /// EN 16931, BT-120, in French.
    pub fr: String,
    pub en: String,
}

impl Reason {
    pub(super) fn new(code: Option<&str>, fr: &str, en: &str) -> Self {
        Self { code: code.map(str::to_owned), fr: fr.to_owned(), en: en.to_owned() }
    }

    pub fn text(&self, language: Language) -> &str {
        match language {
            Language::Fr => &self.fr,
            Language::En => &self.en,
        }
    }
}

impl From<&Exemption> for Reason {
    fn from(exemption: &Exemption) -> Self {
        Self::new(exemption.code, &exemption.text, &exemption.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_list_and_read_back() {
        for category in Category::ALL {
            assert_eq!(Category::stored(category.code()), Some(category));
            assert_eq!(serde_json::to_value(category).expect("JSON"), category.code());
        }
        assert_eq!(Category::stored("L"), None);
    }

    #[test]
    fn an_exemption_is_one_of_a_supply_at_home() {
        let text = "Exonération de TVA, article 261, 4, 4° du CGI";
        assert!(Exemption::new(Some("VATEX-EU-132-1I"), text).is_ok());
        assert!(Exemption::new(None, text).is_ok());
        let code = |code, text| Exemption::new(code, text).map_err(|invalid| invalid.code);
        assert_eq!(code(Some("VATEX-EU-IC"), text), Err("unknown_exemption"), "that follows from the rule");
        assert_eq!(code(None, " "), Err("required"));
    }
}
