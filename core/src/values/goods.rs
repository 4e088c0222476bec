//! Amounts of goods: on hand, reserved, moved. Decimals with at most six places, as quantities are.

use std::fmt;

use bigdecimal::{BigDecimal, Signed, Zero};
use serde::{Serialize, Serializer};

use super::invalid::Invalid;
use super::money::{Quantity, QuantityDecimals};

/// An amount of goods stays below this: the database keeps twelve digits before the point.
const LIMIT: u64 = 1_000_000_000_000;

/// An amount of goods: zero or more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(BigDecimal);

impl Units {
    pub fn zero() -> Self {
        Self(BigDecimal::zero())
    }

    /// # Errors
    /// Fails as [`Quantity::parse`] does, but zero is an amount too.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if Quantity::is_none(text)? {
            return Ok(Self::zero());
        }
        Quantity::parse(text).map(|quantity| Self::from(&quantity))
    }

    pub(crate) fn stored(value: BigDecimal) -> Self {
        Self(value)
    }

    pub fn value(&self) -> &BigDecimal {
        &self.0
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self(&self.0 + &other.0)
    }

    /// Returns what is left, or `None` if it would be less than nothing.
    pub fn minus(&self, other: &Self) -> Option<Self> {
        let left = &self.0 - &other.0;
        (!left.is_negative()).then_some(Self(left))
    }

    /// Returns what is left, which is nothing if more is taken than there is.
    #[must_use]
    pub fn less(&self, other: &Self) -> Self {
        self.minus(other).unwrap_or_else(Self::zero)
    }

    /// Returns as much of it as there is of `most`: the smaller of both.
    pub fn at_most(&self, most: &Self) -> Self {
        self.min(most).clone()
    }

    /// Whether it has no more decimals than this.
    pub fn has_at_most(&self, decimals: QuantityDecimals) -> bool {
        self.decimals() <= i64::from(decimals.value())
    }

    /// How many decimals it has; zeros at the end do not count.
    pub fn decimals(&self) -> i64 {
        self.0.normalized().fractional_digit_count().max(0)
    }

    /// Whether the database can keep it.
    pub fn fits(&self) -> bool {
        self.0 < LIMIT
    }
}

impl From<&Quantity> for Units {
    fn from(quantity: &Quantity) -> Self {
        Self(quantity.value().clone())
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.normalized().to_plain_string())
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How an amount of goods changes: more, less, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitsChange(BigDecimal);

impl UnitsChange {
    pub fn none() -> Self {
        Self(BigDecimal::zero())
    }

    pub fn more(units: &Units) -> Self {
        Self(units.0.clone())
    }

    pub fn less(units: &Units) -> Self {
        Self(-units.0.clone())
    }

    pub(crate) fn stored(value: BigDecimal) -> Self {
        Self(value)
    }

    pub fn value(&self) -> &BigDecimal {
        &self.0
    }

    pub fn is_none(&self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for UnitsChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.normalized().to_plain_string())
    }
}

impl Serialize for UnitsChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> Units {
        Units::parse(text).expect("an amount")
    }

    #[test]
    fn nothing_is_an_amount_and_less_than_nothing_is_none() {
        assert!(units("0").is_zero() && units("0.000").is_zero() && units("-0").is_zero());
        assert_eq!(Units::parse("-1").expect_err("refused").code, "not_positive");
        assert_eq!(units("2.5").minus(&units("2.5")), Some(Units::zero()));
        assert_eq!(units("2.5").minus(&units("2.6")), None);
        assert_eq!(units("2.5").less(&units("2.6")), Units::zero());
        assert_eq!(units("2.5").plus(&units("0.5")).to_string(), "3");
    }

    /// To reckon a number of a million digits takes seconds: its characters are looked at before.
    #[test]
    fn an_amount_is_plain_and_short_before_it_is_reckoned() {
        let code = |text: &str| Units::parse(text).expect_err("refused").code;
        for text in ["", "0e9", "0e999999999", "1e9", "+0", ".0", "0.", " 0"] {
            assert_eq!(code(text), "not_a_decimal", "{text:?}");
        }
        assert_eq!(code("0.0000000"), "too_precise");
        assert_eq!(code(&"0".repeat(19)), "too_large");
        let long = "9".repeat(4_000_000);
        let begun = std::time::Instant::now();
        assert_eq!((code(&long), code(&format!("0.{long}"))), ("too_large", "too_precise"));
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }

    #[test]
    fn decimals_are_counted_without_the_zeros_at_the_end() {
        for (text, decimals) in [("0", 0), ("100", 0), ("2.000", 0), ("1.50", 1), ("0.000001", 6)] {
            assert_eq!(units(text).decimals(), decimals, "{text}");
        }
    }

    #[test]
    fn a_change_has_a_sign() {
        assert_eq!(UnitsChange::less(&units("1.50")).to_string(), "-1.5");
        assert_eq!(UnitsChange::more(&units("10")).to_string(), "10");
        assert!(UnitsChange::none().is_none());
    }

    #[test]
    fn an_amount_beyond_the_database_does_not_fit() {
        assert!(units("999999999").fits());
        let large = Units::stored(BigDecimal::from(1_000_000_000_000_u64));
        assert!(!large.fits() && large.less(&units("0.000001")).fits());
    }
}
