//! The CloudEvents envelope: structured mode, JSON format, version 1.0 (docs/relay.md lists the attributes).
//!
//! The payload is copied into `data` byte for byte, so that no digit of a number is lost. The database has checked that it is
//! JSON. Attributes describe the event and are the same in every delivery. The facts about one delivery (retry count, replay,
//! the note of a dead letter) are in the headers only.

use std::io::Write;

use comptoir_core::outbox::OutboxRow;
use comptoir_core::platform::config::ConfigError;
use fluent_uri::{Uri, UriRef};
use lapin::types::{AMQPValue, FieldTable};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::rfc3339;

pub(super) const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// The usual size of the attributes beside the payload.
const ATTRIBUTES_BYTES: usize = 768;
/// RFC 3986's unreserved characters stay as they are in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Headers of the row that become attributes as well (the extensions Correlation and Distributed Tracing), if they are
/// strings that an attribute may hold.
const FROM_HEADERS: [(&str, &str); 4] = [
    ("correlation-id", "correlationid"),
    ("causation-id", "causationid"),
    ("traceparent", "traceparent"),
    ("tracestate", "tracestate"),
];

/// `relay.envelope`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EnvelopeFormat {
    /// The body is the payload.
    Plain,
    CloudEvents,
}

/// Puts payloads into envelopes.
#[derive(Debug, Clone)]
pub(super) struct CloudEvents {
    source: String,
    dataschema_base: String,
}

impl CloudEvents {
    pub(super) fn new(source: &str, dataschema_base: &str) -> Self {
        Self { source: source.to_owned(), dataschema_base: dataschema_base.to_owned() }
    }

    /// Returns the envelope with the row's payload; `headers` are those of the row.
    pub(super) fn wrap(&self, row: &OutboxRow, headers: &FieldTable) -> Vec<u8> {
        let mut body = Vec::with_capacity(row.payload.0.len() + ATTRIBUTES_BYTES);
        body.extend_from_slice(br#"{"specversion":"1.0""#);
        // Ids, times and numbers have nothing to escape. Writing to a Vec does not fail.
        let _ = write!(body, r#","id":"{}""#, row.id);
        string(&mut body, "source", &self.source);
        string(&mut body, "type", &row.event_type);
        string(&mut body, "subject", &row.aggregate_id);
        let _ = write!(body, r#","time":"{}""#, rfc3339(row.occurred_at));
        body.extend_from_slice(br#","datacontenttype":"application/json""#);
        if !self.dataschema_base.is_empty() {
            let schema = data_schema(&self.dataschema_base, &row.event_type, row.schema_version);
            string(&mut body, "dataschema", &schema);
        }
        let _ = write!(body, r#","tenantid":"{}","schemaversion":{}"#, row.tenant_id, row.schema_version);
        string(&mut body, "aggregatetype", &row.aggregate_type);
        if let Some(version) = row.aggregate_version.filter(|version| *version >= 0) {
            // Sorts as text, as the extension Sequence requires. An Integer of CloudEvents has 32 bits.
            let _ = write!(body, r#","sequence":"{version:019}""#);
            if i32::try_from(version).is_ok() {
                let _ = write!(body, r#","aggregateversion":{version}"#);
            }
        }
        for (header, attribute) in FROM_HEADERS {
            if let Some(AMQPValue::LongString(value)) = headers.inner().get(header)
                && let Ok(value) = std::str::from_utf8(value.as_bytes())
                && !value.is_empty()
                && value.chars().all(is_allowed)
            {
                string(&mut body, attribute, value);
            }
        }
        body.extend_from_slice(br#","data":"#);
        body.extend_from_slice(&row.payload.0);
        body.push(b'}');
        body
    }
}

/// Returns the reason why a row cannot be a CloudEvent, in words for the writer; `None` if it can.
pub(super) fn obstacle(row: &OutboxRow) -> Option<String> {
    let columns = [
        ("event_type", &row.event_type),
        ("aggregate_type", &row.aggregate_type),
        ("aggregate_id", &row.aggregate_id),
    ];
    columns.into_iter().find_map(|(name, text)| {
        let forbidden = u32::from(text.chars().find(|c| !is_allowed(*c))?);
        Some(format!("{name} has the character U+{forbidden:04X}, which CloudEvents forbids in attributes"))
    })
}

/// Whether a string attribute may contain the character. CloudEvents 1.0, section "Type System": no control characters and
/// no noncharacters.
fn is_allowed(c: char) -> bool {
    let code = u32::from(c);
    !c.is_control() && code & 0xFFFE != 0xFFFE && !(0xFDD0..=0xFDEF).contains(&code)
}

/// Returns `base` with the name under which the API serves the schema: `/api/schemas/order.placed.v1.json`.
fn data_schema(base: &str, event_type: &str, schema_version: i16) -> String {
    format!("{base}{}.v{schema_version}.json", utf8_percent_encode(event_type, SEGMENT))
}

fn string(body: &mut Vec<u8>, attribute: &str, value: &str) {
    let _ = write!(body, r#","{attribute}":"#);
    let _ = serde_json::to_writer(body, value);
}

/// # Errors
/// Fails if a setting would make every event invalid; names the setting.
pub(crate) fn validate(source: &str, dataschema_base: &str) -> Result<(), ConfigError> {
    if source.is_empty() || UriRef::parse(source).is_err() {
        return Err(ConfigError::value(
            "relay.cloudevents_source",
            "must be a URI reference, such as https://shop.example/orders or /orders, with other characters percent-encoded",
        ));
    }
    if !dataschema_base.is_empty() && Uri::parse(data_schema(dataschema_base, "a", 1)).is_err() {
        return Err(ConfigError::value(
            "relay.cloudevents_dataschema_base",
            "must be empty or the beginning of an absolute URI, such as https://shop.example/schemas/",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::engine::sample;
    use crate::message::headers;

    fn wrapped(row: &OutboxRow, base: &str) -> (String, Value) {
        let headers = headers::parse(&row.headers.0).expect("sendable");
        let text = String::from_utf8(CloudEvents::new("/shop", base).wrap(row, &headers)).expect("UTF-8");
        let value = serde_json::from_str(&text).expect("JSON");
        (text, value)
    }

    #[test]
    fn every_attribute_is_where_the_specification_has_it() {
        let mut row = sample(1, "o-7");
        row.aggregate_version = Some(3);
        row.headers.0 =
            br#"{"correlation-id": "c-1", "causation-id": "", "traceparent": "00-a", "tracestate": 5}"#
                .to_vec();
        let (_, event) = wrapped(&row, "https://shop.example/schemas/");
        assert_eq!(
            event,
            json!({
                "specversion": "1.0",
                "id": "00000000-0000-0000-0000-000000000001",
                "source": "/shop",
                "type": "order.placed",
                "subject": "o-7",
                "time": "1970-01-01T00:00:00.000000Z",
                "datacontenttype": "application/json",
                "dataschema": "https://shop.example/schemas/order.placed.v1.json",
                "tenantid": "00000000-0000-0000-0000-000000000000",
                "schemaversion": 1,
                "aggregatetype": "order",
                "sequence": "0000000000000000003",
                "aggregateversion": 3,
                "correlationid": "c-1",
                "traceparent": "00-a",
                "data": {},
            })
        );
    }

    #[test]
    fn the_payload_is_kept_byte_for_byte() {
        let payload = r#" {"price": 1.10, "huge": 1e400 , "twice": 1, "twice": 2} "#;
        let mut row = sample(1, "a");
        row.payload.0 = payload.as_bytes().to_vec();
        let headers = FieldTable::default();
        let body = String::from_utf8(CloudEvents::new("/shop", "").wrap(&row, &headers)).expect("UTF-8");
        assert!(body.ends_with(&format!(r#""data":{payload}}}"#)), "{body}");
    }

    #[test]
    fn a_version_that_is_no_integer_of_cloudevents_is_in_the_sequence_alone() {
        let mut row = sample(1, "a");
        row.aggregate_version = Some(5_000_000_000);
        let (_, event) = wrapped(&row, "");
        assert_eq!(event["sequence"], "0000000005000000000");
        assert_eq!(event.get("aggregateversion"), None);
        row.aggregate_version = Some(-1);
        assert_eq!(wrapped(&row, "").1.get("sequence"), None);
    }

    #[test]
    fn characters_that_the_specification_forbids_are_named() {
        let mut row = sample(1, "a");
        assert_eq!(obstacle(&row), None);
        row.aggregate_id = "é \"😀\" \u{200d}".to_owned();
        assert_eq!(obstacle(&row), None);
        for forbidden in ["\u{7}", "\u{7f}", "\u{85}", "\u{fdd0}", "\u{ffff}", "\u{1fffe}"] {
            row.aggregate_id = format!("a{forbidden}");
            let problem = obstacle(&row).expect("forbidden");
            assert!(problem.starts_with("aggregate_id has the character U+"), "{problem}");
        }
    }

    #[test]
    fn the_settings_are_checked_by_name() {
        for (source, base) in [("/shop", ""), ("urn:shop", "https://a.example/?type="), ("..", "urn:x:")] {
            validate(source, base).expect("valid");
        }
        for (source, base, name) in [
            ("", "", "relay.cloudevents_source"),
            ("a b", "", "relay.cloudevents_source"),
            ("/é", "", "relay.cloudevents_source"),
            ("/shop", "schemas/", "relay.cloudevents_dataschema_base"),
            ("/shop", "https://a b/", "relay.cloudevents_dataschema_base"),
        ] {
            let error = validate(source, base).expect_err(name);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn an_event_type_is_encoded_in_the_schemas_uri() {
        assert_eq!(data_schema("https://a/", "a b/c?é.d", 2), "https://a/a%20b%2Fc%3F%C3%A9.d.v2.json");
    }
}
