//! The relay's drain rate against a raw publisher's, into the same kind of queue, with the same messages.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio_postgres::Client;

use crate::harness::{Services, World, program, root, run};

use super::raw_publisher::{Broker, Event};
use super::{Comparison, Effort};

const AGGREGATES: i64 = 10_000;
const LIMIT: Duration = Duration::from_secs(600);

/// 300 bytes each: a JSON object, padded.
const FILL: &str = "
    INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)
    SELECT 'thing', 'aggregate-' || number % $2::bigint, 'thing.happened',
           (left('{\"number\": ' || number || ', \"text\": \"' || repeat('x', 300), 298) || '\"}')::json
    FROM generate_series(1, $1::bigint) AS number";

pub(super) async fn compare(services: &Services, effort: Effort) -> Result<Comparison> {
    let (mut floor, mut program) = (Vec::new(), Vec::new());
    let mut notes = Vec::new();
    for round in 1..=effort.rounds {
        // Each side has a database and a virtual host that nothing was in before.
        let world = fresh(services).await?;
        let events = prepare(&world, effort.events).await?;
        let broker = Broker::open(&world.vhost.url).await?;
        floor.push(rate(effort.events, broker.publish(&events).await?));
        ensure!(
            i64::from(broker.depth().await?) == effort.events,
            "the raw publisher's messages are not all there"
        );
        drop((events, broker, world));

        let world = fresh(services).await?;
        drop(prepare(&world, effort.events).await?);
        let broker = Broker::open(&world.vhost.url).await?;
        let (whole, steady) = drain(&world).await?;
        program.push(rate(effort.events, whole));
        ensure!(i64::from(broker.depth().await?) == effort.events, "the relay's messages are not all there");
        notes.push(format!(
            "round {round}: relay --once ran for {:.2} s, {:.2} s of them from its first settled batch to its last",
            whole.as_secs_f64(),
            steady.as_secs_f64()
        ));
    }
    Ok(Comparison {
        title: "relay drain",
        unit: "events/s",
        floor: ("raw confirmed publisher", floor),
        program: ("relay --once, from start to exit", program),
        notes,
    })
}

async fn fresh(services: &Services) -> Result<World> {
    World::lasting(services.clone(), root().join(".dev/bench")).await
}

/// Fills the outbox, and returns its events for the raw publisher.
async fn prepare(world: &World, events: i64) -> Result<Vec<Event>> {
    let sql = world.sql().await?;
    sql.execute(FILL, &[&events, &AGGREGATES]).await?;
    sql.batch_execute("VACUUM ANALYZE outbox_events").await?;
    // So that no checkpoint of the filling falls into the measurement. Not everybody may.
    let _ = sql.batch_execute("CHECKPOINT").await;
    read(&sql).await
}

async fn read(sql: &Client) -> Result<Vec<Event>> {
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

/// Runs the relay until the outbox is empty: the whole time, and that between its first settled batch and its last.
async fn drain(world: &World) -> Result<(Duration, Duration)> {
    let mut command = Command::new(program("relay")?);
    command
        .arg("--once")
        .env("DATABASE_URL", &world.database.url)
        .env("AMQP_URL", &world.vhost.url)
        .env("COMPTOIR__LOG__FILTER", "warn");
    let begin = Instant::now();
    let exit = run(command, LIMIT).await?;
    let whole = begin.elapsed();
    ensure!(exit.code == Some(0), "relay --once: {exit:?}");
    let micros: i64 = world
        .sql()
        .await?
        .query_one(
            "SELECT (extract(epoch FROM max(published_at) - min(published_at)) * 1000000)::bigint FROM outbox_history",
            &[],
        )
        .await?
        .get(0);
    Ok((whole, Duration::from_micros(u64::try_from(micros)?)))
}

#[allow(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn rate(events: i64, time: Duration) -> f64 {
    events as f64 / time.as_secs_f64()
}
