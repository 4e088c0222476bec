//! From an event to an AMQP message: properties, headers, routing key (docs/relay.md). The body is the payload as it is.

use chrono::{DateTime, SecondsFormat, Utc};
use comptoir_core::outbox::OutboxRow;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldArray, FieldTable, LongString, ShortString};
use serde_json::{Map, Value};

const PERSISTENT: u8 = 2;
const CONTENT_TYPE: &str = "application/json";
const APP_ID: &str = "comptoir";
/// Header names and the correlation id are AMQP short strings. The table's checks refuse longer ones.
const SHORT_STRING_BYTES: usize = 255;
/// An error text travels in a header, and the headers of a message must fit one frame.
const ERROR_CHARS: usize = 1000;

/// Headers whose value the relay decides; a row cannot replace them.
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
/// Headers that a row may set and that are strings whatever the row's JSON says.
const TEXTUAL: &[&str] = &["correlation-id", "causation-id", "traceparent"];

/// What a dead letter says in addition.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetterNote<'a> {
    pub(crate) error: &'a str,
    pub(crate) original_exchange: &'a str,
    pub(crate) failed_at: DateTime<Utc>,
}

/// The properties of the message for an event, or of its dead letter.
pub(crate) fn properties(row: &OutboxRow, note: Option<&DeadLetterNote<'_>>) -> BasicProperties {
    let mut headers = FieldTable::default();
    let mut correlation_id = None;
    copy_row_headers(&row.headers.0, note.is_some(), &mut headers, &mut correlation_id);
    let id = row.id.to_string();
    put(&mut headers, "event-id", text(id.clone()));
    put(&mut headers, "event-type", text(row.event_type.clone()));
    put(&mut headers, "aggregate-type", text(row.aggregate_type.clone()));
    put(&mut headers, "aggregate-id", text(row.aggregate_id.clone()));
    if let Some(version) = row.aggregate_version {
        put(&mut headers, "aggregate-version", AMQPValue::LongLongInt(version));
    }
    put(&mut headers, "tenant-id", text(row.tenant_id.to_string()));
    put(&mut headers, "schema-version", AMQPValue::LongInt(row.schema_version.into()));
    put(&mut headers, "occurred-at", text(rfc3339(row.occurred_at)));
    put(&mut headers, "retry-count", AMQPValue::LongInt(row.retry_count));
    if let Some(note) = note {
        put(&mut headers, "error", text(note.error.chars().take(ERROR_CHARS).collect::<String>()));
        put(&mut headers, "original-exchange", text(note.original_exchange.to_owned()));
        put(&mut headers, "original-routing-key", text(row.event_type.clone()));
        put(&mut headers, "failed-at", text(rfc3339(note.failed_at)));
    }
    let properties = BasicProperties::default()
        .with_content_type(short(CONTENT_TYPE))
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short(id))
        .with_type(short(row.event_type.as_str()))
        .with_timestamp(row.occurred_at.timestamp().max(0).unsigned_abs())
        .with_app_id(short(APP_ID))
        .with_headers(headers);
    match correlation_id {
        Some(id) => properties.with_correlation_id(id),
        None => properties,
    }
}

pub(crate) fn routing_key(row: &OutboxRow) -> ShortString {
    short(row.event_type.as_str())
}

/// An AMQP short string; what is too long, which the table refuses, becomes empty rather than a crash.
pub(crate) fn short(text: impl Into<String>) -> ShortString {
    ShortString::try_new(text).unwrap_or_default()
}

fn copy_row_headers(
    json: &[u8],
    is_dead_letter: bool,
    headers: &mut FieldTable,
    correlation_id: &mut Option<ShortString>,
) {
    if json == b"{}" {
        return;
    }
    let Ok(row_headers) = serde_json::from_slice::<Map<String, Value>>(json) else { return };
    for (name, value) in row_headers {
        let ours = RESERVED.contains(&name.as_str())
            || (is_dead_letter
                && matches!(
                    name.as_str(),
                    "error" | "original-exchange" | "original-routing-key" | "failed-at"
                ));
        if ours || value.is_null() || name.len() > SHORT_STRING_BYTES {
            continue;
        }
        let value = if TEXTUAL.contains(&name.as_str()) {
            let value = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            if name == "correlation-id" {
                *correlation_id = ShortString::try_new(value.as_str()).ok();
            }
            text(value)
        } else {
            amqp(value)
        };
        headers.insert(short(name), value);
    }
}

/// JSON to AMQP: the narrowest integer that holds the value, at least 32 bits, so that a small number does not grow.
fn amqp(value: Value) -> AMQPValue {
    match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(truth) => AMQPValue::Boolean(truth),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => {
                i32::try_from(integer).map_or(AMQPValue::LongLongInt(integer), AMQPValue::LongInt)
            }
            (None, Some(float)) => AMQPValue::Double(float),
            (None, None) => text(number.to_string()),
        },
        Value::String(string) => text(string),
        Value::Array(values) => {
            AMQPValue::FieldArray(FieldArray::from(values.into_iter().map(amqp).collect::<Vec<_>>()))
        }
        Value::Object(entries) => {
            let mut table = FieldTable::default();
            for (name, value) in entries {
                if name.len() <= SHORT_STRING_BYTES {
                    table.insert(short(name), amqp(value));
                }
            }
            AMQPValue::FieldTable(table)
        }
    }
}

fn put(headers: &mut FieldTable, name: &'static str, value: AMQPValue) {
    headers.insert(short(name), value);
}

fn text(value: impl Into<String>) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value.into()))
}

fn rfc3339(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sample;

    fn headers_of(json: &str) -> (FieldTable, BasicProperties) {
        let mut row = sample(1, "a");
        row.headers.0 = json.as_bytes().to_vec();
        let properties = properties(&row, None);
        (properties.headers().clone().expect("headers"), properties)
    }

    fn string(headers: &FieldTable, name: &str) -> String {
        match headers.inner().get(name) {
            Some(AMQPValue::LongString(text)) => text.to_string(),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn a_row_cannot_replace_a_header_of_the_relay() {
        let (headers, _) = headers_of(r#"{"event-type": "forged", "retry-count": "many", "colour": "blue"}"#);
        assert_eq!(string(&headers, "event-type"), "order.placed");
        assert_eq!(headers.inner().get("retry-count"), Some(&AMQPValue::LongInt(0)));
        assert_eq!(string(&headers, "colour"), "blue");
    }

    #[test]
    fn the_correlation_id_is_a_header_and_a_property() {
        let (headers, properties) = headers_of(r#"{"correlation-id": "c-1"}"#);
        assert_eq!(string(&headers, "correlation-id"), "c-1");
        assert_eq!(properties.correlation_id().as_ref().map(ShortString::as_str), Some("c-1"));
    }

    #[test]
    fn what_is_unknown_is_left_out() {
        let (headers, properties) = headers_of(r#"{"causation-id": null}"#);
        for name in ["correlation-id", "causation-id", "traceparent", "aggregate-version"] {
            assert!(!headers.contains_key(name), "{name}");
        }
        assert!(properties.correlation_id().is_none());
    }

    #[test]
    fn json_values_keep_their_kind() {
        let (headers, _) =
            headers_of(r#"{"n": 5, "big": 5000000000, "half": 0.5, "yes": true, "list": [1, "a"]}"#);
        let value = |name: &str| headers.inner().get(name).cloned();
        assert_eq!(value("n"), Some(AMQPValue::LongInt(5)));
        assert_eq!(value("big"), Some(AMQPValue::LongLongInt(5_000_000_000)));
        assert_eq!(value("half"), Some(AMQPValue::Double(0.5)));
        assert_eq!(value("yes"), Some(AMQPValue::Boolean(true)));
        assert!(matches!(value("list"), Some(AMQPValue::FieldArray(list)) if list.as_slice().len() == 2));
    }

    #[test]
    fn a_dead_letter_says_where_it_came_from() {
        let note = DeadLetterNote {
            error: &"x".repeat(5000),
            original_exchange: "commercial-management",
            failed_at: DateTime::UNIX_EPOCH,
        };
        let properties = properties(&sample(1, "a"), Some(&note));
        let headers = properties.headers().clone().expect("headers");
        assert_eq!(string(&headers, "original-routing-key"), "order.placed");
        assert_eq!(string(&headers, "failed-at"), "1970-01-01T00:00:00.000000Z");
        assert_eq!(string(&headers, "error").len(), ERROR_CHARS);
    }
}
