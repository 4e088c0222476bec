//! The AsyncAPI document (`schema/asyncapi.json`) and the list of events in docs/events.md, made of the contracts.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::contracts::Contract;

/// Exchanges are configurable (`relay.exchange`); this is the default.
const EXCHANGE: &str = "commercial-management";

pub(super) fn asyncapi(contracts: &[(String, Contract)]) -> Value {
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for (name, contract) in contracts {
        let Contract { event_type, version, schema, .. } = contract;
        messages.insert(name.clone(), message(contract));
        let channel = channels.entry(*event_type).or_insert_with(|| channel(event_type));
        channel["messages"][name] = json!({"$ref": format!("#/components/messages/{name}")});
        operations.insert(
            format!("publish.{name}"),
            json!({
                "action": "send",
                "summary": schema["description"],
                "channel": {"$ref": format!("#/channels/{event_type}")},
                "messages": [{"$ref": format!("#/channels/{event_type}/messages/{name}")}],
                "bindings": {"amqp": {"deliveryMode": 2, "mandatory": true, "timestamp": true, "bindingVersion": "0.3.0"}},
                "tags": [{"name": event_type.split('.').next().unwrap_or_default()}, {"name": format!("version {version}")}],
            }),
        );
    }
    json!({
        "asyncapi": "3.1.0",
        "info": {
            "title": "Comptoir: events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": include_str!("asyncapi.md"),
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"rabbitmq": {
            "host": "127.0.0.1:5672",
            "protocol": "amqp",
            "protocolVersion": "0.9.1",
            "description": "RabbitMQ, as the operator has set it up",
        }},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": {"headers": headers()}},
    })
}

fn channel(event_type: &str) -> Value {
    json!({
        "address": event_type,
        "description": format!("Messages with the routing key `{event_type}`; bind a queue of your own to the exchange with it."),
        "messages": {},
        "bindings": {"amqp": {
            "is": "routingKey",
            "exchange": {"name": EXCHANGE, "type": "topic", "durable": true, "autoDelete": false},
            "bindingVersion": "0.3.0",
        }},
    })
}

fn message(contract: &Contract) -> Value {
    let Contract { event_type, aggregate_type, version, aggregate_id, aggregate_version, schema, example } =
        contract;
    let mut payload = in_line(schema, &schema["$defs"]);
    for keyword in ["$defs", "$id", "$schema"] {
        if let Some(members) = payload.as_object_mut() {
            members.remove(keyword);
        }
    }
    json!({
        "name": event_type,
        "title": schema["title"],
        "summary": schema["description"],
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/headers"},
        "payload": payload,
        "correlationId": {"location": "$message.header#/correlation-id", "description": "The request that began it"},
        "bindings": {"amqp": {"messageType": event_type, "bindingVersion": "0.3.0"}},
        "examples": [{
            "name": "an_example",
            "headers": {
                "event-id": "019b7600-0000-7000-8000-00000000000e",
                "event-type": event_type,
                "aggregate-type": aggregate_type,
                "aggregate-id": aggregate_id,
                "aggregate-version": aggregate_version,
                "tenant-id": "019b7600-0000-7000-8000-000000000005",
                "schema-version": version,
                "occurred-at": "2026-01-01T00:00:00.123456Z",
                "retry-count": 0,
            },
            "payload": example,
        }],
    })
}

/// Puts the definitions in the place of the references to them: the document is one file, and a reference would begin at its
/// root.
fn in_line(schema: &Value, definitions: &Value) -> Value {
    match schema {
        Value::Object(members) => match members.get("$ref").and_then(Value::as_str) {
            Some(reference) => in_line(&definitions[reference.trim_start_matches("#/$defs/")], definitions),
            None => {
                members.iter().map(|(name, member)| (name.clone(), in_line(member, definitions))).collect()
            }
        },
        Value::Array(items) => items.iter().map(|item| in_line(item, definitions)).collect(),
        value => value.clone(),
    }
}

fn headers() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let uuid = |description: &str| json!({"type": "string", "format": "uuid", "description": description});
    let number = |description: &str| json!({"type": "integer", "description": description});
    json!({
        "type": "object",
        "required": ["event-id", "event-type", "aggregate-type", "aggregate-id", "tenant-id", "schema-version", "occurred-at", "retry-count"],
        "properties": {
            "event-id": uuid("The message id: drop repeats by it."),
            "event-type": text("The type, which is also the routing key."),
            "aggregate-type": text("The kind of thing to which it happened."),
            "aggregate-id": text("The id of that thing: events of one arrive in order."),
            "aggregate-version": number("The position among the events of that thing."),
            "tenant-id": uuid("The company."),
            "correlation-id": text("The request that began it, or what that request carried."),
            "causation-id": text("The request, or the event, that caused it."),
            "schema-version": number("The version of the payload's schema."),
            "occurred-at": {"type": "string", "format": "date-time", "description": "RFC 3339, UTC."},
            "retry-count": number("Attempts to publish it that failed before."),
            "traceparent": text("The trace (W3C Trace Context)."),
            "replayed": {"type": "boolean", "description": "There and true if it was published again from the history."},
        },
    })
}

/// Returns the list of docs/events.md.
pub(super) fn markdown(contracts: &[(String, Contract)]) -> String {
    let mut text = String::new();
    for (name, Contract { event_type, version, schema, example, .. }) in contracts {
        let when = schema["description"].as_str().unwrap_or_default();
        let _ = write!(
            text,
            "\n## `{event_type}`, version {version}\n\n{when} [Schema](../schema/events/{name}.schema.json)\n\n"
        );
        let example = serde_json::to_string_pretty(example).unwrap_or_default();
        let _ = write!(text, "```json\n{example}\n```\n");
    }
    text
}
