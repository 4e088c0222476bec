//! The short name of a company, by which users name it when they log in.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::aggregate::TenantName;
use crate::values::invalid::Invalid;

/// A company's short name: lower-case letters and digits of ASCII, in words joined by one hyphen, at most 40 characters.
/// It is unique among all companies, and never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortName(String);

impl ShortName {
    /// The maximum length, in characters.
    pub const MAX: usize = 40;
    /// The maximum length of a short name derived from a name, so that a number still fits behind it.
    const MAX_DERIVED: usize = 32;

    /// # Errors
    /// `not_a_short_name` if the text has another form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if text.len() <= Self::MAX && text.split('-').all(is_word) {
            return Ok(Self(text.to_owned()));
        }
        let message = "expected 1 to 40 lower-case letters (a to z), digits and single hyphens between them, such as docks-paris";
        Err(Invalid::new("not_a_short_name", message))
    }

    /// Derives a short name from the company's name, without accents. Another company may have it.
    pub fn derived(name: &TenantName) -> Self {
        let mut short = String::new();
        for c in name.as_str().nfkd().flat_map(char::to_lowercase) {
            match c {
                'a'..='z' | '0'..='9' if short.len() < Self::MAX_DERIVED => short.push(c),
                // An accent belongs to the letter in front of it.
                _ if unicode_normalization::char::is_combining_mark(c) => {}
                _ if short.is_empty() || short.ends_with('-') || short.len() >= Self::MAX_DERIVED => {}
                _ => short.push('-'),
            }
        }
        let short = short.trim_end_matches('-');
        Self(if short.is_empty() { "company" } else { short }.to_owned())
    }

    /// The short name with a number behind it, for use if the plain one is taken.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        Self(format!("{}-{number}", self.0))
    }

    pub(super) fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_words_of_letters_and_digits() {
        for text in ["docks", "docks-paris-2", "7", &"x".repeat(40)] {
            assert_eq!(ShortName::parse(text).map(|name| name.0), Ok(text.to_owned()));
        }
        for text in ["", "Docks", "-docks", "docks-", "docks--paris", "docks paris", "dôcks", &"x".repeat(41)]
        {
            let refused = ShortName::parse(text).map_err(|refused| refused.code);
            assert_eq!(refused, Err("not_a_short_name"), "{text:?}");
        }
    }

    #[test]
    fn a_short_name_is_made_from_any_name() {
        for (name, short) in [
            ("Comptoir des Docks", "comptoir-des-docks"),
            ("Société Générale d\u{2019}Épicerie & Fils", "societe-generale-d-epicerie-fils"),
            ("  Café\u{a0}N° 7 ", "cafe-n-7"),
            ("株式会社", "company"),
        ] {
            let name = TenantName::parse(name).expect("valid");
            let made = ShortName::derived(&name);
            assert_eq!(made.as_str(), short);
            assert_eq!(ShortName::parse(made.numbered(99).as_str()).map(drop), Ok(()), "{made}");
        }
        let long = TenantName::parse(&"a-".repeat(100)).expect("valid");
        assert_eq!(
            ShortName::parse(ShortName::derived(&long).numbered(u32::MAX / 100).as_str()).map(drop),
            Ok(())
        );
    }
}
