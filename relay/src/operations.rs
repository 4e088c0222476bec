//! `relay operations`: lists the operators' decisions about events. Changes nothing.

use chrono::{DateTime, Utc};
use comptoir_core::outbox::operations::{self, Filter, OperationRecord};
use comptoir_core::platform::database;
use comptoir_core::platform::table::{self, Column};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::answer_timeout::answered;
use crate::config::Config;
use crate::error::{DatabaseFault, RelayError};
use crate::json_array::JsonArray;
use crate::notes;
use comptoir_core::platform::when::{self, in_seconds};

const MOST: i64 = 10_000;
const COLUMNS: &[Column] = &[
    Column::whole("began"),
    Column::text("operator", 10),
    Column::whole("operation"),
    Column::number("events"),
    Column::text("asked for", 12),
    Column::whole("ended"),
    Column::whole("id"),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Begun then or later: RFC 3339, a date, or how long ago (90m, 24h, 7d)
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    since: Option<DateTime<Utc>>,
    /// That requeued or discarded this event; a replay does not note its events
    #[arg(long, value_name = "ID")]
    event: Option<Uuid>,
    /// Operations, at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=MOST))]
    limit: i64,
    /// As one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: Uuid,
    at: DateTime<Utc>,
    operator: &'a str,
    host: &'a str,
    operation: &'a str,
    filter: &'a Value,
    count: i64,
    /// `None` while the operation runs, and for ever if it was killed.
    finished_at: Option<DateTime<Utc>>,
}

/// # Errors
/// Fails if the database cannot be reached.
pub(crate) async fn run(config: &Config, arguments: &Arguments) -> Result<(), RelayError> {
    let filter = Filter { since: arguments.since, event_id: arguments.event };
    let mut connection = database::connect(&config.database).await.map_err(DatabaseFault::from)?;
    // One row more than is shown tells whether there are more.
    let listed = operations::list(&mut connection, &filter, arguments.limit + 1);
    let mut rows = answered(&config.database, listed).await?;
    let shown = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let is_cut = rows.len() > shown;
    rows.truncate(shown);
    if arguments.json {
        let mut array = JsonArray::begin(std::io::stdout().lock());
        for row in &rows {
            array.push(&line(row))?;
        }
        array.end();
    } else if !rows.is_empty() {
        let cells: Vec<_> = rows.iter().map(cells).collect();
        table::print(COLUMNS, &cells);
    }
    if rows.is_empty() {
        notes::say("no operation matches");
    } else if is_cut {
        notes::say(&format!(
            "there are more: these are the {} newest; --limit N shows more of them",
            arguments.limit
        ));
    }
    Ok(())
}

fn line(row: &OperationRecord) -> Line<'_> {
    Line {
        id: row.id,
        at: row.at,
        operator: &row.operator,
        host: &row.host,
        operation: &row.operation,
        filter: &row.filter,
        count: row.count,
        finished_at: row.finished_at,
    }
}

fn cells(row: &OperationRecord) -> Vec<String> {
    vec![
        in_seconds(row.at),
        row.operator.clone(),
        row.operation.clone(),
        row.count.to_string(),
        asked_for(&row.filter),
        row.finished_at.map_or_else(|| "no, or not yet".to_owned(), in_seconds),
        row.id.to_string(),
    ]
}

/// `event_type=order.* since=2026-01-31T12:00:00Z`
fn asked_for(filter: &Value) -> String {
    let Some(keys) = filter.as_object() else { return filter.to_string() };
    let word = |(key, value): (&String, &Value)| match value {
        Value::Bool(true) => key.clone(),
        Value::String(text) => format!("{key}={text}"),
        other => format!("{key}={other}"),
    };
    keys.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_asked_for_is_one_readable_line() {
        let filter = json!({"all": true});
        assert_eq!(asked_for(&filter), "all");
        let filter = json!({"event_type": "order.*", "after_seq": 5});
        assert_eq!(asked_for(&filter), "after_seq=5 event_type=order.*");
    }
}
