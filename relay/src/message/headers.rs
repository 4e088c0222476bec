//! Converts a row's `headers`, a JSON object, to AMQP headers: strings, booleans, integers, doubles, arrays and tables.
//!
//! A header that AMQP cannot carry unchanged is refused with its name and the reason, never changed or left out silently.

use std::fmt;

use lapin::types::{AMQPValue, FieldArray, FieldTable, ShortString};
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{SHORT_STRING_BYTES, text};

/// Headers whose value the relay sets; a row cannot replace them.
const RESERVED: &[&str] = &[
    "event-id",
    "event-type",
    "aggregate-type",
    "aggregate-id",
    "aggregate-version",
    "tenant-id",
    "schema-version",
    "occurred-at",
    "retry-count",
];
/// Headers that a row may set, and that are sent as strings whatever their JSON type.
const TEXTUAL: &[&str] = &[CORRELATION_ID, "causation-id", "traceparent"];
pub(super) const CORRELATION_ID: &str = "correlation-id";
/// RabbitMQ takes further routing keys from these headers, and closes the channel if they are not arrays.
const FURTHER_KEYS: &[&str] = &["CC", "BCC"];
/// From this value on, a double has no fraction and may differ from the integer in the JSON text.
const FIRST_BEYOND_64_BITS: f64 = 9_223_372_036_854_775_808.0;

/// Returns the row's headers that are sent with its message.
///
/// # Errors
/// Fails if a header cannot be sent; says why in words for the writer.
pub(super) fn parse(json: &[u8]) -> Result<FieldTable, String> {
    if json == b"{}" {
        return Ok(FieldTable::default());
    }
    match serde_json::from_slice::<RowHeaders>(json) {
        Ok(headers) => Ok(headers.0),
        Err(error) => Err(without_place(error.to_string())),
    }
}

/// Removes line and column from an error: they belong to a text that its reader does not see.
fn without_place(error: String) -> String {
    match error.rfind(" at line ") {
        Some(end) => error[..end].to_owned(),
        None => error,
    }
}

struct RowHeaders(FieldTable);

impl<'de> Deserialize<'de> for RowHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RowHeadersVisitor)
    }
}

struct RowHeadersVisitor;

impl<'de> Visitor<'de> for RowHeadersVisitor {
    type Value = RowHeaders;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RowHeaders, A::Error> {
        let mut headers = FieldTable::default();
        while let Some(name) = entries.next_key::<String>()? {
            if RESERVED.contains(&name.as_str()) {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = if TEXTUAL.contains(&name.as_str()) {
                entries.next_value::<Textual>().map(|value| value.0)
            } else {
                entries.next_value::<Amqp>().map(|value| value.0)
            };
            let value = value.map_err(|error| A::Error::custom(format_args!("header `{name}`: {error}")))?;
            if value == AMQPValue::Void {
                continue;
            }
            if name == CORRELATION_ID
                && let AMQPValue::LongString(id) = &value
                && id.as_bytes().len() > SHORT_STRING_BYTES
            {
                return Err(A::Error::custom(format_args!(
                    "header `{name}`: is a property of the message as well, which permits {SHORT_STRING_BYTES} bytes"
                )));
            }
            if FURTHER_KEYS.contains(&name.as_str()) && !matches!(value, AMQPValue::FieldArray(_)) {
                return Err(A::Error::custom(format_args!(
                    "header `{name}`: RabbitMQ reads it as a list of routing keys, so it must be an array of strings"
                )));
            }
            headers.insert(short_name(name)?, value);
        }
        Ok(RowHeaders(headers))
    }
}

fn short_name<E: Error>(name: String) -> Result<ShortString, E> {
    let bytes = name.len();
    ShortString::try_new(name).map_err(|_| {
        E::custom(format_args!("a header's name has {bytes} bytes; AMQP permits {SHORT_STRING_BYTES}"))
    })
}

/// A string, or the text of any other JSON value.
struct Textual(AMQPValue);

impl<'de> Deserialize<'de> for Textual {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Self(match json.as_bytes() {
            b"null" => AMQPValue::Void,
            [b'"', ..] => text(serde_json::from_str::<String>(json).map_err(D::Error::custom)?),
            _ => text(json),
        }))
    }
}

/// JSON as AMQP. Integers take the narrowest type that holds the value, of at least 32 bits, so that small numbers stay small.
struct Amqp(AMQPValue);

impl<'de> Deserialize<'de> for Amqp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmqpVisitor).map(Self)
    }
}

struct AmqpVisitor;

impl<'de> Visitor<'de> for AmqpVisitor {
    type Value = AMQPValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<AMQPValue, E> {
        Ok(AMQPValue::Void)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<AMQPValue, E> {
        Ok(AMQPValue::Boolean(truth))
    }

    fn visit_i64<E>(self, integer: i64) -> Result<AMQPValue, E> {
        Ok(i32::try_from(integer).map_or(AMQPValue::LongLongInt(integer), AMQPValue::LongInt))
    }

    fn visit_u64<E: Error>(self, integer: u64) -> Result<AMQPValue, E> {
        i64::try_from(integer).map_or_else(|_| Err(beyond_64_bits()), |integer| self.visit_i64(integer))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<AMQPValue, E> {
        // PostgreSQL writes every number of this size without a fraction and without an exponent.
        if number.abs() >= FIRST_BEYOND_64_BITS {
            Err(beyond_64_bits())
        } else {
            Ok(AMQPValue::Double(number))
        }
    }

    fn visit_str<E>(self, string: &str) -> Result<AMQPValue, E> {
        Ok(text(string))
    }

    fn visit_string<E>(self, string: String) -> Result<AMQPValue, E> {
        Ok(text(string))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<AMQPValue, A::Error> {
        let mut array = FieldArray::default();
        while let Some(Amqp(value)) = elements.next_element()? {
            array.push(value);
        }
        Ok(AMQPValue::FieldArray(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<AMQPValue, A::Error> {
        let mut table = FieldTable::default();
        while let Some(name) = entries.next_key::<String>()? {
            let Amqp(value) = entries.next_value()?;
            table.insert(short_name(name)?, value);
        }
        Ok(AMQPValue::FieldTable(table))
    }
}

fn beyond_64_bits<E: Error>() -> E {
    E::custom("the number does not fit 64 bits; write it as a string")
}

/// Returns the size of the encoded table in bytes.
pub(super) fn encoded_bytes(table: &FieldTable) -> usize {
    const LENGTH: usize = 4;
    let entries = table.inner().iter();
    LENGTH + entries.map(|(name, value)| 1 + name.as_str().len() + value_bytes(value)).sum::<usize>()
}

fn value_bytes(value: &AMQPValue) -> usize {
    const TYPE: usize = 1;
    const LENGTH: usize = 4;
    TYPE + match value {
        AMQPValue::Void => 0,
        AMQPValue::Boolean(_) => 1,
        AMQPValue::LongInt(_) => 4,
        AMQPValue::LongString(string) => LENGTH + string.as_bytes().len(),
        AMQPValue::FieldArray(array) => LENGTH + array.as_slice().iter().map(value_bytes).sum::<usize>(),
        AMQPValue::FieldTable(table) => encoded_bytes(table),
        // The widest of the remaining types that JSON can produce.
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_values_keep_their_kind() {
        let json = br#"{"n": 5, "big": 5000000000, "half": 0.5, "yes": true, "list": [1, "a"], "none": null,
            "least": -9223372036854775808, "table": {"a": [], "b": null}}"#;
        let headers = parse(json).expect("sendable");
        let value = |name: &str| headers.inner().get(name).cloned();
        assert_eq!(value("n"), Some(AMQPValue::LongInt(5)));
        assert_eq!(value("big"), Some(AMQPValue::LongLongInt(5_000_000_000)));
        assert_eq!(value("least"), Some(AMQPValue::LongLongInt(i64::MIN)));
        assert_eq!(value("half"), Some(AMQPValue::Double(0.5)));
        assert_eq!(value("yes"), Some(AMQPValue::Boolean(true)));
        assert!(matches!(value("list"), Some(AMQPValue::FieldArray(list)) if list.as_slice().len() == 2));
        assert!(matches!(value("table"), Some(AMQPValue::FieldTable(table)) if table.inner().len() == 2));
        assert_eq!(value("none"), None);
    }

    /// `relay replay` depends on this.
    #[test]
    fn of_two_headers_with_one_name_the_last_counts() {
        let headers = parse(br#"{"replayed": "never", "replayed": true}"#).expect("sendable");
        assert_eq!(headers.inner().get("replayed"), Some(&AMQPValue::Boolean(true)));
    }

    #[test]
    fn what_is_textual_is_a_string_whatever_the_row_says() {
        let headers =
            parse(br#"{"correlation-id": 1e999, "causation-id": {"a": [1]}, "traceparent": "\u00e9\n"}"#)
                .expect("sendable");
        for (name, expected) in
            [("correlation-id", "1e999"), ("causation-id", r#"{"a": [1]}"#), ("traceparent", "é\n")]
        {
            assert_eq!(headers.inner().get(name), Some(&text(expected)), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused_by_name_and_reason() {
        let nested = format!(r#"{{"deep": {}1{}}}"#, "[".repeat(200), "]".repeat(200));
        let long = format!(r#"{{"{}": 1}}"#, "n".repeat(256));
        let long_within = format!(r#"{{"a": [{{"{}": 1}}]}}"#, "n".repeat(256));
        let correlation = format!(r#"{{"correlation-id": "{}"}}"#, "c".repeat(256));
        let enormous = format!(r#"{{"n": 1{}}}"#, "0".repeat(400));
        for (json, expected) in [
            (r#"{"n": 9223372036854775808}"#, "header `n`: the number does not fit 64 bits"),
            (r#"{"n": [{"m": -9223372036854775809}]}"#, "header `n`: the number does not fit 64 bits"),
            (r#"{"n": 123456789012345678901234567890}"#, "64 bits"),
            (&enormous, "header `n`: number out of range"),
            (&nested, "header `deep`: recursion limit"),
            (&long, "a header's name has 256 bytes"),
            (&long_within, "header `a`: a header's name has 256 bytes"),
            (&correlation, "header `correlation-id`: is a property"),
            (r#"{"CC": "a.b"}"#, "header `CC`: RabbitMQ reads it as a list"),
            ("[]", "expected a JSON object"),
        ] {
            let problem = parse(json.as_bytes()).expect_err(expected);
            assert!(problem.contains(expected) && !problem.contains("column"), "{problem}\n{expected}");
        }
        parse(br#"{"CC": ["a.b"]}"#).expect("further routing keys");
    }

    #[test]
    fn the_size_is_that_of_what_lapin_writes() {
        let json = br#"{"a": "text", "b": [1, 2.5, 5000000000, [], {}], "c": {"d": true, "e": null, "f": "\u00e9"}}"#;
        let table = parse(json).expect("sendable");
        let written =
            lapin::types::generation::gen_field_table::<Vec<u8>>(&table)(Vec::new().into()).expect("written");
        assert_eq!(encoded_bytes(&table), written.into_inner().0.len());
    }
}
