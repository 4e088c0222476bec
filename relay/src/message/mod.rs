//! Makes an AMQP message of an event: routing key, properties, headers, body (docs/relay.md).
//!
//! An event that cannot be a message is found here, before it is sent. The broker would close the connection instead, without
//! telling which event was the cause.

mod cloud_event;
mod headers;
mod routing;

use chrono::{DateTime, SecondsFormat, Utc};
use comptoir_core::outbox::OutboxRow;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

use self::cloud_event::CloudEvents;
use crate::config::Config;
use crate::error::EventFault;

pub(crate) use self::cloud_event::{EnvelopeFormat, validate as validate_cloud_events};
pub(crate) use self::routing::{Routing, RoutingFacts};

const PERSISTENT: u8 = 2;
const CONTENT_TYPE: &str = "application/json";
const APP_ID: &str = "comptoir";
/// The limit of an AMQP short string (names and routing keys), whose length field is one byte.
pub(crate) const SHORT_STRING_BYTES: usize = 255;
/// The length to which an error, or a long routing key, is cut in the note of a dead letter.
const NOTE_CHARS: usize = 1000;
/// The most bytes in a message's header frame beside the row's headers: names of up to 400 bytes, two notes of 4 bytes a
/// character, and the frame's own parts.
const OWN_BYTES: usize = 4096 + 2 * 4 * NOTE_CHARS;
/// The smallest frame with which every message can be sent. RabbitMQ's default is 128 KiB.
pub(crate) const LEAST_FRAME_BYTES: usize = 16 * 1024;
/// JSON grows by less than this factor when it becomes AMQP: `[1]` takes 3 bytes in JSON and 10 in AMQP; strings shrink.
const GROWTH: usize = 4;

/// Makes messages of events, as configured.
#[derive(Debug, Clone)]
pub(crate) struct Composer {
    exchange: ShortString,
    dead_letter_exchange: ShortString,
    routing: Routing,
    cloud_events: Option<CloudEvents>,
}

/// Limits on the size of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The size of a frame, as agreed with the broker: all headers of a message are sent in one frame.
    pub(crate) frame_bytes: usize,
    /// The size of a body.
    pub(crate) body_bytes: usize,
}

/// A message, ready to be published.
#[derive(Debug)]
pub(crate) struct Composed {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
}

impl Composer {
    pub(crate) fn new(config: &Config) -> Self {
        let relay = &config.relay;
        Self {
            exchange: short(config.broker.exchange.as_str()),
            dead_letter_exchange: short(config.broker.dead_letter_exchange.as_str()),
            routing: config.routing.clone(),
            cloud_events: match relay.envelope {
                EnvelopeFormat::Plain => None,
                EnvelopeFormat::CloudEvents => {
                    Some(CloudEvents::new(&relay.cloudevents_source, &relay.cloudevents_dataschema_base))
                }
            },
        }
    }

    /// Returns the message for an event.
    ///
    /// # Errors
    /// Fails if the event cannot be sent.
    pub(crate) fn event(&self, row: &OutboxRow, limits: Limits) -> Result<Composed, EventFault> {
        limits.check_body(row.payload_bytes())?;
        let key = self.routing.key(row.into());
        let too_long = |_| EventFault::RoutingKeyTooLong { bytes: key.len(), limit: SHORT_STRING_BYTES };
        let routing_key = ShortString::try_new(key.as_ref()).map_err(too_long)?;
        let row_headers = row_headers(row, limits).map_err(EventFault::Unsendable)?;
        if self.cloud_events.is_some()
            && let Some(obstacle) = cloud_event::obstacle(row)
        {
            return Err(EventFault::Unsendable(obstacle));
        }
        let body = self.body(row, &row_headers);
        limits.check_body(body.len())?;
        let properties = self.properties(row, with_own(row_headers, row));
        Ok(Composed { exchange: self.exchange.clone(), routing_key, properties, body })
    }

    /// Returns the dead letter of an event: the same message with a note, for the exchange of dead letters. Parts that cannot
    /// be sent, such as the row's headers or a routing key that is too long, are left out.
    pub(crate) fn dead_letter(
        &self,
        row: &OutboxRow,
        error: &str,
        failed_at: DateTime<Utc>,
        limits: Limits,
    ) -> Composed {
        let key = self.routing.key(row.into());
        let routing_key =
            ShortString::try_new(key.as_ref()).unwrap_or_else(|_| short(row.event_type.as_str()));
        let row_headers = row_headers(row, limits).unwrap_or_default();
        let body = self.body(row, &row_headers);
        let mut headers = with_own(row_headers, row);
        put(&mut headers, "error", text(cut(error)));
        put(&mut headers, "original-exchange", text(self.exchange.as_str()));
        put(&mut headers, "original-routing-key", text(cut(&key)));
        put(&mut headers, "failed-at", text(rfc3339(failed_at)));
        let properties = self.properties(row, headers);
        Composed { exchange: self.dead_letter_exchange.clone(), routing_key, properties, body }
    }

    /// Returns the size of an event's body, as the broker measures it.
    pub(crate) fn body_bytes(&self, row: &OutboxRow) -> usize {
        match &self.cloud_events {
            None => row.payload.0.len(),
            Some(envelope) => envelope.wrap(row, &headers::parse(&row.headers.0).unwrap_or_default()).len(),
        }
    }

    fn body(&self, row: &OutboxRow, row_headers: &FieldTable) -> Vec<u8> {
        match &self.cloud_events {
            None => row.payload.0.clone(),
            Some(envelope) => envelope.wrap(row, row_headers),
        }
    }

    fn properties(&self, row: &OutboxRow, headers: FieldTable) -> BasicProperties {
        let correlation_id = match headers.inner().get(headers::CORRELATION_ID) {
            Some(AMQPValue::LongString(id)) => ShortString::try_new(id.to_string()).ok(),
            _ => None,
        };
        let content_type = if self.cloud_events.is_some() { cloud_event::CONTENT_TYPE } else { CONTENT_TYPE };
        let properties = BasicProperties::default()
            .with_content_type(short(content_type))
            .with_delivery_mode(PERSISTENT)
            .with_message_id(short(row.id.to_string()))
            .with_type(short(row.event_type.as_str()))
            .with_timestamp(row.occurred_at.timestamp().max(0).unsigned_abs())
            .with_app_id(short(APP_ID))
            .with_headers(headers);
        match correlation_id {
            Some(id) => properties.with_correlation_id(id),
            None => properties,
        }
    }
}

impl Limits {
    fn check_body(self, bytes: usize) -> Result<(), EventFault> {
        let limit = self.body_bytes;
        if bytes > limit { Err(EventFault::TooLarge { bytes, limit }) } else { Ok(()) }
    }
}

/// Adds the headers that the relay sets to the row's headers.
fn with_own(mut headers: FieldTable, row: &OutboxRow) -> FieldTable {
    put(&mut headers, "event-id", text(row.id.to_string()));
    put(&mut headers, "event-type", text(row.event_type.as_str()));
    put(&mut headers, "aggregate-type", text(row.aggregate_type.as_str()));
    put(&mut headers, "aggregate-id", text(row.aggregate_id.as_str()));
    if let Some(version) = row.aggregate_version {
        put(&mut headers, "aggregate-version", AMQPValue::LongLongInt(version));
    }
    put(&mut headers, "tenant-id", text(row.tenant_id.to_string()));
    put(&mut headers, "schema-version", AMQPValue::LongInt(row.schema_version.into()));
    put(&mut headers, "occurred-at", text(rfc3339(row.occurred_at)));
    put(&mut headers, "retry-count", AMQPValue::LongInt(row.retry_count));
    headers
}

/// Returns the row's headers if all of them fit into one frame, also in a dead letter.
fn row_headers(row: &OutboxRow, limits: Limits) -> Result<FieldTable, String> {
    let json = row.headers.0.as_slice();
    let headers = headers::parse(json)?;
    let room = limits.frame_bytes.saturating_sub(OWN_BYTES);
    if json.len() * GROWTH > room {
        let bytes = headers::encoded_bytes(&headers);
        if bytes > room {
            return Err(format!(
                "the headers have {bytes} bytes, and a frame of the broker has room for {room}"
            ));
        }
    }
    Ok(headers)
}

/// Returns an AMQP short string. A text that is too long, which the table refuses, becomes empty and does not panic.
pub(crate) fn short(text: impl Into<String>) -> ShortString {
    ShortString::try_new(text).unwrap_or_default()
}

fn put(headers: &mut FieldTable, name: &'static str, value: AMQPValue) {
    headers.insert(short(name), value);
}

fn text(value: impl Into<String>) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value.into()))
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(NOTE_CHARS).map_or(text, |(end, _)| &text[..end])
}

fn rfc3339(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sample;

    const FRAME: usize = 128 * 1024;
    const LIMITS: Limits = Limits { frame_bytes: FRAME, body_bytes: 500 };

    fn composer(overrides: &[(&str, &str)]) -> Composer {
        let overrides: Vec<_> = overrides.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        Composer::new(&Config::load(None, &overrides).expect("valid"))
    }

    fn row_with(headers: &str) -> OutboxRow {
        let mut row = sample(1, "a");
        row.headers.0 = headers.as_bytes().to_vec();
        row
    }

    fn composed(headers: &str) -> (FieldTable, BasicProperties) {
        let message = composer(&[]).event(&row_with(headers), LIMITS).expect("sendable");
        (message.properties.headers().clone().expect("headers"), message.properties)
    }

    fn string(headers: &FieldTable, name: &str) -> String {
        match headers.inner().get(name) {
            Some(AMQPValue::LongString(text)) => text.to_string(),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn a_row_cannot_replace_a_header_of_the_relay() {
        let (headers, _) = composed(r#"{"event-type": "forged", "retry-count": "many", "colour": "blue"}"#);
        assert_eq!(string(&headers, "event-type"), "order.placed");
        assert_eq!(headers.inner().get("retry-count"), Some(&AMQPValue::LongInt(0)));
        assert_eq!(string(&headers, "colour"), "blue");
    }

    #[test]
    fn the_correlation_id_is_a_header_and_a_property() {
        let (headers, properties) = composed(r#"{"correlation-id": "c-1"}"#);
        assert_eq!(string(&headers, "correlation-id"), "c-1");
        assert_eq!(properties.correlation_id().as_ref().map(ShortString::as_str), Some("c-1"));
    }

    #[test]
    fn what_is_unknown_is_left_out() {
        let (headers, properties) = composed(r#"{"causation-id": null}"#);
        for name in ["correlation-id", "causation-id", "traceparent", "aggregate-version"] {
            assert!(!headers.contains_key(name), "{name}");
        }
        assert!(properties.correlation_id().is_none());
    }

    #[test]
    fn a_dead_letter_says_where_it_came_from() {
        let letter = composer(&[]).dead_letter(
            &row_with(r#"{"error": "the row's own"}"#),
            &"é".repeat(5000),
            DateTime::UNIX_EPOCH,
            LIMITS,
        );
        assert_eq!(letter.exchange.as_str(), "commercial-management.dlx");
        let headers = letter.properties.headers().clone().expect("headers");
        assert_eq!(string(&headers, "original-exchange"), "commercial-management");
        assert_eq!(string(&headers, "original-routing-key"), "order.placed");
        assert_eq!(string(&headers, "failed-at"), "1970-01-01T00:00:00.000000Z");
        assert_eq!(string(&headers, "error").chars().count(), NOTE_CHARS);
    }

    #[test]
    fn headers_larger_than_a_frame_are_the_events_own_fault_and_its_dead_letter_goes_without_them() {
        let row = row_with(&format!(r#"{{"h": "{}"}}"#, "v".repeat(FRAME)));
        let fault = composer(&[]).event(&row, LIMITS).expect_err("too large");
        assert!(matches!(&fault, EventFault::Unsendable(problem) if problem.contains("131")), "{fault}");
        let letter = composer(&[]).dead_letter(&row, "why", DateTime::UNIX_EPOCH, LIMITS);
        let headers = letter.properties.headers().clone().expect("headers");
        assert_eq!((string(&headers, "error"), headers.contains_key("h")), ("why".to_owned(), false));
        // The smallest frame that is accepted has room for a message and some headers.
        let message = composer(&[])
            .event(&row_with(r#"{"colour": "blue"}"#), Limits { frame_bytes: LEAST_FRAME_BYTES, ..LIMITS });
        message.expect("sendable");
    }

    #[test]
    fn the_limit_is_for_what_is_sent() {
        let mut row = sample(1, "a");
        row.payload.0 = vec![b'1'; 500];
        composer(&[]).event(&row, LIMITS).expect("exactly the limit");
        let enveloped = composer(&[("relay.envelope", "cloudevents")]);
        let fault = enveloped.event(&row, LIMITS).expect_err("larger");
        assert!(matches!(fault, EventFault::TooLarge { bytes: 501.., limit: 500 }), "{fault}");
        assert!(enveloped.body_bytes(&row) > 500);
    }

    #[test]
    fn a_dead_letter_whose_text_the_envelope_forbids_is_still_written() {
        let composer = composer(&[("relay.envelope", "cloudevents")]);
        let row = sample(1, "bell\u{7}");
        let fault = composer.event(&row, LIMITS).expect_err("forbidden");
        assert_eq!(fault.reason(), "unsendable");
        let letter = composer.dead_letter(&row, "why", DateTime::UNIX_EPOCH, LIMITS);
        let body: serde_json::Value = serde_json::from_slice(&letter.body).expect("JSON");
        assert_eq!(body["subject"], "bell\u{7}");
    }
}
