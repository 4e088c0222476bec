//! The decimals of a sales file.

use bigdecimal::{BigDecimal, Signed};

/// Digits before the point that the API accepts, and after it.
const WHOLE_DIGITS: usize = 9;
const DECIMALS: usize = 6;

/// Returns the amount if the API would accept it as a quantity or a price, but for its sign.
pub(super) fn amount(text: &str) -> Option<BigDecimal> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    // Zeros in front are accepted up to the same length again.
    let fits = whole.trim_start_matches('0').len() <= WHOLE_DIGITS
        && whole.len() <= 2 * WHOLE_DIGITS
        && fraction.len() <= DECIMALS;
    if digits(whole) && digits(fraction) && fits { text.parse().ok() } else { None }
}

/// Returns the amount if it is more than zero.
pub(super) fn positive(text: &str) -> Option<BigDecimal> {
    amount(text).filter(Signed::is_positive)
}

/// Returns the amount if it is zero or more.
pub(super) fn price(text: &str) -> Option<BigDecimal> {
    amount(text).filter(|amount| !amount.is_negative())
}

/// Writes plain notation without superfluous zeros, as the API reads it.
pub(super) fn plain(amount: &BigDecimal) -> String {
    amount.normalized().to_plain_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_what_the_api_accepts() {
        for (text, expected) in [("6", "6"), ("-12.50", "-12.5"), ("0.0", "0"), ("007", "7"), ("100", "100")]
        {
            assert_eq!(amount(text).map(|amount| plain(&amount)).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "-", "1e", "1e5", ".5", "5.", "+1", "a dozen", "1.2345678", "1234567890", "--1"] {
            assert_eq!(amount(text), None, "{text}");
        }
    }

    #[test]
    fn a_quantity_is_more_than_zero_and_a_price_is_not_less() {
        assert!(positive("2").is_some() && positive("0").is_none() && positive("-2").is_none());
        assert!(price("2").is_some() && price("0.0").is_some() && price("-2").is_none());
    }
}
