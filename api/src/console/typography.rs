//! How words are set: the spaces and apostrophes of French are put in here, and are typed nowhere.

use std::fmt::{self, Write};

use comptoir_core::values::language::Language;

/// The space before `; : ! ?` and in thousands (U+202F).
pub(crate) const THIN: char = '\u{202f}';
/// The space before a currency or a percent sign, and inside quotation marks (U+00A0).
pub(crate) const FIRM: char = '\u{a0}';

/// Words of the console, as they are typed in the source. They are shown as they are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    text: &'static str,
    language: Language,
}

impl Word {
    pub(super) const fn new(text: &'static str, language: Language) -> Self {
        Self { text, language }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.text, self.language)
    }
}

/// Returns a sentence that was put together, set as words are.
pub(crate) fn set(text: &str, language: Language) -> String {
    let mut result = String::with_capacity(text.len() + 8);
    // Writing to a text never fails.
    let _ = write(&mut result, text, language);
    result
}

fn write(to: &mut impl Write, text: &str, language: Language) -> fmt::Result {
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        let written = match (character, language) {
            ('\'', _) => '’',
            (' ', Language::Fr) if matches!(next, Some(';' | ':' | '!' | '?')) => THIN,
            (' ', Language::Fr) if matches!(next, Some('€' | '%' | '»')) || before == '«' => FIRM,
            (other, _) => other,
        };
        to.write_char(written)?;
        before = character;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_has_its_spaces_and_english_none_of_them() {
        let french = |text| set(text, Language::Fr);
        assert_eq!(french("40 au plus : c'est ce qui reste."), "40 au plus\u{202f}: c’est ce qui reste.");
        assert_eq!(french("clé « boutique »"), "clé «\u{a0}boutique\u{a0}»");
        assert_eq!(french("5,5 % ou 3 €"), "5,5\u{a0}% ou 3\u{a0}€");
        assert_eq!(set("It's 5: all right", Language::En), "It’s 5: all right");
        assert_eq!(Word::new("Un client ?", Language::Fr).to_string(), "Un client\u{202f}?");
    }
}
