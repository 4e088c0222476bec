//! Amounts, prices, quantities and VAT rates as decimals, never as floating point numbers.
//!
//! Rounding is half up, away from zero, to two decimals, as EN 16931-1 prescribes for amounts (its rule BR-DEC-*
//! permits at most two decimals, and the calculation of totals in section 6.4 sums amounts that are already rounded).

use std::fmt;
use std::iter::Sum;

use bigdecimal::{BigDecimal, RoundingMode, Signed, Zero};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::values::invalid::Invalid;

/// Decimals of an amount in a currency.
const AMOUNT_SCALE: i64 = 2;
/// Digits before the decimal point that an amount may have.
const AMOUNT_DIGITS: usize = 15;
/// Decimals that a quantity or a unit price may have.
const FINE_SCALE: usize = 6;
/// Digits before the decimal point that a quantity or a unit price may have.
const WHOLE_DIGITS: usize = 9;

/// Parses plain decimal notation. Exponents are refused: `1e999999999` is eleven characters and a gigabyte of digits.
fn decimal(what: &str, text: &str, whole_digits: usize, scale: usize) -> Result<BigDecimal, Invalid> {
    let wrong = || {
        Invalid::new(
            "not_a_decimal",
            format!("{what} must be a decimal string such as \"12.50\", not {:?}", shortened(text)),
        )
    };
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    if whole.trim_start_matches('0').len() > whole_digits || whole.len() > 2 * whole_digits {
        return Err(Invalid::new(
            "too_large",
            format!("{what} may have {whole_digits} digits before the point"),
        ));
    }
    if fraction.len() > scale {
        return Err(Invalid::new("too_precise", format!("{what} may have {scale} digits after the point")));
    }
    text.parse().map_err(|_| wrong())
}

/// Returns at most 40 characters of a text that a client sent.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Writes plain notation without superfluous zeros: `6`, `0.125`.
fn shortest(value: &BigDecimal, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&value.normalized().to_plain_string())
}

/// Decimals travel as strings in JSON: most parsers read a JSON number as a binary floating point number.
macro_rules! serialize_as_string {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
serialize_as_string!(Money, UnitPrice, Quantity, VatRate);

/// Reads a decimal that was written as above, and checked before.
macro_rules! deserialize_stored {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
            }
        }
    )*};
}
deserialize_stored!(Money, UnitPrice, Quantity, VatRate);

/// An amount in the order's currency, always with two decimals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Money(BigDecimal);

impl Money {
    /// # Errors
    /// Fails if the text is not a decimal string, or has more than fifteen digits before or two after the point.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let value = decimal("an amount", text, AMOUNT_DIGITS, AMOUNT_SCALE as usize)?;
        Ok(Self::rounded(&value))
    }

    /// Rounds half up to two decimals.
    pub fn rounded(value: &BigDecimal) -> Self {
        Self(value.with_scale_round(AMOUNT_SCALE, RoundingMode::HalfUp))
    }

    pub fn zero() -> Self {
        Self(BigDecimal::zero().with_scale(AMOUNT_SCALE))
    }

    pub fn value(&self) -> &BigDecimal {
        &self.0
    }

    pub fn plus(&self, other: &Self) -> Self {
        Self(&self.0 + &other.0)
    }

    pub fn minus(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }

    pub fn negated(&self) -> Self {
        Self(-&self.0)
    }

    pub fn is_negative(&self) -> bool {
        self.0.is_negative()
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// Whether it has no more digits than an amount may have.
    pub fn fits(&self) -> bool {
        self.0.abs() < BigDecimal::new(1.into(), -(AMOUNT_DIGITS as i64))
    }
}

impl<'a> Sum<&'a Money> for Money {
    fn sum<I: Iterator<Item = &'a Money>>(amounts: I) -> Self {
        amounts.fold(Self::zero(), |sum, amount| sum.plus(amount))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.with_scale(AMOUNT_SCALE).to_plain_string())
    }
}

/// The net price of one unit; EN 16931 does not limit its decimals, we keep up to six.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitPrice(BigDecimal);

impl UnitPrice {
    /// # Errors
    /// Fails if the text is not a decimal string, is negative, or has more than nine digits before or six after the point.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let value = decimal("a unit price", text, WHOLE_DIGITS, FINE_SCALE)?;
        if value.is_negative() {
            return Err(Invalid::new("negative", "a unit price must be zero or more"));
        }
        Ok(Self(value))
    }

    pub fn zero() -> Self {
        Self(BigDecimal::zero())
    }

    pub(crate) fn stored(value: BigDecimal) -> Self {
        Self(value)
    }

    pub fn value(&self) -> &BigDecimal {
        &self.0
    }

    /// Rounds half up to six decimals.
    pub(crate) fn rounded(value: &BigDecimal) -> Self {
        Self(value.with_scale_round(FINE_SCALE as i64, RoundingMode::HalfUp))
    }

    /// Returns the line's net amount: quantity × net price, rounded to two decimals (EN 16931, BT-131).
    pub fn times(&self, quantity: &Quantity) -> Money {
        Money::rounded(&(&self.0 * &quantity.0))
    }
}

impl fmt::Display for UnitPrice {
    /// Writes at least two decimals, as prices are written; more if the price has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0.normalized();
        let scale = value.fractional_digit_count().max(AMOUNT_SCALE);
        f.write_str(&value.with_scale(scale).to_plain_string())
    }
}

/// A quantity of a product; always more than zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity(BigDecimal);

impl Quantity {
    /// # Errors
    /// Fails if the text is not a decimal string, is not above zero, or has more than nine digits before or six after the
    /// point.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let value = decimal("a quantity", text, WHOLE_DIGITS, FINE_SCALE)?;
        if !value.is_positive() {
            return Err(Invalid::new(
                "not_positive",
                format!("a quantity must be more than zero, not {}", shortened(text)),
            ));
        }
        Ok(Self(value))
    }

    /// Whether a text stands for no quantity at all, which is zero.
    ///
    /// # Errors
    /// Fails as [`Self::parse`] does, but for what is not above zero.
    pub(super) fn is_none(text: &str) -> Result<bool, Invalid> {
        Ok(decimal("a quantity", text, WHOLE_DIGITS, FINE_SCALE)?.is_zero())
    }

    pub(crate) fn stored(value: BigDecimal) -> Self {
        Self(value)
    }

    pub fn value(&self) -> &BigDecimal {
        &self.0
    }

    /// What an invoice says of a line that takes a deposit off (BT-129). It is the one quantity that is not above zero.
    pub(crate) fn opposite(&self) -> Self {
        Self(-&self.0)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        shortest(&self.0, f)
    }
}

impl Quantity {
    /// Whether it has no more decimals than these; zeros at the end do not count.
    pub fn fits(&self, decimals: QuantityDecimals) -> bool {
        self.0.normalized().fractional_digit_count() <= i64::from(decimals.0)
    }
}

/// How many decimals a quantity of a product may have, from 0 to 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct QuantityDecimals(i16);

impl QuantityDecimals {
    /// As many as any quantity can have.
    pub const MAX: i16 = 6;

    /// # Errors
    /// `out_of_range` if they are fewer than 0 or more than 6.
    pub fn new(decimals: i16) -> Result<Self, Invalid> {
        if (0..=Self::MAX).contains(&decimals) {
            return Ok(Self(decimals));
        }
        let message = format!("a quantity has from 0 to {} decimals, not {decimals}", Self::MAX);
        Err(Invalid::new("out_of_range", message))
    }

    /// Wraps a number of our own, or one from the database, where it was checked before it was stored.
    pub(crate) const fn stored(decimals: i16) -> Self {
        Self(decimals)
    }

    pub const fn value(self) -> i16 {
        self.0
    }
}

/// A VAT rate in percent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatRate(BigDecimal);

impl VatRate {
    /// # Errors
    /// Fails if the text is not a decimal string, is not between 0 and 100, or has more than two decimals.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let value = decimal("a VAT rate", text, 3, 2)?;
        if value.is_negative() || value > 100 {
            return Err(Invalid::new("out_of_range", "a VAT rate is a percentage from 0 to 100"));
        }
        Ok(Self(value))
    }

    pub(crate) fn stored(value: BigDecimal) -> Self {
        Self(value)
    }

    /// A rate of our own data, in hundredths of a percent: 550 is 5.5 %.
    pub(crate) fn hundredths(hundredths: u16) -> Self {
        Self(BigDecimal::new(hundredths.into(), 2))
    }

    pub fn value(&self) -> &BigDecimal {
        &self.0
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// Returns the VAT on a taxable amount, rounded to two decimals (EN 16931, BT-117).
    pub fn of(&self, base: &Money) -> Money {
        Money::rounded(&(&base.0 * &self.0 / BigDecimal::from(100)))
    }
}

impl fmt::Display for VatRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        shortest(&self.0, f)
    }
}

/// A currency's three-letter code (ISO 4217).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(String);

impl Currency {
    pub fn euro() -> Self {
        Self("EUR".to_owned())
    }

    /// # Errors
    /// `not_a_currency` if the text is not an ISO 4217 code of money that circulates. `unsupported_currency` if amounts in the
    /// currency do not have two decimals, as all of ours do.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let code = text.trim().to_ascii_uppercase();
        let known = iso_currency::Currency::from_code(&code).filter(|currency| {
            !currency.is_fund() && !currency.is_special() && currency.is_superseded().is_none()
        });
        match known.map(iso_currency::Currency::exponent) {
            Some(Some(2)) => Ok(Self(code)),
            Some(_) => Err(Invalid::new(
                "unsupported_currency",
                format!("amounts have two decimals here, those in {code} have not"),
            )),
            None => Err(Invalid::new("not_a_currency", "expected a code of ISO 4217 such as EUR")),
        }
    }

    pub(crate) fn stored(code: String) -> Self {
        Self(code)
    }

    pub fn code(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T: fmt::Debug>(result: Result<T, Invalid>) -> &'static str {
        result.expect_err("refused").code
    }

    #[test]
    fn amounts_round_half_up_away_from_zero() {
        let rounded = |text: &str| Money::rounded(&text.parse().expect("a decimal")).to_string();
        assert_eq!(rounded("0.005"), "0.01");
        assert_eq!(rounded("0.0049999"), "0.00");
        assert_eq!(rounded("2.675"), "2.68");
        assert_eq!(rounded("-0.005"), "-0.01");
        assert_eq!(rounded("7"), "7.00");
    }

    #[test]
    fn a_line_is_rounded_once() {
        let price = UnitPrice::parse("0.333").expect("valid");
        assert_eq!(price.times(&Quantity::parse("3").expect("valid")).to_string(), "1.00");
        assert_eq!(price.times(&Quantity::parse("0.5").expect("valid")).to_string(), "0.17");
    }

    #[test]
    fn exponents_signs_and_blanks_are_not_decimals() {
        for text in ["1e9", "1E999999999", "", " 1", "+1", ".5", "5.", "1,5", "NaN", "٣", "--1", "0x10"] {
            assert_eq!(code(Quantity::parse(text)), "not_a_decimal", "{text:?}");
        }
    }

    #[test]
    fn limits_say_which_one_was_passed() {
        assert_eq!(code(Quantity::parse("0")), "not_positive");
        assert_eq!(code(Quantity::parse("-2")), "not_positive");
        assert_eq!(code(Quantity::parse("1.0000001")), "too_precise");
        assert_eq!(code(Quantity::parse("1234567890")), "too_large");
        assert_eq!(code(UnitPrice::parse("-0.01")), "negative");
        assert_eq!(code(VatRate::parse("100.01")), "out_of_range");
        assert_eq!(code(VatRate::parse("5.555")), "too_precise");
    }

    #[test]
    fn a_currency_circulates_and_has_two_decimals() {
        assert_eq!(Currency::parse("chf").expect("valid").code(), "CHF");
        for text in ["", "EURO", "XXX", "XAU", "BOV", "HRK", "ABC"] {
            assert_eq!(code(Currency::parse(text)), "not_a_currency", "{text:?}");
        }
        for text in ["JPY", "TND"] {
            assert_eq!(code(Currency::parse(text)), "unsupported_currency", "{text:?}");
        }
    }

    #[test]
    fn a_quantity_fits_by_the_decimals_that_count() {
        for (quantity, decimals, fits) in [
            ("2", 0, true),
            ("2.000", 0, true),
            ("1.5", 0, false),
            ("1.25", 2, true),
            ("1.251", 2, false),
            ("100", 0, true),
        ] {
            let decimals = QuantityDecimals::new(decimals).expect("valid");
            assert_eq!(Quantity::parse(quantity).expect("valid").fits(decimals), fits, "{quantity}");
        }
        for decimals in [-1, 7] {
            assert_eq!(code(QuantityDecimals::new(decimals)), "out_of_range");
        }
    }

    #[test]
    fn decimals_print_plainly() {
        assert_eq!(Quantity::parse("6.000000").expect("valid").to_string(), "6");
        assert_eq!(Quantity::parse("100").expect("valid").to_string(), "100");
        assert_eq!(UnitPrice::parse("2.5").expect("valid").to_string(), "2.50");
        assert_eq!(UnitPrice::parse("0.125").expect("valid").to_string(), "0.125");
        assert_eq!(VatRate::parse("20.00").expect("valid").to_string(), "20");
    }
}
