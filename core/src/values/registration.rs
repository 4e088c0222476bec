//! How a company is registered: its SIREN or SIRET (INSEE), or a number of another country's register.

use std::fmt;

use crate::values::contact::VatNumber;
use crate::values::invalid::Invalid;
use crate::values::text::text;

text!(
    /// A number of a register that is not the French one.
    ForeignNumber, "a registration number", 50
);

/// The SIREN of La Poste, whose establishments have a checksum rule of their own.
const LA_POSTE: &str = "356000000";

/// The number of a French company: nine digits, the last of which is a Luhn check digit (INSEE; ISO/IEC 7812-1, annex B).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Siren(String);

impl Siren {
    /// # Errors
    /// `not_a_siren` if the text is not nine digits, or the check digit is wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        digits(text, 9).filter(|digits| satisfies_luhn(digits)).map(Self).ok_or_else(|| {
            Invalid::new(
                "not_a_siren",
                "expected the nine digits of a SIREN, such as 732829320; check for a typing error",
            )
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key that stands between `FR` and the SIREN in a VAT number, as the French tax administration computes it.
    fn vat_key(&self) -> u64 {
        let number: u64 = self.0.parse().unwrap_or_default();
        (12 + 3 * (number % 97)) % 97
    }
}

/// The number of an establishment of a French company: the SIREN and five more digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Siret(String);

impl Siret {
    /// # Errors
    /// `not_a_siret` if the text is not 14 digits, or the check digit is wrong.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_valid = |digits: &String| {
            let (siren, _) = digits.split_at(9);
            // La Poste has more establishments than Luhn leaves numbers: the sum of their digits is a multiple of five instead.
            let own_rule = siren == LA_POSTE && digits.bytes().map(value).sum::<u32>().is_multiple_of(5);
            satisfies_luhn(siren) && (satisfies_luhn(digits) || own_rule)
        };
        digits(text, 14).filter(is_valid).map(Self).ok_or_else(|| {
            Invalid::new(
                "not_a_siret",
                "expected the 14 digits of a SIRET, such as 73282932000074; check for a typing error",
            )
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn siren(&self) -> Siren {
        Siren(self.0.chars().take(9).collect())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    Siren(Siren),
    Siret(Siret),
    Foreign(ForeignNumber),
}

impl Registration {
    /// # Errors
    /// Fails with `unknown_scheme`, `not_a_siren`, `not_a_siret`, or the error of a foreign number's text.
    pub fn parse(scheme: &str, number: &str) -> Result<Self, Invalid> {
        match scheme {
            "siren" => Siren::parse(number).map(Self::Siren),
            "siret" => Siret::parse(number).map(Self::Siret),
            "foreign" => ForeignNumber::parse(number).map(Self::Foreign),
            _ => Err(Invalid::new("unknown_scheme", "expected siren, siret or foreign")),
        }
    }

    /// Reads a stored registration; `None` if the scheme is unknown.
    pub(crate) fn stored(scheme: &str, number: String) -> Option<Self> {
        match scheme {
            "siren" => Some(Self::Siren(Siren(number))),
            "siret" => Some(Self::Siret(Siret(number))),
            "foreign" => Some(Self::Foreign(ForeignNumber::stored(number))),
            _ => None,
        }
    }

    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Siren(_) => "siren",
            Self::Siret(_) => "siret",
            Self::Foreign(_) => "foreign",
        }
    }

    pub fn number(&self) -> &str {
        match self {
            Self::Siren(siren) => siren.as_str(),
            Self::Siret(siret) => siret.as_str(),
            Self::Foreign(number) => number.as_str(),
        }
    }

    /// The SIREN of a French company.
    pub fn siren(&self) -> Option<Siren> {
        match self {
            Self::Siren(siren) => Some(siren.clone()),
            Self::Siret(siret) => Some(siret.siren()),
            Self::Foreign(_) => None,
        }
    }

    /// Checks that a VAT number is of the same company, where both are French: a French VAT number contains the SIREN.
    ///
    /// # Errors
    /// `vat_number_mismatch` if they are of different companies.
    pub fn check_vat_number(&self, vat_number: &VatNumber) -> Result<(), Invalid> {
        let (Some(siren), Some(rest)) = (self.siren(), vat_number.as_str().strip_prefix("FR")) else {
            return Ok(());
        };
        let key = rest.get(..2).unwrap_or_default();
        // Keys with letters follow another rule; only the SIREN can be compared then.
        let key_fits = key.parse().map_or(key.len() == 2, |key: u64| key == siren.vat_key());
        if rest.get(2..) == Some(siren.as_str()) && key_fits {
            return Ok(());
        }
        let message = format!(
            "the VAT number does not belong to the SIREN {siren}: FR{:02}{siren} would",
            siren.vat_key(),
            siren = siren.as_str(),
        );
        Err(Invalid::new("vat_number_mismatch", message))
    }
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.scheme(), self.number())
    }
}

/// Returns the text without its spaces, if that is exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<String> {
    let compact: String = text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}')).collect();
    (compact.len() == count && compact.bytes().all(|byte| byte.is_ascii_digit())).then_some(compact)
}

fn value(digit: u8) -> u32 {
    u32::from(digit.saturating_sub(b'0'))
}

/// Whether the digits satisfy Luhn: from the right, every second digit is doubled and its own digits are summed; the
/// total must be a multiple of ten.
fn satisfies_luhn(digits: &str) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .bytes()
        .rev()
        .map(value)
        .enumerate()
        .map(|(place, digit)| if place % 2 == 1 { doubled(digit) } else { digit })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_siren_has_nine_digits_that_satisfy_luhn() {
        assert_eq!(Siren::parse("732 829 320").expect("valid").as_str(), "732829320");
        for text in ["", "732829321", "73282932", "7328293200", "73282932a", "٧٣٢٨٢٩٣٢٠", "-32829320"]
        {
            assert_eq!(Siren::parse(text).map_err(|error| error.code), Err("not_a_siren"), "{text:?}");
        }
    }

    #[test]
    fn a_siret_is_a_siren_and_five_digits_that_satisfy_luhn_together() {
        let siret = Siret::parse("732 829 320 00074").expect("valid");
        assert_eq!((siret.as_str(), siret.siren().as_str()), ("73282932000074", "732829320"));
        for text in ["73282932000075", "732829320", "73282932100073"] {
            assert_eq!(Siret::parse(text).map_err(|error| error.code), Err("not_a_siret"), "{text:?}");
        }
    }

    #[test]
    fn establishments_of_la_poste_have_a_rule_of_their_own() {
        assert!(Siret::parse("35600000000048").is_ok(), "its seat satisfies Luhn");
        assert!(Siret::parse("35600000049837").is_ok(), "the digits add up to 45");
        assert!(Siret::parse("35600000049838").is_err());
        assert!(!satisfies_luhn("35600000049837"));
    }

    #[test]
    fn a_french_vat_number_belongs_to_its_siren() {
        let siren = Registration::parse("siren", "303265045").expect("valid");
        let check = |text: &str| {
            let number = VatNumber::parse(text).expect("valid");
            siren.check_vat_number(&number).map_err(|error| error.code)
        };
        assert_eq!(check("FR40303265045"), Ok(()));
        assert_eq!(check("FR41303265045"), Err("vat_number_mismatch"));
        assert_eq!(check("FR40732829320"), Err("vat_number_mismatch"));
        assert_eq!(check("FRK7303265045"), Ok(()), "a key with a letter follows another rule");
        assert_eq!(check("FR40"), Err("vat_number_mismatch"));
        assert_eq!(check("DE123456789"), Ok(()), "a French company may be registered for VAT elsewhere");
    }
}
