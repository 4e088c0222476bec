//! The committed events, read from the outbox's three tables.

use anyhow::Result;
use futures::TryStreamExt;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::ledger::{Committed, Fate};

const EVENTS: &str = "
    SELECT fate, id::text, seq, aggregate_type, aggregate_id, event_type
    FROM (
        SELECT 'pending' AS fate, id, seq, aggregate_type, aggregate_id, event_type FROM outbox_events
        UNION ALL
        SELECT 'published', id, seq, aggregate_type, aggregate_id, event_type FROM outbox_history
        UNION ALL
        SELECT 'dead', id, seq, aggregate_type, aggregate_id, event_type FROM outbox_dead_letters
    ) AS all_events
    ORDER BY aggregate_type, aggregate_id, seq";

/// Loads every committed event, by aggregate and in the order in which they happened. One statement has one snapshot, so an
/// event that moves from one table to another meanwhile is seen exactly once.
///
/// # Errors
/// Fails if the database does not answer.
pub async fn committed_events(client: &Client) -> Result<Vec<Committed>> {
    let rows =
        client.query_raw(EVENTS, std::iter::empty::<&(dyn tokio_postgres::types::ToSql + Sync)>()).await?;
    let mut rows = std::pin::pin!(rows);
    let mut events = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let fate = match row.get::<_, &str>(0) {
            "pending" => Fate::Pending,
            "published" => Fate::Published,
            _ => Fate::DeadLettered,
        };
        events.push(Committed {
            id: Uuid::parse_str(row.get(1))?,
            seq: row.get(2),
            aggregate: format!("{}/{}", row.get::<_, &str>(3), row.get::<_, &str>(4)),
            event_type: row.get(5),
            fate,
        });
    }
    Ok(events)
}
