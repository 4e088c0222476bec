//! An event as clients of the log get it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use diesel::Queryable;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::amounts;
use super::position::Position;
use super::sight::Sight;
use crate::outbox::JsonText;
use crate::values::ids::TenantId;

/// Payloads of more bytes than this are left out of the log; the message on the broker has them.
pub(super) const MAX_PAYLOAD: i32 = 256 * 1024;

/// The end of a message of an event stream.
const END: &str = "\n\n";

/// An event as the statements of the log return it.
#[derive(Debug, Clone, Queryable)]
pub(super) struct EventRow {
    /// The transaction that wrote it first, and the seq that it drew.
    pub(super) transaction: i64,
    pub(super) seq: i64,
    pub(super) id: Uuid,
    pub(super) tenant_id: Uuid,
    pub(super) event_type: String,
    pub(super) schema_version: i16,
    pub(super) aggregate_type: String,
    pub(super) aggregate_id: String,
    pub(super) aggregate_version: Option<i64>,
    pub(super) occurred_at: DateTime<Utc>,
    pub(super) origin: Option<Value>,
    pub(super) correlation_id: Option<String>,
    /// `None` if it is larger than [`MAX_PAYLOAD`].
    pub(super) payload: Option<JsonText>,
}

/// An event of the log.
#[derive(Debug, Clone)]
pub struct FeedEvent {
    pub tenant_id: TenantId,
    pub event_type: String,
    pub aggregate_type: String,
    pub aggregate_id: String,
    /// The client that caused it, if it said so.
    pub client_id: Option<String>,
    /// The event as a JSON object, on one line.
    pub json: String,
}

/// An event and its position, as they are sent to whoever listens.
#[derive(Debug, Clone)]
pub struct Entry {
    pub event: FeedEvent,
    /// The message of an event stream: `id`, `event` and `data`.
    pub frame: Bytes,
    /// The same without amounts, once somebody was shown it who may not see them.
    pub(super) bare: OnceLock<Arc<Self>>,
}

/// Who did something.
#[derive(Debug, Serialize, Deserialize)]
struct Actor {
    /// Of the user or the API key; null for an operator.
    id: Option<Uuid>,
    name: String,
}

/// What the column `origin` holds.
#[derive(Debug, Default, Deserialize)]
struct Origin {
    #[serde(default)]
    actor: Option<Actor>,
    #[serde(default)]
    client_id: Option<String>,
}

#[derive(Serialize)]
struct Object<'a> {
    id: Uuid,
    #[serde(rename = "type")]
    event_type: &'a str,
    schema_version: i16,
    tenant_id: Uuid,
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    aggregate_version: Option<i64>,
    occurred_at: String,
    actor: Option<Actor>,
    correlation_id: Option<&'a str>,
    payload: Option<&'a RawValue>,
}

impl From<EventRow> for FeedEvent {
    fn from(row: EventRow) -> Self {
        // A form that a later version wrote is nobody's.
        let origin = row.origin.and_then(|origin| serde_json::from_value(origin).ok());
        let Origin { actor, client_id } = origin.unwrap_or_default();
        let payload = row.payload.as_ref().and_then(|JsonText(text)| serde_json::from_slice(text).ok());
        let object = Object {
            id: row.id,
            event_type: &row.event_type,
            schema_version: row.schema_version,
            tenant_id: row.tenant_id,
            aggregate_type: &row.aggregate_type,
            aggregate_id: &row.aggregate_id,
            aggregate_version: row.aggregate_version,
            occurred_at: row.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            actor,
            correlation_id: row.correlation_id.as_deref(),
            payload,
        };
        // Cannot fail: there are no maps with keys that are no texts. Between the tokens of a payload, which is kept as it was
        // written, a line may end; within a token JSON has none.
        let json = serde_json::to_string(&object).unwrap_or_default().replace(['\n', '\r'], " ");
        let (event_type, aggregate_type, aggregate_id) =
            (row.event_type, row.aggregate_type, row.aggregate_id);
        let tenant_id = TenantId::from_uuid(row.tenant_id);
        Self { tenant_id, event_type, aggregate_type, aggregate_id, client_id, json }
    }
}

impl Entry {
    pub(super) fn new(event: FeedEvent, position: &Position) -> Self {
        // Another program's type may hold anything.
        let name = event.event_type.replace(['\n', '\r', '\0'], " ");
        let frame = format!("id: {position}\nevent: {name}\ndata: {}{END}", event.json).into();
        Self { event, frame, bare: OnceLock::new() }
    }

    /// The event as it is shown with this sight: the same one where nothing is left out.
    pub(super) fn seen_by(self: &Arc<Self>, sight: Sight) -> Arc<Self> {
        let hidden = sight.hides(&self.event.event_type);
        if hidden.is_empty() {
            return Arc::clone(self);
        }
        // A kind of event has one set of amounts, so whoever does not see them sees the same.
        Arc::clone(self.bare.get_or_init(|| Arc::new(self.without(hidden))))
    }

    fn without(&self, members: &[&str]) -> Self {
        let json = amounts::without(&self.event.json, members);
        let head = self.frame.len().saturating_sub(self.event.json.len() + END.len());
        let frame = [&self.frame[..head], json.as_bytes(), END.as_bytes()].concat().into();
        Self { event: FeedEvent { json, ..self.event.clone() }, frame, bare: OnceLock::new() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::application::{PermissionSet, Role};

    fn row(payload: &str) -> EventRow {
        EventRow {
            transaction: 7,
            seq: 9,
            id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            event_type: "order.placed".to_owned(),
            schema_version: 1,
            aggregate_type: "order".to_owned(),
            aggregate_id: "a".to_owned(),
            aggregate_version: Some(1),
            occurred_at: DateTime::UNIX_EPOCH,
            origin: Some(json!({"actor": {"id": null, "name": "root@host"}, "client_id": "tab-1"})),
            correlation_id: Some("c".to_owned()),
            payload: Some(JsonText(payload.as_bytes().to_vec())),
        }
    }

    #[test]
    fn every_digit_of_a_payload_is_kept_and_it_fits_one_line() {
        let event = FeedEvent::from(row("{\"n\":\r\n 1.230000000000000000000000000001, \"s\": \"a\\nb\"}"));
        assert!(event.json.contains("1.230000000000000000000000000001") && !event.json.contains('\n'));
        let read: Value = serde_json::from_str(&event.json).expect("JSON");
        assert_eq!(read["payload"]["s"], "a\nb");
        assert_eq!((&read["actor"]["name"], &read["type"]), (&json!("root@host"), &json!("order.placed")));
        assert_eq!(event.client_id.as_deref(), Some("tab-1"));
    }

    #[test]
    fn an_event_is_shown_without_its_amounts_to_whoever_may_not_see_them() {
        let payload = r#"{"lines":[{"unit_price":"7919.13","quantity":"2"}],"net_total":"15838.26"}"#;
        let entry = Arc::new(Entry::new(row(payload).into(), &Position::start()));
        assert!(Arc::ptr_eq(&entry, &entry.seen_by(Sight::of(Role::Sales.permissions()))), "as it is");
        let bare = entry.seen_by(Sight::of(Role::Warehouse.permissions()));
        assert!(Arc::ptr_eq(&bare, &entry.seen_by(Sight::of(PermissionSet::EMPTY))), "made once");
        assert_eq!(
            bare.event.json,
            entry.event.json.replace("\"7919.13\"", "null").replace("\"15838.26\"", "null")
        );
        let (frame, whole) = (text(&bare.frame), text(&entry.frame));
        assert_eq!(frame, whole.replace(&entry.event.json, &bare.event.json));
        assert!(
            frame.contains("\"quantity\":\"2\"") && !frame.contains("7919") && frame.ends_with("}\n\n"),
            "{frame}"
        );
    }

    fn text(frame: &Bytes) -> &str {
        std::str::from_utf8(frame).expect("text")
    }

    #[test]
    fn what_another_program_writes_breaks_no_frame() {
        let mut foreign = row("1");
        foreign.event_type = "a\nid: 1\n\nb".to_owned();
        foreign.origin = Some(json!([1]));
        let entry = Entry::new(foreign.into(), &Position::start());
        let frame = std::str::from_utf8(&entry.frame).expect("text");
        assert_eq!(frame.lines().count(), 4, "{frame}");
        assert!(frame.ends_with("\n\n") && frame.contains("\"actor\":null"));
    }
}
