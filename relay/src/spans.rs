//! A span for every message whose row belongs to a recorded trace: from the hand-over to the client to the broker's verdict.
//! The message keeps the row's `traceparent` (docs/tracing.md).

use std::collections::HashMap;

use comptoir_core::outbox::OutboxRow;
use comptoir_core::platform::spans::{self, Attribute, Beginning, Span, Spans};
use comptoir_core::platform::trace_parent::TraceParent;
use serde::Deserialize;
use uuid::Uuid;

use crate::config::BrokerConfig;
use crate::message::Composed;
use crate::publisher::{Message, Verdict};

/// The spans of the messages in flight: at most `relay.window` of them. Empty, and free of cost, where no spans are exported.
#[derive(Debug)]
pub(crate) struct PublishSpans {
    spans: Option<&'static Spans>,
    open: HashMap<Uuid, Span>,
    server: (String, i64),
}

impl PublishSpans {
    pub(crate) fn new(broker: &BrokerConfig) -> Self {
        let server = broker.uri().map(|uri| (uri.authority.host, uri.authority.port.into()));
        Self { spans: spans::active(), open: HashMap::new(), server: server.unwrap_or_default() }
    }

    /// Begins the span of a message that is about to be handed to the client.
    pub(crate) fn begin(&mut self, message: &Message, composed: &Composed) {
        let Some(spans) = self.spans else { return };
        let row = &message.event().row;
        let Some(traceparent) = traceparent(row) else { return };
        let begun = spans.producer(&traceparent, || {
            let mut attributes = attributes(row, composed);
            attributes.push(Attribute::new("server.address", self.server.0.clone()));
            attributes.push(Attribute::new("server.port", self.server.1));
            Beginning { name: format!("send {}", composed.exchange), attributes }
        });
        self.open.extend(begun.map(|span| (row.id, span)));
    }

    /// Ends the spans of messages that the broker decided, or never will decide.
    pub(crate) fn end(&mut self, messages: &[(Message, Verdict)]) {
        if self.open.is_empty() {
            return;
        }
        for (message, verdict) in messages {
            let Some(mut span) = self.open.remove(&message.event().row.id) else { continue };
            match verdict {
                Verdict::Published => {}
                Verdict::Returned => span.fail("unroutable"),
                Verdict::Nacked => span.fail("nacked"),
                Verdict::Unknown => span.fail("unconfirmed"),
            }
        }
    }
}

/// Returns the attributes by OpenTelemetry's semantic conventions for messaging with RabbitMQ.
fn attributes(row: &OutboxRow, composed: &Composed) -> Vec<Attribute> {
    let (exchange, routing_key) = (composed.exchange.as_str(), composed.routing_key.as_str());
    let bytes = i64::try_from(composed.body.len()).unwrap_or(i64::MAX);
    vec![
        Attribute::new("messaging.system", "rabbitmq"),
        Attribute::new("messaging.operation.type", "send"),
        Attribute::new("messaging.operation.name", "send"),
        Attribute::new("messaging.destination.name", format!("{exchange}:{routing_key}")),
        Attribute::new("messaging.rabbitmq.destination.routing_key", routing_key.to_owned()),
        Attribute::new("messaging.message.id", row.id.to_string()),
        Attribute::new("messaging.message.body.size", bytes),
    ]
}

fn traceparent(row: &OutboxRow) -> Option<TraceParent> {
    #[derive(Deserialize)]
    struct Traced {
        traceparent: Option<String>,
    }
    TraceParent::parse(&serde_json::from_slice::<Traced>(&row.headers.0).ok()?.traceparent?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sample;

    #[test]
    fn a_row_without_a_trace_has_no_span() {
        let mut row = sample(1, "a");
        assert_eq!(traceparent(&row), None);
        for headers in
            [r#"{"traceparent": 5}"#, r#"{"traceparent": "00-x-y-01"}"#, r#"{"correlation-id": "c"}"#, "[]"]
        {
            row.headers.0 = headers.as_bytes().to_vec();
            assert_eq!(traceparent(&row), None, "{headers}");
        }
        const TRACED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        row.headers.0 = format!(r#"{{"colour": {{"a": 1}}, "traceparent": "{TRACED}"}}"#).into_bytes();
        assert_eq!(traceparent(&row).map(|parent| parent.to_string()).as_deref(), Some(TRACED));
    }
}
