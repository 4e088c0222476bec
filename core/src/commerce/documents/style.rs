//! How a company's documents look.

use std::fmt;

use crate::values::invalid::Invalid;
use crate::values::text::text;

text!(
    /// What stands at the foot of every page, under the company's legal line.
    DocumentFooter, "the footer of documents", 300
);

/// The colour of headings and of the amount due, `#1f4e79`. It is darkened where white paper would make it unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccentColour(String);

impl AccentColour {
    /// # Errors
    /// `not_a_colour` if it is not # and six hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = text.strip_prefix('#').unwrap_or_default();
        if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(Invalid::new("not_a_colour", "expected a colour such as #1f4e79"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccentColour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a document is drawn with, besides what it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Style {
    pub accent: Option<String>,
    pub footer: Option<String>,
    /// A PNG.
    pub logo: Option<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_digits() {
        assert_eq!(AccentColour::parse("#1F4E79").map(|colour| colour.to_string()), Ok("#1f4e79".to_owned()));
        for text in ["", "#fff", "1f4e79", "#1f4e7g", "#1f4e79a", "#é1f4e", "red"] {
            assert_eq!(
                AccentColour::parse(text).map_err(|refused| refused.code),
                Err("not_a_colour"),
                "{text}"
            );
        }
    }
}
