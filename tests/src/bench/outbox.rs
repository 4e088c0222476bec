//! An outbox with events in it, and a relay that drains it: the basis of most benchmarks.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio_postgres::Client;

use crate::harness::{Services, World, program, root, until};

use super::raw_publisher::Event;
use super::usage::{self, Counters, Ran, Used};

const DRAIN_LIMIT: Duration = Duration::from_secs(3600);
const BACKENDS_LIMIT: Duration = Duration::from_secs(10);

/// Inserts events with 300 bytes each: a JSON object, padded.
const FILL: &str = "
    INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)
    SELECT 'thing', 'aggregate-' || number % $2::bigint, 'thing.happened',
           (left('{\"number\": ' || number || ', \"text\": \"' || repeat('x', 300), 298) || '\"}')::json
    FROM generate_series(1, $1::bigint) AS number";

/// Creates a new database and a new virtual host.
pub(super) async fn fresh(services: &Services) -> Result<World> {
    World::lasting(services.clone(), root().join(".dev/bench")).await
}

/// Writes events, spread over the aggregates in turn, all in one transaction.
pub(super) async fn fill(sql: &Client, events: i64, aggregates: i64) -> Result<()> {
    sql.execute(FILL, &[&events, &aggregates]).await?;
    Ok(())
}

/// Does what a settle does, for all events in one bare statement: the least possible cost of a history.
pub(super) async fn move_all(sql: &Client) -> Result<()> {
    sql.batch_execute(
        "WITH published AS (DELETE FROM outbox_events RETURNING *)
         INSERT INTO outbox_history (seq, id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type,
             schema_version, payload, headers, occurred_at, shard, retry_count, next_attempt_at, last_error)
         SELECT seq, id, tenant_id, aggregate_type, aggregate_id, aggregate_version, event_type, schema_version, payload,
             headers, occurred_at, shard, retry_count, next_attempt_at, last_error
         FROM published",
    )
    .await?;
    Ok(())
}

/// Does the work that would otherwise disturb the measurement: vacuum, and the checkpoint of the written rows.
pub(super) async fn settle_down(world: &World) -> Result<()> {
    world.sql().await?.batch_execute("VACUUM ANALYZE outbox_events").await?;
    checkpoint(world).await;
    Ok(())
}

/// Forces a checkpoint, if the superuser of the server is known.
pub(super) async fn checkpoint(world: &World) {
    if let Ok(superuser) = world.superuser().await {
        let _ = superuser.batch_execute("CHECKPOINT").await;
    }
}

/// Returns the events in the order in which they were written, for a program that publishes them from memory.
pub(super) async fn read(sql: &Client) -> Result<Vec<Event>> {
    let rows = sql
        .query(
            "SELECT id::text, aggregate_id, to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), payload::text
             FROM outbox_events ORDER BY seq",
            &[],
        )
        .await?;
    let event = |row: &tokio_postgres::Row| Event {
        id: row.get(0),
        aggregate_id: row.get(1),
        occurred_at: row.get(2),
        payload: row.get(3),
    };
    Ok(rows.iter().map(event).collect())
}

/// The measurements of a `relay --once` from its start to its exit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drain {
    pub(super) relay: Ran,
    pub(super) used: Used,
    /// Seconds from the first settled batch to the last.
    pub(super) steady: f64,
}

/// Drains the outbox; fails if events are left.
pub(super) async fn drain(world: &World, environment: &[(&str, &str)]) -> Result<Drain> {
    let mut command = Command::new(program("relay")?);
    command
        .arg("--once")
        .env("DATABASE_URL", &world.database.relay_url)
        .env("AMQP_URL", &world.vhost().url)
        .env("COMPTOIR__LOG__FILTER", "warn")
        .envs(environment.iter().copied());
    let sql = world.sql().await?;
    let before = Counters::read(&world.services, &sql).await?;
    let relay = usage::run(command, DRAIN_LIMIT).await?;
    relay_is_gone(&sql).await?;
    let used = before.until(&Counters::read(&world.services, &sql).await?);
    let left: i64 = sql.query_one("SELECT count(*) FROM outbox_events", &[]).await?.get(0);
    ensure!(left == 0, "{left} events are left");
    Ok(Drain { relay, used, steady: settled_during(&sql).await? })
}

/// Seconds from the first settled batch to the last.
pub(super) async fn settled_during(sql: &Client) -> Result<f64> {
    let row = sql
        .query_one(
            "SELECT COALESCE(extract(epoch FROM max(published_at) - min(published_at)), 0)::double precision
             FROM outbox_history WHERE event_type = 'thing.happened'",
            &[],
        )
        .await?;
    Ok(row.get(0))
}

/// Waits until the relay's sessions have ended: a session adds its counters when it ends, shortly after its client.
async fn relay_is_gone(sql: &Client) -> Result<()> {
    until("the relay's sessions to end", BACKENDS_LIMIT, async || {
        let others: i64 = sql
            .query_one(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'comptoir'",
                &[],
            )
            .await?
            .get(0);
        ensure!(others == 0, "{others} are there");
        Ok(())
    })
    .await
}

/// Returns the events per second.
#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
pub(super) fn rate(events: i64, seconds: f64) -> f64 {
    events as f64 / seconds
}

/// Returns the quantity per event.
#[expect(clippy::cast_precision_loss, reason = "for people to read")]
pub(super) fn per_event(quantity: f64, events: i64) -> f64 {
    quantity / events as f64
}
