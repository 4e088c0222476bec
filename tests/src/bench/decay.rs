//! The drain rate under conditions that slow other outboxes down: sessions that keep PostgreSQL from removing the rows of
//! published events, and a large history.
//!
//! Each round publishes as many events before the measurement as in it, so that there are rows that cannot be removed.

use anyhow::Result;
use tokio_postgres::Client;

use crate::harness::{Services, World};

use super::outbox::{self, rate};
use super::raw_publisher::Broker;
use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, Size, progress};

const AGGREGATES: i64 = 10_000;
const HISTORY_STEP: i64 = 1_000_000;

/// A session beside the relay, which lasts until it is dropped.
#[derive(Debug, Clone, Copy)]
enum Beside {
    Nobody,
    Reader,
    Writer,
}

impl Beside {
    const ALL: [Self; 3] = [Self::Nobody, Self::Reader, Self::Writer];

    fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody beside it",
            Self::Reader => "a session that holds a REPEATABLE READ snapshot",
            Self::Writer => "a writing transaction that stays open",
        }
    }

    fn begin(self) -> &'static str {
        match self {
            Self::Nobody => "",
            Self::Reader => "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM outbox_events LIMIT 1",
            Self::Writer => {
                "BEGIN; INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)
                 VALUES ('thing', 'never', 'thing.forgotten', '{}')"
            }
        }
    }
}

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let events = effort.pick(20_000, 100_000);
    Ok(vec![
        long_transactions(services, effort, events).await?,
        large_history(services, effort, events).await?,
    ])
}

async fn long_transactions(services: &Services, effort: Effort, events: i64) -> Result<Measurement> {
    let mut all = Beside::ALL.map(|beside| (beside, Series::new(beside.name())));
    for round in effort.rounds() {
        for (beside, series) in &mut all {
            progress(format!("decay, round {round}: {}", beside.name()));
            let world = outbox::fresh(services).await?;
            let (sql, session) = (world.sql().await?, world.sql().await?);
            session.batch_execute(beside.begin()).await?;
            drained(&world, &sql, events).await?;
            series.push(drained(&world, &sql, events).await?);
        }
    }
    let [(_, alone), (_, reader), (_, writer)] = all;
    let claims =
        [("decay: beside a snapshot", &reader), ("decay: beside a long writing transaction", &writer)]
            .map(|(what, series)| Claim::ratio(what, series, &alone, Wanted::AtLeast(0.9)));
    let title = format!("drain of {events} events, {events} more just before");
    Ok(Measurement::new(title, "events/s").claims(claims).series([alone, reader, writer]))
}

/// Drains one database with a history and one without, in turns.
async fn large_history(services: &Services, effort: Effort, events: i64) -> Result<Measurement> {
    let rows: i64 = match effort.size {
        Size::Quick => 200_000,
        Size::Standard => 2_000_000,
        Size::Full => 10_000_000,
    };
    progress(format!("decay: writing a history of {rows} rows"));
    let world = outbox::fresh(services).await?;
    let old = world.sql().await?;
    write_history(&old, rows).await?;
    outbox::checkpoint(&world).await;
    let (mut without, mut with) = (Series::new("no history"), Series::new(format!("{rows} rows of history")));
    for round in effort.rounds() {
        progress(format!("decay, round {round}: without and with a history"));
        let empty = outbox::fresh(services).await?;
        without.push(drained(&empty, &empty.sql().await?, events).await?);
        with.push(drained(&world, &old, events).await?);
    }
    let what = format!("decay: with {rows} rows of history");
    let claim = Claim::ratio(what, &with, &without, Wanted::AtLeast(0.95));
    let title = format!("drain of {events} events");
    Ok(Measurement::new(title, "events/s").claims([claim]).series([without, with]))
}

/// Writes events and drains them; returns the rate.
async fn drained(world: &World, sql: &Client, events: i64) -> Result<f64> {
    outbox::fill(sql, events, AGGREGATES).await?;
    outbox::settle_down(world).await?;
    let _broker = Broker::open(&world.vhost().url).await?;
    Ok(rate(events, outbox::drain(world, &[]).await?.relay.time))
}

/// Writes rows of events that were published today.
async fn write_history(sql: &Client, rows: i64) -> Result<()> {
    let mut left = rows;
    while left > 0 {
        outbox::fill(sql, left.min(HISTORY_STEP), AGGREGATES).await?;
        outbox::move_all(sql).await?;
        sql.batch_execute("TRUNCATE outbox_events").await?;
        left -= HISTORY_STEP;
    }
    Ok(())
}
