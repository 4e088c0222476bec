//! Both versions of a row side by side, field by field, where somebody else changed it while a form was filled in.

use bigdecimal::BigDecimal;

use super::{Input, Section};
use crate::console::format::typed_decimal;
use crate::console::forms::TwoVersions;
use crate::console::visitor::Visitor;
use crate::console::words::Parts;

/// The id of the form in the page.
pub(crate) const FORM: &str = "edit";

/// What differs between the fields of a form with what was typed, and those with what is there now. `theirs_at` is where the
/// row is shown as the others left it. The rows of a list are chosen together.
pub(crate) fn side_by_side(
    mine: &[Section],
    theirs: &[Section],
    theirs_at: impl Into<String>,
    visitor: &Visitor,
) -> TwoVersions {
    let mut versions = TwoVersions::new(FORM, theirs_at);
    for (own, other) in mine.iter().zip(theirs) {
        for one in &own.inputs {
            if let Some(two) = other.inputs.iter().find(|two| two.name == one.name) {
                versions = versions.choice(&one.name, &one.label, said(one, visitor), said(two, visitor));
            }
        }
        let first = own.rows.first().or(other.rows.first()).and_then(|row| row.first());
        if let Some((list, _)) = first.and_then(|input| input.name.split_once('.')) {
            versions = versions.choice(list, &own.title, rows(own, visitor), rows(other, visitor));
        }
    }
    versions
}

/// The rows of a list in words.
fn rows(section: &Section, visitor: &Visitor) -> String {
    let row = |row: &Vec<Input>| {
        let said = row.iter().map(|input| said(input, visitor)).filter(|said| !said.is_empty());
        said.collect::<Vec<_>>().join(", ")
    };
    section.rows.iter().map(row).collect::<Vec<_>>().join(" · ")
}

/// What is in a field, as people say it: the same value is the same text, however it was typed.
fn said(input: &Input, visitor: &Visitor) -> String {
    let w = Parts::of(visitor.language);
    match input.kind {
        "check" => yes_or_no(input.value == "true", w),
        "select" => {
            let chosen = input.choices.iter().find(|choice| choice.value == input.value);
            // Nothing is chosen: the first is what a browser shows.
            chosen.or(input.choices.first()).map(|choice| choice.label.clone()).unwrap_or_default()
        }
        "combo" if !input.value.is_empty() => input.shown.clone(),
        "decimal" => decimal(&input.value, visitor),
        _ => input.value.clone(),
    }
}

pub(crate) fn yes_or_no(is: bool, w: &'static Parts) -> String {
    if is { w.yes.to_string() } else { w.no.to_string() }
}

/// The same with the sign of percent.
pub(crate) fn percent(typed: &str, visitor: &Visitor) -> String {
    let read = typed_decimal(typed, visitor.language).parse::<BigDecimal>();
    read.map_or_else(|_| typed.to_owned(), |value| visitor.format.percent(&value))
}

/// A typed decimal in the format of the page; what is none stays as it is.
pub(crate) fn decimal(typed: &str, visitor: &Visitor) -> String {
    let read = typed_decimal(typed, visitor.language).parse::<BigDecimal>();
    read.map_or_else(|_| typed.to_owned(), |value| visitor.format.decimal(&value))
}
