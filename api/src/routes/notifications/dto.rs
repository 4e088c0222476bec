//! The events as JSON, and the parameters with which they are asked for.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use comptoir_core::feed::{Position, log};
use comptoir_core::outbox::EventTypes;
use comptoir_core::values::invalid::Invalid;
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::extract::{Faults, Several, Text, read_from_text};
use crate::middleware::is_id;

/// Patterns in one request at most.
const MAX_TYPES: usize = 20;
pub(super) const MAX_LIMIT: u16 = 200;
const DEFAULT_LIMIT: u16 = 50;

/// An event, as it is in the log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LoggedEvent)]
pub(crate) struct EventObject {
    /// The id of the event, which is also that of its message on the broker.
    id: Uuid,
    #[schema(example = "order.confirmed")]
    r#type: String,
    #[schema(example = 1)]
    schema_version: i16,
    tenant_id: Uuid,
    #[schema(example = "order")]
    aggregate_type: String,
    #[schema(example = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b")]
    aggregate_id: String,
    #[schema(example = 2)]
    aggregate_version: Option<i64>,
    occurred_at: DateTime<Utc>,
    /// Who did it; null for what another program wrote.
    actor: Option<ActorObject>,
    /// What everything has in common that one request caused.
    #[schema(example = "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0c")]
    correlation_id: Option<String>,
    /// As `/api/schemas/{name}` describes it; null if it has more than 256 KiB.
    #[schema(value_type = Option<Object>, example = json!({"order_id": "01936f5e-7c1a-7d3e-9a4b-5c6d7e8f9a0b", "confirmed_at": "2026-11-21T08:00:00.000000Z"}))]
    payload: serde_json::Value,
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventActor)]
pub(crate) struct ActorObject {
    /// Of the user or the API key; null for an operator.
    id: Option<Uuid>,
    /// An e-mail address, the name of a key, or `user@host`, as it was then.
    #[schema(example = "alice@carmes.example")]
    name: String,
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventPage)]
pub(crate) struct EventPage {
    data: Vec<EventObject>,
    /// Where the next page begins: the `after` of the next request, at once or later.
    #[schema(example = "AY9xZ3QDgICAAQAqgNLPvAY")]
    next: String,
}

/// Writes a page: the events are JSON already.
pub(super) fn page(page: &log::Page) -> String {
    let size = page.events.iter().map(|entry| entry.event.json.len() + 1).sum::<usize>() + 128;
    let mut text = String::with_capacity(size);
    text.push_str("{\"data\":[");
    for (index, entry) in page.events.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&entry.event.json);
    }
    let _ = write!(text, "],\"next\":\"{}\"}}", page.next);
    text
}

/// A pattern of event types.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TypePattern(pub(crate) EventTypes);

read_from_text!(TypePattern => |text| {
    let is_clean = !text.chars().any(char::is_control);
    text.parse().ok().filter(|_| is_clean).map(TypePattern).ok_or_else(|| {
        Invalid::new("not_a_pattern", "expected an event type, or a pattern such as order.* (one word) or order.# (any number)")
    })
});

/// The id that a client gave itself.
#[derive(Debug, Clone)]
pub(crate) struct ClientId(pub(crate) String);

read_from_text!(ClientId => |text| {
    if is_id(text) {
        Ok(ClientId(text.to_owned()))
    } else {
        Err(Invalid::new("not_an_id", "expected 1 to 128 visible characters of ASCII"))
    }
});

/// A position in the log.
#[derive(Debug, Clone)]
pub(crate) struct After(pub(crate) Position);

read_from_text!(After => |text| {
    Position::parse(text).map(After).map_err(|error| Invalid::new("unknown_position", error.to_string()))
});

/// The number of events in a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit(pub(crate) u16);

read_from_text!(Limit => |text| {
    text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)).map(Limit).ok_or_else(|| {
        Invalid::new("out_of_range", format!("expected a number from 1 to {MAX_LIMIT}"))
    })
});

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT_LIMIT)
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamParameters {
    /// Only events of these types, separated by commas: `order.placed`, or patterns as in RabbitMQ, `order.*` or `#`.
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "order.*,customer.created")]
    pub(super) types: Option<Several<TypePattern, MAX_TYPES>>,
    /// The `Comptoir-Client-Id` that this client sends with its commands: the stream leaves out what it did itself.
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "tab-7f3a")]
    pub(super) client_id: Option<ClientId>,
    /// Where to go on, for a client that cannot send the header `Last-Event-ID`.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    pub(super) last_event_id: Option<Text>,
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventParameters {
    /// The `next` of the page before, or the `id` of a message of the stream. Without it, the log begins with the oldest event that is
    /// kept.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    pub(super) after: Option<After>,
    /// Only events of these types, separated by commas: `order.placed`, or patterns as in RabbitMQ, `order.*` or `#`.
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "order.*,customer.created")]
    pub(super) types: Option<Several<TypePattern, MAX_TYPES>>,
    /// The maximum number of events in one page, 1 to 200; 50 by default.
    #[deserr(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200)]
    pub(super) limit: Option<Limit>,
}

/// The patterns of a request.
pub(super) fn patterns(types: Option<Several<TypePattern, MAX_TYPES>>) -> Vec<EventTypes> {
    types.into_iter().flat_map(|Several(types)| types).map(|TypePattern(types)| types).collect()
}
