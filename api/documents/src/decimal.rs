//! Decimals as they travel (strings, never floats) and as they are rounded; bytes as base64.

use std::str::FromStr;

use bigdecimal::{BigDecimal, RoundingMode};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// Digits that a number may have in all; more is no amount, and would only cost time.
const DIGITS: usize = 40;

/// To the cent, half away from zero: 0.125 is 0.13 and −0.125 is −0.13.
pub(crate) fn cents(value: &BigDecimal) -> BigDecimal {
    value.with_scale_round(2, RoundingMode::HalfUp)
}

/// The decimals that a number needs.
pub(crate) fn decimals(value: &BigDecimal) -> i64 {
    value.normalized().fractional_digit_count().max(0)
}

/// The digits that a number has when it is written without an exponent.
pub(crate) fn digits(value: &BigDecimal) -> u64 {
    let (_, scale) = value.as_bigint_and_exponent();
    if scale < 0 {
        value.digits().saturating_add(scale.unsigned_abs())
    } else {
        value.digits().max(scale.unsigned_abs())
    }
}

fn parse(text: &str) -> Result<BigDecimal, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || digits.len() > DIGITS {
        return Err(format!("a decimal number such as \"-12.50\" of at most {DIGITS} digits is expected"));
    }
    BigDecimal::from_str(text).map_err(|error| error.to_string())
}

pub(crate) fn serialize<S: Serializer>(value: &BigDecimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_plain_string())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BigDecimal, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

pub(crate) mod option {
    use super::{BigDecimal, Deserialize, Deserializer, Error, Serializer, parse};

    pub(crate) fn serialize<S: Serializer>(
        value: &Option<BigDecimal>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.serialize_str(&value.to_plain_string()),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<BigDecimal>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| parse(&text).map_err(D::Error::custom))
            .transpose()
    }
}

pub(crate) mod base64 {
    use ::base64::Engine;
    use ::base64::engine::general_purpose::STANDARD;

    use super::{Deserialize, Deserializer, Error, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        value: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| STANDARD.decode(text).map_err(D::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (exact, rounded) in
            [("0.125", "0.13"), ("-0.125", "-0.13"), ("0.1249", "0.12"), ("31.875", "31.88")]
        {
            assert_eq!(cents(&parse(exact).unwrap()).to_plain_string(), rounded, "{exact}");
        }
    }

    #[test]
    fn what_is_no_plain_number_is_refused() {
        for text in ["", "-", "1e9", ".5", "5.", "+1", "1,5", " 1", "NaN", "--1", &"9".repeat(41)] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn digits_count_zeros_that_are_not_stored() {
        for (number, count) in [("1", 1), ("100", 3), ("0.001", 3), ("12.50", 4)] {
            assert_eq!(digits(&parse(number).unwrap()), count, "{number}");
        }
    }
}
