//! `relay dead-letters show`: everything about each dead letter. Numbers in the payload keep every digit.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Write;

use chrono::{DateTime, Utc};
use comptoir_core::outbox::dead_letters::{self, Details, Filter};
use comptoir_core::platform::database;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{NOTHING, complain_about, list, unknown};
use crate::config::Config;
use crate::details::{self, raw};
use crate::error::{DatabaseFault, RelayError};
use crate::json_array::JsonArray;
use crate::message::RoutingFacts;
use crate::notes;

#[derive(Debug, Serialize)]
struct Shown<'a> {
    id: Uuid,
    seq: i64,
    tenant_id: Uuid,
    event_type: &'a str,
    /// The key by the current rules. The key that was used is in the message's header `original-routing-key`.
    routing_key: Cow<'a, str>,
    schema_version: i16,
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    aggregate_version: Option<i64>,
    occurred_at: DateTime<Utc>,
    reason: &'a str,
    last_error: Option<&'a str>,
    retry_count: i32,
    failed_at: DateTime<Utc>,
    headers: &'a RawValue,
    payload: &'a RawValue,
}

pub(super) async fn run(config: &Config, filter: &Filter, json: bool) -> Result<(), RelayError> {
    let mut connection = database::connect(&config.database).await.map_err(DatabaseFault::from)?;
    let mut ids = Vec::new();
    list::for_each(&mut connection, filter, u32::MAX, |row| {
        ids.push(row.id);
        Ok(())
    })
    .await?;
    let mut array = json.then(|| JsonArray::begin(std::io::stdout().lock()));
    let mut found = HashSet::new();
    // Loads one dead letter at a time: a payload may be large.
    for id in ids {
        let row = dead_letters::details(&mut connection, id).await.map_err(DatabaseFault::from)?;
        let Some(row) = row else { continue };
        found.insert(id);
        match &mut array {
            Some(array) => array.push(&shown(config, &row)?)?,
            None => {
                let _ = writeln!(std::io::stdout(), "{}", text(config, &row)?);
            }
        }
    }
    if let Some(array) = array {
        array.end();
    }
    if found.is_empty() && filter.ids.is_none() {
        notes::say(NOTHING);
    }
    complain_about(&unknown(filter, &found))
}

fn shown<'a>(config: &'a Config, row: &'a Details) -> Result<Shown<'a>, RelayError> {
    let facts = RoutingFacts {
        event_type: &row.event_type,
        aggregate_type: &row.aggregate_type,
        aggregate_id: &row.aggregate_id,
        tenant_id: row.tenant_id,
        schema_version: row.schema_version,
    };
    Ok(Shown {
        id: row.id,
        seq: row.seq,
        tenant_id: row.tenant_id,
        event_type: &row.event_type,
        routing_key: config.routing.key(facts),
        schema_version: row.schema_version,
        aggregate_type: &row.aggregate_type,
        aggregate_id: &row.aggregate_id,
        aggregate_version: row.aggregate_version,
        occurred_at: row.occurred_at,
        reason: &row.reason,
        last_error: row.last_error.as_deref(),
        retry_count: row.retry_count,
        failed_at: row.failed_at,
        headers: raw(&row.headers)?,
        payload: raw(&row.payload)?,
    })
}

fn text(config: &Config, row: &Details) -> Result<String, RelayError> {
    let Shown { headers, payload, routing_key, .. } = shown(config, row)?;
    let version = row.aggregate_version.map_or_else(|| "–".to_owned(), |version| version.to_string());
    let lines = [
        ("id", row.id.to_string()),
        ("event type", format!("{} (version {})", row.event_type, row.schema_version)),
        ("routing key", routing_key.into_owned()),
        ("aggregate", format!("{} {}", row.aggregate_type, row.aggregate_id)),
        ("aggregate version", version),
        ("tenant", row.tenant_id.to_string()),
        ("seq", row.seq.to_string()),
        ("occurred at", row.occurred_at.to_rfc3339()),
        ("failed at", row.failed_at.to_rfc3339()),
        ("reason", row.reason.clone()),
        ("last error", row.last_error.clone().unwrap_or_default()),
        ("retries", row.retry_count.to_string()),
        ("headers", headers.get().to_owned()),
        ("payload", payload.get().to_owned()),
    ];
    Ok(details::lines(lines))
}
