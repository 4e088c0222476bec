//! Four replicas against one, with the network as the limit: every byte to and from the broker takes 5 ms.
//!
//! One replica has at most `relay.window` messages in flight, so its rate is limited to the window over the round trip. With
//! the default window it still saturates two cores. So a smaller window is measured as well, with which the network stays the
//! limit.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::harness::{Proxy, Relay, Services, World, address, until, with_address};

use super::outbox::{self, rate};
use super::raw_publisher::Broker;
use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, progress};

const AGGREGATES: i64 = 10_000;
const DELAY: Duration = Duration::from_millis(5);
/// The windows of each replica.
const WINDOWS: [&str; 2] = ["32", "1000"];
const REPLICAS: usize = 4;
const SPREAD_LIMIT: Duration = Duration::from_secs(30);
const DRAIN_LIMIT: Duration = Duration::from_secs(600);

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let mut measurements = Vec::new();
    for window in WINDOWS {
        let is_small = window == WINDOWS[0];
        let events = if is_small { effort.pick(8_000, 20_000) } else { effort.pick(20_000, 100_000) };
        let (mut one, mut four) = (Series::new("1 replica"), Series::new(format!("{REPLICAS} replicas")));
        for round in effort.rounds() {
            progress(format!("scale-out, window {window}, round {round}"));
            one.push(drained_by(services, 1, window, events).await?);
            four.push(drained_by(services, REPLICAS, window, events).await?);
        }
        let wanted = if is_small { Wanted::AtLeast(3.0) } else { Wanted::Nothing };
        let what = format!("scale-out: {REPLICAS} replicas / 1, window {window}, broker 5 ms away");
        let title = format!("drain of {events} events, broker 5 ms away, window {window}");
        measurements.push(
            Measurement::new(title, "events/s")
                .claims([Claim::ratio(what, &four, &one, wanted)])
                .series([one, four]),
        );
    }
    Ok(measurements)
}

/// Returns the rate from the commit of the events to the last settled one.
async fn drained_by(services: &Services, replicas: usize, window: &str, events: i64) -> Result<f64> {
    let world = outbox::fresh(services).await?;
    let sql = world.sql().await?;
    let _broker = Broker::open(&world.vhost().url).await?;
    let proxy = Proxy::start(address(&world.vhost().url)?).await?;
    proxy.delay(DELAY);
    let far = with_address(&world.vhost().url, &proxy.address())?;
    let mut relays = Vec::new();
    for _ in 0..replicas {
        let environment = [
            ("AMQP_URL", far.as_str()),
            ("COMPTOIR__RELAY__WINDOW", window),
            ("COMPTOIR__LOG__FILTER", "warn"),
        ];
        relays.push(Relay::start(&world, &environment).await?);
    }
    spread_evenly(&world, replicas).await?;
    outbox::fill(&sql, events, AGGREGATES).await?;
    let row = sql.query_one("SELECT extract(epoch FROM clock_timestamp())::double precision", &[]).await?;
    let committed: f64 = row.get(0);
    sql.batch_execute("NOTIFY comptoir_outbox").await?;
    world.drained(DRAIN_LIMIT).await?;
    let last = "SELECT extract(epoch FROM max(published_at))::double precision FROM outbox_history";
    let last: f64 = sql.query_one(last, &[]).await?.get(0);
    for relay in relays {
        relay.stop().await?;
    }
    Ok(rate(events, last - committed))
}

/// Waits until every replica holds its share of the shards and is connected to the broker.
async fn spread_evenly(world: &World, replicas: usize) -> Result<()> {
    let sql = world.sql().await?;
    until("an even spread of the shards", SPREAD_LIMIT, async || {
        let row = sql
            .query_one(
                "SELECT count(*), COALESCE(min(shards), 0) FROM
                 (SELECT count(*) AS shards FROM relay_shards WHERE owner IS NOT NULL GROUP BY owner) AS spread",
                &[],
            )
            .await?;
        let (owners, fewest): (i64, i64) = (row.get(0), row.get(1));
        let fair = 64 / i64::try_from(replicas).context("replicas")?;
        ensure!(fewest >= fair, "{owners} replicas hold shards, one of them {fewest}");
        Ok(())
    })
    .await
}
