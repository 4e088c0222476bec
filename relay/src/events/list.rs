//! `relay events list`: a page of the outbox, with the reason why each event waits.

use chrono::{DateTime, Utc};
use comptoir_core::outbox::event_queries::{self, Filter, Summary};
use comptoir_core::platform::database;
use comptoir_core::platform::table::{self, Column};
use serde::Serialize;
use uuid::Uuid;

use super::NOTHING;
use crate::answer_timeout::answered;
use crate::config::Config;
use crate::error::{DatabaseFault, RelayError};
use crate::json_array::JsonArray;
use crate::notes;
use comptoir_core::platform::when::in_seconds;

const COLUMNS: &[Column] = &[
    Column::whole("occurred"),
    Column::whole("id"),
    Column::text("event", 12),
    Column::text("aggregate", 10),
    Column::whole("state"),
    Column::whole("next attempt"),
    Column::number("retries"),
    // `show` has the whole text.
    Column::text("last error", 10),
];

#[derive(Debug, Serialize)]
struct Line<'a> {
    seq: i64,
    id: Uuid,
    tenant_id: Uuid,
    event_type: &'a str,
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    occurred_at: DateTime<Utc>,
    state: &'a str,
    next_attempt_at: Option<DateTime<Utc>>,
    retry_count: i32,
    last_error: Option<&'a str>,
}

pub(super) async fn run(
    config: &Config,
    filter: &Filter,
    limit: i64,
    after_seq: i64,
    json: bool,
) -> Result<(), RelayError> {
    let mut connection = database::connect(&config.database).await.map_err(DatabaseFault::from)?;
    // One row more than is shown tells whether there are more.
    let listed = event_queries::list(&mut connection, filter, after_seq, limit + 1);
    let mut rows = answered(&config.database, listed).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_cut = rows.len() > shown;
    rows.truncate(shown);
    if json {
        let mut array = JsonArray::begin(std::io::stdout().lock());
        for row in &rows {
            array.push(&line(row))?;
        }
        array.end();
    } else if !rows.is_empty() {
        let cells: Vec<_> = rows.iter().map(cells).collect();
        table::print(COLUMNS, &cells);
    }
    match rows.last() {
        None => notes::say(NOTHING),
        Some(last) if is_cut => notes::say(&format!(
            "there are more: these are the {limit} oldest; --limit N shows more of them, --after-seq {} the next",
            last.seq
        )),
        Some(_) => {}
    }
    Ok(())
}

fn line(row: &Summary) -> Line<'_> {
    Line {
        seq: row.seq,
        id: row.id,
        tenant_id: row.tenant_id,
        event_type: &row.event_type,
        aggregate_type: &row.aggregate_type,
        aggregate_id: &row.aggregate_id,
        occurred_at: row.occurred_at,
        state: &row.state,
        next_attempt_at: row.next_attempt_at,
        retry_count: row.retry_count,
        last_error: row.last_error.as_deref(),
    }
}

fn cells(row: &Summary) -> Vec<String> {
    vec![
        in_seconds(row.occurred_at),
        row.id.to_string(),
        row.event_type.clone(),
        format!("{} {}", row.aggregate_type, row.aggregate_id),
        row.state.clone(),
        row.next_attempt_at.map(in_seconds).unwrap_or_default(),
        row.retry_count.to_string(),
        row.last_error.clone().unwrap_or_default(),
    ]
}
