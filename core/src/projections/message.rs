//! A message as it arrived, in values that the inbox can hold whatever they are.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The longest text of a property or a header that is kept, in characters: AMQP permits 255 bytes for most.
const LONGEST: usize = 255;

/// What a message says of itself, in its properties and headers.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub message_id: Option<String>,
    pub tenant_id: Option<String>,
    pub aggregate_type: Option<String>,
    pub aggregate_id: Option<String>,
    pub aggregate_version: Option<i64>,
    pub event_type: Option<String>,
    pub schema_version: Option<i64>,
    pub correlation_id: Option<String>,
    pub causation_id: Option<String>,
    /// RFC 3339.
    pub occurred_at: Option<String>,
}

/// A message as the inbox keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) message_id: String,
    pub(super) aggregate_type: String,
    pub(super) aggregate_id: String,
    pub(super) aggregate_version: Option<i64>,
    pub(super) event_type: String,
    pub(super) schema_version: Option<i64>,
    pub(super) payload: Vec<u8>,
    pub(super) correlation_id: Option<String>,
    pub(super) causation_id: Option<String>,
    pub(super) occurred_at: Option<DateTime<Utc>>,
}

impl Arrived {
    /// Never refuses: what cannot be read becomes a row all the same, and fails when its turn comes.
    pub fn new(told: Told, payload: Vec<u8>) -> Self {
        let event_type = told.event_type.map(|text| kept(&text)).unwrap_or_default();
        let message_id = match told.message_id.map(|text| kept(&text)).filter(|id| !id.is_empty()) {
            Some(id) => id,
            // Without an id, the same message twice is what has the same content.
            None => {
                let digest =
                    Sha256::new_with_prefix(&event_type).chain_update([0]).chain_update(&payload).finalize();
                format!("sha256:{}", hex::encode(digest))
            }
        };
        let aggregate_id = told.aggregate_id.map(|text| kept(&text)).filter(|id| !id.is_empty());
        Self {
            tenant_id: told.tenant_id.and_then(|text| Uuid::try_parse(&text).ok()).unwrap_or_default(),
            id: Uuid::try_parse(&message_id).unwrap_or_else(|_| Uuid::now_v7()),
            aggregate_type: told.aggregate_type.map(|text| kept(&text)).unwrap_or_default(),
            // One of its own: it holds no other message back.
            aggregate_id: aggregate_id.unwrap_or_else(|| message_id.clone()),
            message_id,
            aggregate_version: told.aggregate_version,
            event_type,
            schema_version: told.schema_version,
            payload,
            correlation_id: told.correlation_id.map(|text| kept(&text)),
            causation_id: told.causation_id.map(|text| kept(&text)),
            occurred_at: told.occurred_at.and_then(|text| time(&text)),
        }
    }
}

/// The beginning of a text, without what PostgreSQL cannot store.
fn kept(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_message_lacks_it_is_kept_and_recognised() {
        let nothing = Arrived::new(Told::default(), b"\xff".to_vec());
        assert_eq!(nothing.tenant_id, Uuid::nil());
        assert_eq!(nothing.aggregate_id, nothing.message_id, "it holds nothing back");
        let again = Arrived::new(Told::default(), b"\xff".to_vec());
        assert_eq!(again.message_id, nothing.message_id);
        let other = Arrived::new(Told::default(), b"\xfe".to_vec());
        assert_ne!(other.message_id, nothing.message_id);
    }

    #[test]
    fn texts_are_cut_to_what_can_be_stored() {
        let told = Told {
            message_id: Some("a\0b".to_owned()),
            event_type: Some("é".repeat(300)),
            occurred_at: Some("2026-13-01".to_owned()),
            ..Told::default()
        };
        let arrived = Arrived::new(told, Vec::new());
        assert_eq!(arrived.message_id, "ab");
        assert_eq!(arrived.event_type.chars().count(), LONGEST);
        assert_eq!(arrived.occurred_at, None);
    }

    #[test]
    fn an_id_that_is_a_uuid_is_the_rows_own() {
        let id = Uuid::now_v7();
        let told = Told { message_id: Some(id.to_string()), ..Told::default() };
        assert_eq!(Arrived::new(told, Vec::new()).id, id);
    }
}
