//! The number of a bank account, and the code of its bank.

use serde::{Deserialize, Serialize};

use crate::values::invalid::Invalid;

/// How long the numbers of a country are (ISO 13616, SWIFT's register); other countries have none.
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

/// An International Bank Account Number, without spaces and in capitals. Whether the account exists only its bank can say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Iban(String);

impl Iban {
    /// # Errors
    /// `not_an_iban` if the country has no such numbers, or none of this length; `wrong_check_digit` if the check digits are wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut compact: String =
            text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}')).collect();
        compact.make_ascii_uppercase();
        if compact.len() > 34 || !compact.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Invalid::new(
                "not_an_iban",
                "expected the letters and digits of an IBAN, such as FR14 2004 1010 0505 0001 3M02 606",
            ));
        }
        let country = compact.get(..2).unwrap_or_default();
        let Some((_, length)) = LENGTHS.iter().find(|(code, _)| *code == country) else {
            return Err(Invalid::new(
                "not_an_iban",
                "an IBAN begins with the code of a country that has them",
            ));
        };
        if compact.len() != *length {
            let message = format!("an IBAN of {country} has {length} characters, not {}", compact.len());
            return Err(Invalid::new("not_an_iban", message));
        }
        let check_digits = compact.get(2..4).unwrap_or_default();
        if !check_digits.bytes().all(|byte| byte.is_ascii_digit()) || remainder(&compact) != 1 {
            let message = "the check digits of the IBAN do not fit: check for a typing error";
            return Err(Invalid::new("wrong_check_digit", message));
        }
        Ok(Self(compact))
    }

    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In groups of four, as it is printed.
    pub fn printed(&self) -> String {
        let mut printed = String::with_capacity(self.0.len() + self.0.len() / 4);
        for (place, c) in self.0.chars().enumerate() {
            if place > 0 && place.is_multiple_of(4) {
                printed.push(' ');
            }
            printed.push(c);
        }
        printed
    }
}

/// A Business Identifier Code (ISO 9362): the bank of an account, with its branch or without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bic(String);

impl Bic {
    /// # Errors
    /// `not_a_bic` if it is not 8 or 11 letters and digits, with a country at the fifth place.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let code = text.trim().to_ascii_uppercase();
        let is_code = matches!(code.len(), 8 | 11) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let country = code.get(4..6).unwrap_or_default();
        if is_code && (country == "XK" || rust_iso3166::from_alpha2(country).is_some()) {
            return Ok(Self(code));
        }
        Err(Invalid::new("not_a_bic", "expected the 8 or 11 characters of a BIC, such as PSSTFRPPNTE"))
    }

    pub(crate) fn stored(code: String) -> Self {
        Self(code)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// ISO 7064, mod 97-10: the first four characters go to the end, letters count from A = 10, and 1 must be left.
fn remainder(compact: &str) -> u32 {
    let (head, tail) = compact.split_at_checked(4).unwrap_or_default();
    tail.chars().chain(head.chars()).filter_map(|c| c.to_digit(36)).fold(0, |left, value| {
        let shifted = if value > 9 { left * 100 } else { left * 10 };
        (shifted + value) % 97
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iban_has_the_length_of_its_country_and_check_digits_that_fit() {
        for text in [
            "FR14 2004 1010 0505 0001 3M02 606",
            "de89370400440532013000",
            "GB82 WEST 1234 5698 7654 32",
            "BE71 0961 2345 6769",
            "MT31MALT01100000000000000000123",
            "NO8330001234567",
        ] {
            let iban = Iban::parse(text).expect(text);
            assert_eq!(Iban::parse(&iban.printed()), Ok(iban));
        }
        for (text, code) in [
            ("FR15 2004 1010 0505 0001 3M02 606", "wrong_check_digit"),
            ("FR14 2004 1010 0505 0001 3M02 660", "wrong_check_digit"),
            ("FR14 2004 1010 0505 0001 3M02 60", "not_an_iban"),
            ("US64SVBKUS6S3300958879", "not_an_iban"),
            ("", "not_an_iban"),
            ("FR", "not_an_iban"),
            ("FR1é2004101005050001 3M02606", "not_an_iban"),
            ("DE89370400440532013000DE89370400440532013000", "not_an_iban"),
        ] {
            assert_eq!(Iban::parse(text).map_err(|refused| refused.code), Err(code), "{text:?}");
        }
    }

    #[test]
    fn a_bic_names_a_country() {
        for text in ["PSSTFRPPNTE", "deutdeff", "NBKOXKPR"] {
            assert!(Bic::parse(text).is_ok(), "{text}");
        }
        for text in ["", "PSSTFRPPNT", "PSSTQQPPNTE", "PSST FR PP", "é2345678"] {
            assert_eq!(Bic::parse(text).map_err(|refused| refused.code), Err("not_a_bic"), "{text}");
        }
    }

    #[test]
    fn it_is_printed_in_groups_of_four() {
        let iban = Iban::parse("DE89370400440532013000").expect("valid");
        assert_eq!(iban.printed(), "DE89 3704 0044 0532 0130 00");
    }
}
