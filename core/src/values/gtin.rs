//! The numbers in barcodes.

use serde::Serialize;

use crate::values::invalid::Invalid;

/// The lengths of a GTIN; the longest is the form in which all are compared.
const LENGTHS: [usize; 4] = [8, 12, 13, 14];
const PADDED: usize = 14;

/// A Global Trade Item Number (GS1): 8, 12, 13 or 14 digits, the last of which checks the others. It stays as it was written,
/// although a longer form with zeros in front is the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Gtin(String);

impl Gtin {
    /// # Errors
    /// `not_a_gtin` if the text is not 8, 12, 13 or 14 digits, `wrong_check_digit` if the last one does not fit the others.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Invalid::new(
                "not_a_gtin",
                "expected the digits of a barcode, such as 3017620422003",
            ));
        }
        if !LENGTHS.contains(&text.len()) {
            let message = format!("a GTIN has 8, 12, 13 or 14 digits, not {}", text.len());
            return Err(Invalid::new("not_a_gtin", message));
        }
        let (number, last) = text.split_at(text.len() - 1);
        let right = check_digit(number);
        if last != right.to_string() {
            let message =
                format!("the check digit of {text} would be {right}: {number}{right}; a digit was misread");
            return Err(Invalid::new("wrong_check_digit", message));
        }
        Ok(Self(text.to_owned()))
    }

    /// Wraps a number from the database, where it was checked before it was stored.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the number as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the form in which numbers are compared: 14 digits.
    pub fn padded(&self) -> String {
        format!("{:0>PADDED$}", self.0)
    }
}

/// Returns the check digit of the digits in front of it: they count threefold and once by turns, threefold the last one.
fn check_digit(number: &str) -> u32 {
    let digits = number.bytes().rev().map(|byte| u32::from(byte.saturating_sub(b'0')));
    let sum: u32 = digits.zip([3, 1].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_real_products_are_read_in_each_length() {
        for (text, padded) in [
            ("96385074", "00000096385074"),
            ("036000291452", "00036000291452"),
            ("3017620422003", "03017620422003"),
            ("4006381333931", "04006381333931"),
            ("9780306406157", "09780306406157"),
            ("13017620422000", "13017620422000"),
            (" 5901234123457 ", "05901234123457"),
        ] {
            let gtin = Gtin::parse(text).expect(text);
            assert_eq!((gtin.as_str(), gtin.padded().as_str()), (text.trim(), padded));
        }
        let (short, long) = (Gtin::parse("036000291452"), Gtin::parse("0036000291452"));
        assert_eq!(short.expect("valid").padded(), long.expect("valid").padded(), "the same number");
    }

    #[test]
    fn a_wrong_digit_is_told_with_the_right_one() {
        let refused = Gtin::parse("3017620422004").expect_err("refused");
        assert_eq!(refused.code, "wrong_check_digit");
        assert!(refused.message.contains("3017620422003"), "{}", refused.message);
    }

    #[test]
    fn what_has_no_digits_of_a_barcode_is_no_gtin() {
        for text in [
            "",
            "  ",
            "30176204220O3",
            "3017-62042200",
            "301762042200",
            "3017620422",
            "٣٠١٧٦٢٠٤٢٢٠٠٣",
            "-3017620422003",
        ] {
            let code = Gtin::parse(text).expect_err(text).code;
            assert!(["not_a_gtin", "wrong_check_digit"].contains(&code), "{text:?}: {code}");
        }
        assert_eq!(Gtin::parse("3017620422").expect_err("refused").code, "not_a_gtin");
    }
}
