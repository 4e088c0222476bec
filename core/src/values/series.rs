//! The codes of series of numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::values::invalid::Invalid;

/// The code of a series of invoices: what their numbers begin with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeriesCode(String);

impl SeriesCode {
    /// The maximum length, in characters: a number has 35 at most (BR-FR).
    pub const MAX: usize = 10;

    /// # Errors
    /// `not_a_series` if it is not 1 to 10 capital letters and digits of ASCII.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_code = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if (1..=Self::MAX).contains(&text.len()) && text.bytes().all(is_code) {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new("not_a_series", "expected 1 to 10 capital letters and digits, such as FA"))
    }

    pub(crate) fn stored(code: String) -> Self {
        Self(code)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number at a place in a year: `FA-2026-000123`.
    pub fn number(&self, year: i32, position: i64) -> String {
        format!("{}-{year}-{position:06}", self.0)
    }
}

impl fmt::Display for SeriesCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_short_and_so_is_a_number() {
        for text in ["FA", "A", "2026B", "ABCDEFGHIJ"] {
            assert!(SeriesCode::parse(text).is_ok(), "{text}");
        }
        for text in ["", "fa", "F-A", "É", "ABCDEFGHIJK", " FA"] {
            assert_eq!(SeriesCode::parse(text).map_err(|e| e.code), Err("not_a_series"), "{text}");
        }
        let longest = SeriesCode::parse("ABCDEFGHIJ").expect("valid").number(2026, i64::MAX);
        assert!(longest.len() <= 35, "{longest}");
        assert_eq!(SeriesCode::parse("FA").expect("valid").number(2026, 123), "FA-2026-000123");
    }
}
