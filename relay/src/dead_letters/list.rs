//! `relay dead-letters list`: a table for people, a JSON array for programs. Notes go to standard error.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use comptoir_core::outbox::dead_letters::{self, Filter, Summary};
use comptoir_core::platform::database;
use comptoir_core::platform::table::{self, Column};
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use uuid::Uuid;

use super::{NOTHING, complain_about, unknown};
use crate::config::Config;
use crate::error::{DatabaseFault, RelayError};
use crate::json_array::JsonArray;
use crate::notes;
use comptoir_core::platform::when::in_seconds;

const PAGE: u32 = 500;
const ROWS_IN_TABLE: u32 = 100;
const COLUMNS: &[Column] = &[
    Column::whole("failed"),
    Column::whole("id"),
    Column::text("event", 12),
    Column::text("aggregate", 10),
    Column::text("reason", 8),
    Column::number("retries"),
    // `show` has the whole text.
    Column::text("last error", 10),
];

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: Uuid,
    event_type: &'a str,
    aggregate_type: &'a str,
    aggregate_id: &'a str,
    reason: &'a str,
    last_error: Option<&'a str>,
    retry_count: i32,
    failed_at: DateTime<Utc>,
}

pub(super) async fn run(
    config: &Config,
    filter: &Filter,
    limit: Option<u32>,
    json: bool,
) -> Result<(), RelayError> {
    let mut connection = database::connect(&config.database).await.map_err(DatabaseFault::from)?;
    let mut found = HashSet::new();
    let complete = limit.is_none();
    if json {
        let mut array = JsonArray::begin(std::io::stdout().lock());
        let limit = limit.unwrap_or(u32::MAX);
        for_each(&mut connection, filter, limit, |row| {
            found.insert(row.id);
            array.push(&line(row))
        })
        .await?;
        array.end();
        if found.is_empty() && filter.ids.is_none() {
            notes::say(NOTHING);
        }
    } else {
        // Ids that were named are all shown.
        let named = u32::try_from(filter.ids.iter().flatten().count()).unwrap_or(u32::MAX);
        let limit = limit.unwrap_or(ROWS_IN_TABLE.max(named));
        let mut rows = Vec::new();
        // One row more than is shown tells whether there are more.
        let more = for_each(&mut connection, filter, limit.saturating_add(1), |row| {
            found.insert(row.id);
            rows.push(row.clone());
            Ok(())
        })
        .await?
            > u64::from(limit);
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        if rows.is_empty() {
            // Ids that are missing are named below.
            if filter.ids.is_none() {
                notes::say(NOTHING);
            }
        } else {
            let rows: Vec<_> = rows.iter().map(cells).collect();
            table::print(COLUMNS, &rows);
        }
        if more {
            notes::say(&format!(
                "there are more: these are the {limit} newest; --limit N shows more of them"
            ));
        }
    }
    if complete { complain_about(&unknown(filter, &found)) } else { Ok(()) }
}

/// Visits the newest dead letters, page by page, and returns how many it has visited.
pub(super) async fn for_each(
    connection: &mut AsyncPgConnection,
    filter: &Filter,
    limit: u32,
    mut visit: impl FnMut(&Summary) -> Result<(), RelayError>,
) -> Result<u64, RelayError> {
    let (mut left, mut visited, mut after) = (limit, 0, None);
    while left > 0 {
        let page = dead_letters::list(connection, filter, after, left.min(PAGE).into())
            .await
            .map_err(DatabaseFault::from)?;
        for row in &page {
            visit(row)?;
        }
        let read = u32::try_from(page.len()).unwrap_or(u32::MAX);
        visited += u64::from(read);
        left -= read.min(left);
        if read < PAGE {
            break;
        }
        after = page.last().map(|row| (row.failed_at, row.id));
    }
    Ok(visited)
}

fn line(row: &Summary) -> Line<'_> {
    Line {
        id: row.id,
        event_type: &row.event_type,
        aggregate_type: &row.aggregate_type,
        aggregate_id: &row.aggregate_id,
        reason: &row.reason,
        last_error: row.last_error.as_deref(),
        retry_count: row.retry_count,
        failed_at: row.failed_at,
    }
}

fn cells(row: &Summary) -> Vec<String> {
    vec![
        in_seconds(row.failed_at),
        row.id.to_string(),
        row.event_type.clone(),
        format!("{} {}", row.aggregate_type, row.aggregate_id),
        row.reason.clone(),
        row.retry_count.to_string(),
        row.last_error.clone().unwrap_or_default(),
    ]
}
