//! E-mail and postal addresses and VAT numbers: values that several aggregates have.

use email_address::{EmailAddress, Options};
use serde::{Deserialize, Deserializer, Serialize};

use crate::values::invalid::Invalid;
use crate::values::text::{checked, folded, text};

text!(
    /// A line of an address, a postal code, a city.
    AddressLine, "an address line", 200
);

/// Reads a value from the database, where it was checked before it was stored.
impl<'de> Deserialize<'de> for AddressLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::stored)
    }
}

/// An e-mail address (RFC 5321, RFC 6531), at most 254 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl From<Email> for String {
    fn from(value: Email) -> Self {
        value.0
    }
}

impl Email {
    /// # Errors
    /// `not_an_email` if the text is not an address of this kind.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = checked("an e-mail address", text, 254)?;
        let options = Options::default().without_display_text().without_domain_literal();
        match EmailAddress::parse_with_options(&text, options) {
            // Allowed by RFC 5321, and given out by nobody: few programs can send to it, this one cannot.
            Ok(address) if address.local_part().starts_with('"') => Err(Invalid::new(
                "not_an_email",
                "expected an address such as name@example.com: nothing may be in quotes",
            )),
            Ok(_) => Ok(Self(text)),
            Err(reason) => Err(Invalid::new(
                "not_an_email",
                format!("expected an address such as name@example.com: {reason}"),
            )),
        }
    }

    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the form in which addresses are compared.
    pub fn folded(&self) -> FoldedEmail {
        FoldedEmail::of(&self.0)
    }
}

/// An e-mail address in the form that identifies an account. In a company, addresses that differ only in case belong to one
/// account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FoldedEmail(String);

impl FoldedEmail {
    /// Folds any text; a text that is no address belongs to no account.
    pub fn of(text: &str) -> Self {
        Self(folded(text.trim()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A VAT identification number: a country prefix and 2 to 13 letters or digits, written without spaces (EN 16931
/// BT-48; the prefix is the ISO 3166-1 code, `EL` for Greece or `XI` for Northern Ireland: Directive 2006/112/EC,
/// article 215). Only the tax authorities can say whether it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatNumber(String);

impl From<VatNumber> for String {
    fn from(value: VatNumber) -> Self {
        value.0
    }
}

impl VatNumber {
    /// # Errors
    /// `not_a_vat_number` if the text does not have this form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut compact: String = text.chars().filter(|c| !matches!(c, ' ' | '.' | '-')).collect();
        compact.make_ascii_uppercase();
        let fits =
            (4..=15).contains(&compact.len()) && compact.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let known =
            |prefix: &str| matches!(prefix, "EL" | "XI") || rust_iso3166::from_alpha2(prefix).is_some();
        if fits && compact.get(..2).is_some_and(known) {
            Ok(Self(compact))
        } else {
            Err(Invalid::new(
                "not_a_vat_number",
                "expected a country code and 2 to 13 letters or digits, such as FR40303265045",
            ))
        }
    }

    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country of the tax authority that gave it, by its ISO 3166-1 code; `XI` is Northern Ireland.
    pub fn country(&self) -> &str {
        match self.0.get(..2).unwrap_or_default() {
            "EL" => "GR",
            prefix => prefix,
        }
    }

    /// Checks the length and the check digits that the country's numbers have. Numbers are kept without this, because registers err
    /// too; where tax depends on a number, it must hold.
    ///
    /// # Errors
    /// `wrong_vat_number` if it cannot be a number of its country.
    pub fn check(&self) -> Result<(), Invalid> {
        let country = if self.country() == "XI" { "GB" } else { self.country() };
        let scheme = match country {
            "GB" => Some(&"gb/vat"),
            // Written in more than one way, and in no case does tax depend on them.
            "CH" | "AD" => None,
            _ => stdnum::eu_vat().get(country).and_then(|schemes| schemes.first()),
        };
        let Some(scheme) = scheme.and_then(|scheme| stdnum::find(scheme)) else { return Ok(()) };
        // Some schemes want the prefix and some refuse it.
        let number = self.0.get(2..).unwrap_or_default();
        if scheme.validate(number).is_ok() || scheme.validate(&self.0).is_ok() {
            return Ok(());
        }
        let message = format!("{} cannot be a VAT number of {country}: check for a typing error", self.0);
        Err(Invalid::new("wrong_vat_number", message))
    }
}

/// A country by its two-letter code (ISO 3166-1 alpha-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Country(String);

impl Country {
    /// # Errors
    /// `not_a_country` if there is no such code.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let code = text.to_ascii_uppercase();
        match rust_iso3166::from_alpha2(&code) {
            Some(_) => Ok(Self(code)),
            None => Err(Invalid::new("not_a_country", "expected a two-letter ISO 3166-1 code such as FR")),
        }
    }

    pub fn code(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostalAddress {
    pub line1: AddressLine,
    pub line2: Option<AddressLine>,
    pub postal_code: Option<AddressLine>,
    pub city: AddressLine,
    /// ISO 3166-1 alpha-2.
    pub country: Country,
}

/// France, and its parts that have a country code of their own and its law of commerce.
const FRANCE: [&str; 9] = ["FR", "GP", "MQ", "RE", "GF", "YT", "MF", "BL", "PM"];
/// How the postal codes begin of what may be written as France and has a law of its own: the southern lands, Wallis-et-Futuna, Polynesia, New Caledonia.
const OWN_LAW: [&str; 4] = ["984", "986", "987", "988"];

impl PostalAddress {
    /// Whether the law of commerce of France holds there. Monaco has its VAT (`commerce/vat`), and laws of its own.
    pub fn is_in_france(&self) -> bool {
        let code = self.postal_code.as_ref().map_or("", |code| code.as_str());
        let digits: String = code.chars().filter(char::is_ascii_digit).collect();
        let has_own_law =
            self.country.code() == "FR" && OWN_LAW.iter().any(|beginning| digits.starts_with(beginning));
        FRANCE.contains(&self.country.code()) && !has_own_law
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vat_numbers_are_kept_without_spaces_and_in_capitals() {
        assert_eq!(VatNumber::parse("fr 40 303 265 045").expect("valid").as_str(), "FR40303265045");
        assert_eq!(VatNumber::parse("EL123456789").expect("valid").as_str(), "EL123456789");
        for text in ["", "frß12", "12345678", "QQ123", "FR", "FR1", "FR12345678901234", "FRé12"] {
            assert_eq!(VatNumber::parse(text).map_err(|e| e.code), Err("not_a_vat_number"), "{text:?}");
        }
    }

    #[test]
    fn a_vat_number_is_checked_as_its_country_does() {
        // From the tests of python-stdnum.
        for text in [
            "ATU13585627",
            "BE0403019261",
            "BG175074752",
            "CY10259033P",
            "CZ25123891",
            "DE136695976",
            "DK13585628",
            "EE100931558",
            "EL094259216",
            "ESB58378431",
            "FI20774740",
            "FR40303265045",
            "FR83404833048",
            "HR33392005961",
            "HU12892312",
            "IE6433435F",
            "IT00743110157",
            "LT119511515",
            "LU15027442",
            "LV40003521600",
            "MT11679112",
            "NL004495445B01",
            "PL8567346215",
            "PT501964843",
            "RO18547290",
            "SE123456789701",
            "SI50223054",
            "SK2022749619",
            "XI980780684",
            "CHE100155212",
            "US123456789",
        ] {
            let number = VatNumber::parse(text).expect(text);
            assert_eq!(number.check(), Ok(()), "{text}");
        }
        for text in [
            "ATU13585626",
            "BE0403019262",
            "DE136695978",
            "EL123456781",
            "ESB58378432",
            "FR41303265045",
            "IT00743110158",
            "NL004495446B01",
            "PL8567346216",
            "XI980780685",
            "DE12345678",
        ] {
            let number = VatNumber::parse(text).expect(text);
            assert_eq!(number.check().map_err(|e| e.code), Err("wrong_vat_number"), "{text}");
        }
        assert_eq!(VatNumber::parse("EL094259216").expect("valid").country(), "GR");
    }

    #[test]
    fn what_is_no_address_is_no_email() {
        for text in [
            "ada",
            "ada@",
            "@example.com",
            "Ada <ada@example.com>",
            "ada@[127.0.0.1]",
            "a b@example.com",
            "\"a b\"@example.com",
        ] {
            assert_eq!(Email::parse(text).map_err(|e| e.code), Err("not_an_email"), "{text:?}");
        }
    }
}
