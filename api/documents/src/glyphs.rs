//! Whether the fonts can set what an invoice says.

use std::fmt;

use serde_json::Value;

use crate::font::{Fonts, Weight, fonts};
use crate::{Invoice, RenderError};

/// How many are told.
const TOLD: usize = 20;

/// A character that cannot be printed, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingGlyph {
    pub character: char,
    /// A JSON pointer into the [`Invoice`].
    pub pointer: String,
}

impl fmt::Display for MissingGlyph {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { character, pointer } = self;
        if character.is_control() {
            write!(
                formatter,
                "{pointer}: the control character U+{:04X} cannot be printed",
                u32::from(*character)
            )
        } else {
            write!(formatter, "{pointer}: “{character}” (U+{:04X}) cannot be printed", u32::from(*character))
        }
    }
}

/// The characters that cannot be printed: the fonts (Latin, Greek, Cyrillic) do not have them, or they belong to a script that is written from
/// right to left. At most 20, each once for each field.
///
/// # Errors
///
/// [`RenderError::Font`] if the fonts of this crate are damaged.
pub fn check_glyphs(invoice: &Invoice) -> Result<Vec<MissingGlyph>, RenderError> {
    let fonts = fonts()?;
    let mut missing = Vec::new();
    // Every text there is, by way of its JSON: a field that is added later cannot be forgotten.
    let value = serde_json::to_value(invoice).map_err(|error| RenderError::Pdf(error.to_string()))?;
    walk(&value, &mut String::new(), &mut |pointer, text| {
        if pointer != "/style/logo" {
            check(fonts, pointer, text, &mut missing);
        }
    });
    missing.truncate(TOLD);
    Ok(missing)
}

/// The same for one text, whose field is called `pointer`.
pub(crate) fn missing_in(pointer: &str, text: &str) -> Result<Vec<MissingGlyph>, RenderError> {
    let mut missing = Vec::new();
    check(fonts()?, pointer, text, &mut missing);
    Ok(missing)
}

fn walk<'v>(value: &'v Value, pointer: &mut String, visit: &mut impl FnMut(&str, &'v str)) {
    let length = pointer.len();
    match value {
        Value::String(text) => visit(pointer, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                walk(item, pointer, visit);
                pointer.truncate(length);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                pointer.push('/');
                pointer.push_str(name);
                walk(member, pointer, visit);
                pointer.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn check(fonts: &Fonts, pointer: &str, text: &str, missing: &mut Vec<MissingGlyph>) {
    if missing.len() >= TOLD
        || (text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\n'))
    {
        return;
    }
    let mut tell = |character: char| {
        let found = MissingGlyph { character, pointer: pointer.to_owned() };
        if !missing.contains(&found) {
            missing.push(found);
        }
    };
    text.chars().filter(|character| unset(*character)).for_each(&mut tell);
    for line in text.split('\n') {
        for weight in [Weight::Regular, Weight::Bold] {
            fonts.shape(weight, line).missing().for_each(&mut tell);
        }
    }
}

/// Control characters, and whatever is written from right to left or turns the direction: lines are set from left to right only.
fn unset(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character,
            '\u{0590}'..='\u{08FF}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
            | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFF}' | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}
