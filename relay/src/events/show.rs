//! `relay events show`: everything about each event, wherever it is.

use std::borrow::Cow;
use std::io::Write;

use chrono::{DateTime, TimeDelta, Utc};
use comptoir_core::outbox::event_queries::{self, Details};
use comptoir_core::outbox::operations;
use comptoir_core::platform::database;
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{NOTHING, Selection};
use crate::config::Config;
use crate::details::{self, raw};
use crate::error::{DatabaseFault, RelayError};
use crate::json_array::JsonArray;
use crate::message::RoutingFacts;
use crate::notes;

/// The most events that are shown if no id is given.
const SHOWN: i64 = 100;

#[derive(Debug, Serialize)]
struct Shown<'a> {
    /// `outbox`, `dead-letters` or `history`.
    place: &'a str,
    id: Uuid,
    seq: i64,
    tenant_id: Uuid,
    event_type: &'a str,
    /// The key by the current rules.
    routing_key: Cow<'a, str>,
    schema_version: i16,
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    aggregate_version: Option<i64>,
    occurred_at: DateTime<Utc>,
    retry_count: i32,
    next_attempt_at: Option<DateTime<Utc>>,
    last_error: Option<&'a str>,
    failed_at: Option<DateTime<Utc>>,
    reason: Option<&'a str>,
    published_at: Option<DateTime<Utc>>,
    headers: &'a RawValue,
    payload: &'a RawValue,
}

pub(super) async fn run(config: &Config, selection: &Selection, json: bool) -> Result<(), RelayError> {
    if selection.is_everything() {
        return Err(RelayError::Usage("show needs an ID or a filter".to_owned()));
    }
    let mut connection = database::connect(&config.database).await.map_err(DatabaseFault::from)?;
    let mut output = Output { config, array: json.then(|| JsonArray::begin(std::io::stdout().lock())) };
    let mut unknown = Vec::new();
    if selection.is_ids() {
        for id in &selection.ids {
            if !show_anywhere(config, &mut connection, *id, &mut output).await? {
                unknown.push(id.to_string());
            }
        }
    } else {
        show_pending(&mut connection, selection, &mut output).await?;
    }
    if let Some(array) = output.array {
        array.end();
    }
    if unknown.is_empty() {
        return Ok(());
    }
    Err(RelayError::Incomplete(format!(
        "neither in the outbox nor among the dead letters nor in the history: {}",
        unknown.join(", ")
    )))
}

/// Loads and shows one event at a time: a payload may be large.
async fn show_pending(
    connection: &mut AsyncPgConnection,
    selection: &Selection,
    output: &mut Output<'_>,
) -> Result<(), RelayError> {
    let rows = event_queries::list(connection, &selection.filter(), 0, SHOWN + 1)
        .await
        .map_err(DatabaseFault::from)?;
    if rows.is_empty() {
        notes::say(NOTHING);
    }
    for row in rows.iter().take(usize::try_from(SHOWN).unwrap_or(usize::MAX)) {
        // The event may have been published meanwhile.
        if let Some(event) = event_queries::pending(connection, row.id).await.map_err(DatabaseFault::from)? {
            output.show(&event)?;
        }
    }
    if rows.len() > usize::try_from(SHOWN).unwrap_or(usize::MAX) {
        notes::say(&format!("there are more: these are the {SHOWN} oldest; relay events list has the ids"));
    }
    Ok(())
}

/// Shows the event in every place where it is; returns false if there is none. An event whose dead letter holds its aggregate
/// is in two places.
async fn show_anywhere(
    config: &Config,
    connection: &mut AsyncPgConnection,
    id: Uuid,
    output: &mut Output<'_>,
) -> Result<bool, RelayError> {
    let pending = event_queries::pending(connection, id).await.map_err(DatabaseFault::from)?;
    let dead = event_queries::dead(connection, id).await.map_err(DatabaseFault::from)?;
    let mut found: Vec<Details> = pending.into_iter().chain(dead).collect();
    if found.is_empty() {
        found.extend(published(config, connection, id).await.map_err(DatabaseFault::from)?);
    }
    for event in &found {
        output.show(event)?;
    }
    Ok(!found.is_empty())
}

/// Searches the history, the newest day first: no statement reads more than a day, and most searches are for events of today.
async fn published(
    config: &Config,
    connection: &mut AsyncPgConnection,
    id: Uuid,
) -> diesel::QueryResult<Option<Details>> {
    let now = operations::clock(connection).await?;
    // Older events are dropped by whole days, so a day may be a little older than the retention.
    let days = i64::from(config.history.retention_days) + 2;
    for day in 0..=days {
        // The first range includes events that were published since `now`.
        let until = now - TimeDelta::days(day) + TimeDelta::days(1);
        let from = if day == days { DateTime::UNIX_EPOCH } else { until - TimeDelta::days(1) };
        if let Some(event) = event_queries::published(connection, id, from, until).await? {
            return Ok(Some(event));
        }
    }
    Ok(None)
}

struct Output<'a> {
    config: &'a Config,
    array: Option<JsonArray<std::io::StdoutLock<'static>>>,
}

impl Output<'_> {
    fn show(&mut self, event: &Details) -> Result<(), RelayError> {
        let shown = shown(self.config, event)?;
        match &mut self.array {
            Some(array) => array.push(&shown)?,
            // A reader that has gone away, such as `head`, is not an error.
            None => {
                let _ = writeln!(std::io::stdout(), "{}", text(shown));
            }
        }
        Ok(())
    }
}

fn shown<'a>(config: &'a Config, event: &'a Details) -> Result<Shown<'a>, RelayError> {
    let facts = RoutingFacts {
        event_type: &event.event_type,
        aggregate_type: &event.aggregate_type,
        aggregate_id: &event.aggregate_id,
        tenant_id: event.tenant_id,
        schema_version: event.schema_version,
    };
    let settled = |place: &str| event.settled_at.filter(|_| event.place == place);
    Ok(Shown {
        place: &event.place,
        id: event.id,
        seq: event.seq,
        tenant_id: event.tenant_id,
        event_type: &event.event_type,
        routing_key: config.routing.key(facts),
        schema_version: event.schema_version,
        aggregate_type: &event.aggregate_type,
        aggregate_id: &event.aggregate_id,
        aggregate_version: event.aggregate_version,
        occurred_at: event.occurred_at,
        retry_count: event.retry_count,
        next_attempt_at: event.next_attempt_at,
        last_error: event.last_error.as_deref(),
        failed_at: settled("dead-letters"),
        reason: event.reason.as_deref(),
        published_at: settled("history"),
        headers: raw(&event.headers)?,
        payload: raw(&event.payload)?,
    })
}

fn text(event: Shown<'_>) -> String {
    let place = match event.place {
        "dead-letters" => "a dead letter (relay dead-letters)",
        "history" => "published (in the history)",
        _ => "in the outbox: not settled",
    };
    let time = |name, at: Option<DateTime<Utc>>| at.map(|at| (name, at.to_rfc3339()));
    let word = |name, text: Option<&str>| text.map(|text| (name, text.to_owned()));
    let version = event.aggregate_version.map_or_else(|| "–".to_owned(), |version| version.to_string());
    let lines = [
        Some(("where", place.to_owned())),
        Some(("id", event.id.to_string())),
        Some(("event type", format!("{} (version {})", event.event_type, event.schema_version))),
        Some(("routing key", event.routing_key.into_owned())),
        Some(("aggregate", format!("{} {}", event.aggregate_type, event.aggregate_id))),
        Some(("aggregate version", version)),
        Some(("tenant", event.tenant_id.to_string())),
        Some(("seq", event.seq.to_string())),
        Some(("occurred at", event.occurred_at.to_rfc3339())),
        time("published at", event.published_at),
        time("failed at", event.failed_at),
        word("reason", event.reason),
        time("next attempt at", event.next_attempt_at),
        word("last error", event.last_error),
        Some(("retries", event.retry_count.to_string())),
        Some(("headers", event.headers.get().to_owned())),
        Some(("payload", event.payload.get().to_owned())),
    ];
    details::lines(lines.into_iter().flatten())
}
