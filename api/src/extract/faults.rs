//! Everything that is wrong with a body or with query parameters, in one answer: types as well as rules, each with its
//! pointer and in the words of the API.

use std::ops::ControlFlow;

use comptoir_core::values::invalid::{FieldError, Invalid};
use deserr::{
    DeserializeError, ErrorKind, IntoValue, MergeWithError, Value, ValueKind, ValuePointerRef,
    take_cf_content,
};

use crate::error::MAX_FIELDS;

#[derive(Debug, Default)]
pub(crate) struct Faults(pub(crate) Vec<FieldError>);

impl Faults {
    pub(crate) fn one(location: ValuePointerRef, invalid: Invalid) -> Self {
        Self(vec![at(location, invalid)])
    }

    fn add(faults: Option<Self>, more: impl IntoIterator<Item = FieldError>) -> ControlFlow<Self, Self> {
        let mut faults = faults.unwrap_or_default();
        faults.0.extend(more);
        if faults.0.len() < MAX_FIELDS { ControlFlow::Continue(faults) } else { ControlFlow::Break(faults) }
    }
}

fn at(location: ValuePointerRef, invalid: Invalid) -> FieldError {
    invalid.at(pointer(location))
}

/// Returns a location as a JSON Pointer (RFC 6901).
fn pointer(location: ValuePointerRef) -> String {
    match location {
        ValuePointerRef::Origin => String::new(),
        ValuePointerRef::Key { key, prev } => format!("{}/{}", pointer(*prev), escaped(key)),
        ValuePointerRef::Index { index, prev } => format!("{}/{index}", pointer(*prev)),
    }
}

/// Returns the name of a member as a part of a JSON Pointer.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl MergeWithError<Self> for Faults {
    fn merge(faults: Option<Self>, more: Self, _: ValuePointerRef) -> ControlFlow<Self, Self> {
        Self::add(faults, more.0)
    }
}

/// A rule of the value at the location was broken.
impl MergeWithError<Invalid> for Faults {
    fn merge(faults: Option<Self>, invalid: Invalid, location: ValuePointerRef) -> ControlFlow<Self, Self> {
        Self::add(faults, [at(location, invalid)])
    }
}

/// A rule about several members of the object at the location was broken; the pointer begins there.
impl MergeWithError<FieldError> for Faults {
    fn merge(faults: Option<Self>, error: FieldError, location: ValuePointerRef) -> ControlFlow<Self, Self> {
        let pointer = format!("{}{}", pointer(location), error.pointer);
        Self::add(faults, [FieldError { pointer, ..error }])
    }
}

impl DeserializeError for Faults {
    fn error<V: IntoValue>(
        faults: Option<Self>,
        error: ErrorKind<V>,
        location: ValuePointerRef,
    ) -> ControlFlow<Self, Self> {
        let fault = match error {
            ErrorKind::MissingField { field } => at(location.push_key(field), missing(field)),
            ErrorKind::UnknownKey { key, accepted } => {
                let there = if accepted.is_empty() { "nothing".to_owned() } else { accepted.join(", ") };
                let message = format!("there is no {key:?} here; there is {there}");
                at(location.push_key(key), Invalid::new("unknown_field", message))
            }
            ErrorKind::IncorrectValueKind { actual, accepted } => {
                at(location, Invalid::new("wrong_type", expected(&actual, accepted)))
            }
            ErrorKind::UnknownValue { value, accepted } => {
                at(location, Invalid::new("unknown_value", not_one_of(accepted, value)))
            }
            ErrorKind::BadSequenceLen { expected, .. } => {
                let message = format!("exactly {expected} values are expected");
                at(location, Invalid::new("wrong_length", message))
            }
            ErrorKind::Unexpected { .. } => {
                at(location, Invalid::new("out_of_range", "the number is too large or too small"))
            }
        };
        Self::add(faults, [fault])
    }
}

pub(super) fn missing(field: &str) -> Invalid {
    Invalid::new("missing_field", format!("{field} is required"))
}

/// Says which kind of value is right, and how to write the one that is there if that is all that is wrong.
fn expected<V: IntoValue>(actual: &Value<V>, accepted: &[ValueKind]) -> String {
    let takes = |kind| accepted.contains(&kind);
    match actual {
        Value::Integer(number) if takes(ValueKind::String) => quoted(number),
        Value::NegativeInteger(number) if takes(ValueKind::String) => quoted(number),
        Value::Float(number) if takes(ValueKind::String) => quoted(number),
        Value::Boolean(value) if takes(ValueKind::String) => quoted(value),
        Value::String(text) if takes(ValueKind::Integer) && text.parse::<i64>().is_ok() => unquoted(text),
        Value::String(text) if takes(ValueKind::Boolean) && text.parse::<bool>().is_ok() => unquoted(text),
        Value::NegativeInteger(number) if takes(ValueKind::Integer) && !takes(ValueKind::NegativeInteger) => {
            format!("expected a whole number, 0 or more, not {number}")
        }
        other => {
            let kinds = accepted.iter().map(|kind| name(*kind));
            // An integer of either sign has two kinds.
            let mut kinds: Vec<_> = kinds.collect();
            kinds.dedup();
            format!("expected {}, not {}", kinds.join(" or "), name(other.kind()))
        }
    }
}

fn quoted(value: impl std::fmt::Display) -> String {
    format!("write it as a string, such as \"{value}\"")
}

fn unquoted(text: &str) -> String {
    format!("write it without quotation marks: {text}")
}

fn name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Null => "null",
        ValueKind::Boolean => "true or false",
        ValueKind::Integer | ValueKind::NegativeInteger => "a whole number",
        ValueKind::Float => "a number with decimals",
        ValueKind::String => "a string",
        ValueKind::Sequence => "an array",
        ValueKind::Map => "an object",
    }
}

/// Reads a value that is a text with rules of its own.
pub(crate) fn text<V: IntoValue, T>(
    value: Value<V>,
    location: ValuePointerRef,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Result<T, Faults> {
    match value {
        Value::String(text) => parse(&text).map_err(|invalid| Faults::one(location, invalid)),
        actual => {
            let accepted = &[ValueKind::String];
            Err(take_cf_content(Faults::error(
                None,
                ErrorKind::IncorrectValueKind { actual, accepted },
                location,
            )))
        }
    }
}

/// Parses one of a few names.
///
/// # Errors
/// `unknown_value`, with the names that there are.
pub(crate) fn one_of<T: Copy>(text: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, Invalid> {
    all.iter().copied().find(|one| name(*one) == text).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|one| name(*one)).collect();
        Invalid::new("unknown_value", not_one_of(&names, text))
    })
}

fn not_one_of(accepted: &[&str], value: &str) -> String {
    format!("it must be one of {}, not {value:?}", accepted.join(", "))
}

/// Makes types readable from a string in a request: by their own `parse`, or by the function after `=>`.
macro_rules! read_from_text {
    ($($type:ty),+ $(,)?) => { $($crate::extract::read_from_text!($type => <$type>::parse);)+ };
    ($type:ty => $parse:expr) => {
        impl ::deserr::Deserr<$crate::extract::Faults> for $type {
            fn deserialize_from_value<V: ::deserr::IntoValue>(
                value: ::deserr::Value<V>,
                location: ::deserr::ValuePointerRef,
            ) -> Result<Self, $crate::extract::Faults> {
                $crate::extract::text(value, location, $parse)
            }
        }
    };
}
pub(crate) use read_from_text;

#[cfg(test)]
mod tests {
    use deserr::Deserr;
    use serde_json::{Value, json};

    use super::*;

    struct Quantity;
    read_from_text!(Quantity => |text| {
        if text == "0" { Err(Invalid::new("not_positive", "more than zero")) } else { Ok(Quantity) }
    });

    #[derive(Deserr)]
    #[deserr(error = Faults, deny_unknown_fields)]
    struct Line {
        #[expect(dead_code, reason = "only read")]
        quantity: Quantity,
        #[deserr(default)]
        #[expect(dead_code, reason = "only read")]
        note: Option<String>,
        #[deserr(default)]
        #[expect(dead_code, reason = "only read")]
        days: i16,
        #[deserr(default)]
        #[expect(dead_code, reason = "only read")]
        pieces: u16,
        #[deserr(default)]
        #[expect(dead_code, reason = "only read")]
        gift: bool,
    }

    #[derive(Deserr)]
    #[deserr(error = Faults, deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only read")]
        lines: Vec<Line>,
    }

    fn faults(body: Value) -> Vec<(String, &'static str, String)> {
        let read: Result<Order, Faults> = deserr::deserialize(body);
        let faults = read.err().unwrap_or_default().0;
        faults.into_iter().map(|fault| (fault.pointer, fault.code, fault.message)).collect()
    }

    fn fault(line: Value) -> (String, &'static str, String) {
        let mut faults = faults(json!({"lines": [line]}));
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults.remove(0)
    }

    #[test]
    fn what_is_right_is_read() {
        assert_eq!(faults(json!({"lines": [{"quantity": "3", "note": null}]})), []);
    }

    #[test]
    fn a_value_of_another_type_is_told_how_to_be_written() {
        let told = |line: Value| fault(line).2;
        assert_eq!(told(json!({"quantity": 3})), r#"write it as a string, such as "3""#);
        assert_eq!(told(json!({"quantity": -3})), r#"write it as a string, such as "-3""#);
        assert_eq!(told(json!({"quantity": 2.5})), r#"write it as a string, such as "2.5""#);
        assert_eq!(told(json!({"quantity": true})), r#"write it as a string, such as "true""#);
        assert_eq!(told(json!({"quantity": null})), "expected a string, not null");
        assert_eq!(told(json!({"quantity": "3", "days": "45"})), "write it without quotation marks: 45");
        assert_eq!(
            told(json!({"quantity": "3", "days": 1.5})),
            "expected a whole number, not a number with decimals"
        );
        assert_eq!(
            told(json!({"quantity": "3", "pieces": -1})),
            "expected a whole number, 0 or more, not -1"
        );
        assert_eq!(told(json!({"quantity": "3", "days": 99_999})), "the number is too large or too small");
        assert_eq!(told(json!({"quantity": "3", "gift": "true"})), "write it without quotation marks: true");
        assert_eq!(told(json!({"quantity": "3", "gift": {}})), "expected true or false, not an object");
    }

    #[test]
    fn a_missing_member_is_pointed_at() {
        assert_eq!(
            fault(json!({})),
            ("/lines/0/quantity".into(), "missing_field", "quantity is required".into())
        );
    }

    #[test]
    fn types_and_rules_are_told_together() {
        let body = json!({"lines": [{"quantity": "0", "colour": 1}, 7, {"quantity": 1}], "a/b~": 1});
        let mut found: Vec<_> = faults(body).into_iter().map(|(pointer, code, _)| (pointer, code)).collect();
        found.sort();
        let expected = [
            ("/a~1b~0", "unknown_field"),
            ("/lines/0/colour", "unknown_field"),
            ("/lines/0/quantity", "not_positive"),
            ("/lines/1", "wrong_type"),
            ("/lines/2/quantity", "wrong_type"),
        ];
        assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }

    #[test]
    fn reading_ends_after_a_hundred_faults() {
        assert_eq!(faults(json!({"lines": vec![1; 5000]})).len(), MAX_FIELDS);
    }
}
