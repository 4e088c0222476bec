//! Text that has been checked: trimmed, not empty, bounded in characters, without control characters (PostgreSQL
//! cannot store U+0000, and no name needs the others) or invisible ones.

use unicode_normalization::UnicodeNormalization;

use crate::values::invalid::Invalid;

/// Trims `text` and checks it. `what` names it in the message, `max` is in characters.
///
/// # Errors
/// Fails with `required`, `too_long` or `control_character`.
pub fn checked(what: &str, text: &str, max: usize) -> Result<String, Invalid> {
    // The length includes the white space around the text, as in the API's description.
    let length = text.chars().count();
    let text = text.trim();
    if text.is_empty() {
        return Err(Invalid::new("required", format!("{what} must not be empty")));
    }
    if length > max {
        return Err(Invalid::new(
            "too_long",
            format!("{what} has {length} characters; at most {max} are allowed"),
        ));
    }
    if text.chars().any(|c| c.is_control() || is_invisible(c)) {
        let message = format!("{what} must not contain control or invisible characters");
        return Err(Invalid::new("control_character", message));
    }
    Ok(text.to_owned())
}

/// Folds a text, so that case does not matter. This is the only folding there is: a text is folded before it is stored or
/// looked up, and then compared byte by byte. The database never folds: its `lower()` differs from Rust's (`İ` is `i̇` here,
/// and `i` there), and from itself in other versions and locales.
///
/// Letters are lowered one by one, so that no letter's form depends on its neighbours (the Greek sigma at a word's end),
/// and it does not matter how an accent is composed (NFC). Folding a folded text changes nothing.
pub fn folded(text: &str) -> String {
    let lower = text.nfc().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c });
    lower.nfc().collect()
}

/// Whether a character shows nothing, or turns the text around it: two codes that look alike could differ by it. The
/// joiners U+200C and U+200D stay, because some scripts need them.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// Declares a text newtype that parses instead of validating: `text!(Sku, "SKU", 64)`.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The maximum length, in characters.
            pub const MAX: usize = $max;

            /// # Errors
            /// Fails if the text is empty after trimming, longer than `MAX` characters, or has control characters.
            pub fn parse(text: &str) -> Result<Self, crate::values::invalid::Invalid> {
                crate::values::text::checked($what, text, $max).map(Self)
            }

            /// Wraps a text from the database, where it was checked before it was stored.
            #[allow(dead_code, reason = "not every text is read back")]
            pub(crate) fn stored(text: String) -> Self {
                Self(text)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use text;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_are_folded_one_by_one_however_they_are_composed() {
        assert_eq!(folded("Ada@Docks.Example"), "ada@docks.example");
        assert_eq!(folded("\u{130}"), "i\u{307}");
        assert_eq!(folded("ΟΔΟΣ"), folded("οδος"));
        assert_eq!(folded("E\u{301}"), "é");
        assert_eq!(folded("ı"), "ı", "another letter than i");
    }

    proptest! {
        #[test]
        fn what_is_folded_stays_as_it_is(text in any::<String>()) {
            prop_assert_eq!(folded(&folded(&text)), folded(&text));
        }
    }
}
