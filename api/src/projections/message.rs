//! Reads what a message says of itself: docs/relay.md describes properties and headers.

use comptoir_core::projections::{Arrived, Told};
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The envelope of the relay's other format, whose payload is its member `data`.
const CLOUD_EVENTS: &str = "application/cloudevents+json";

#[derive(Deserialize)]
struct CloudEvent<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Returns the message as the inbox takes it. Never fails: what is missing or wrong fails when its turn comes, where it can be looked at.
pub(super) fn arrived(delivery: &Delivery) -> Arrived {
    let properties = &delivery.properties;
    let empty = FieldTable::default();
    let headers = properties.headers().as_ref().unwrap_or(&empty);
    let header = |name: &str| headers.inner().get(name).and_then(text);
    let number = |name: &str| headers.inner().get(name).and_then(integer);
    let property = |value: &Option<lapin::types::ShortString>| value.as_ref().map(ToString::to_string);
    let told = Told {
        message_id: property(properties.message_id()).or_else(|| header("event-id")),
        tenant_id: header("tenant-id"),
        aggregate_type: header("aggregate-type"),
        aggregate_id: header("aggregate-id"),
        aggregate_version: number("aggregate-version"),
        event_type: header("event-type").or_else(|| property(properties.kind())),
        schema_version: number("schema-version"),
        correlation_id: property(properties.correlation_id()).or_else(|| header("correlation-id")),
        causation_id: header("causation-id"),
        occurred_at: header("occurred-at"),
    };
    let media_type = property(properties.content_type()).unwrap_or_default();
    Arrived::new(told, payload(&delivery.data, &media_type))
}

fn payload(body: &[u8], media_type: &str) -> Vec<u8> {
    if !media_type.starts_with(CLOUD_EVENTS) {
        return body.to_vec();
    }
    match serde_json::from_slice::<CloudEvent<'_>>(body) {
        Ok(event) => event.data.get().as_bytes().to_vec(),
        Err(_) => body.to_vec(),
    }
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}

fn integer(value: &AMQPValue) -> Option<i64> {
    match value {
        AMQPValue::ShortShortInt(number) => Some((*number).into()),
        AMQPValue::ShortShortUInt(number) => Some((*number).into()),
        AMQPValue::ShortInt(number) => Some((*number).into()),
        AMQPValue::ShortUInt(number) => Some((*number).into()),
        AMQPValue::LongInt(number) => Some((*number).into()),
        AMQPValue::LongUInt(number) => Some((*number).into()),
        AMQPValue::LongLongInt(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_of_a_cloud_event_is_its_data_digit_by_digit() {
        let event = br#"{"specversion":"1.0","id":"1","data": {"a": 1.50}}"#;
        assert_eq!(payload(event, "application/cloudevents+json; charset=UTF-8"), br#"{"a": 1.50}"#);
        assert_eq!(payload(b"{}", "application/json"), b"{}");
        assert_eq!(payload(b"no JSON", CLOUD_EVENTS), b"no JSON");
    }

    #[test]
    fn a_version_is_read_whatever_kind_of_integer_it_is() {
        for value in [AMQPValue::LongLongInt(7), AMQPValue::LongInt(7), AMQPValue::ShortShortUInt(7)] {
            assert_eq!(integer(&value), Some(7));
        }
        assert_eq!(integer(&AMQPValue::LongString("7".into())), None);
    }
}
