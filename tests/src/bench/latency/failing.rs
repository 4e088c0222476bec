//! The latency of events of a healthy queue beside tens of thousands of aggregates whose events another queue refuses again
//! and again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::clock::{Clock, Consumer, Latency};
use super::load::{AfterCommit, Load};
use crate::bench::report::{Claim, Measurement, Series, Wanted};
use crate::bench::{Effort, outbox, progress};
use crate::harness::{Relay, Services, World, narrow_queue, until};

const PER_SECOND: u32 = 200;
const REFUSED_LIMIT: Duration = Duration::from_secs(600);
const WANTED_MS: f64 = 1_000.0;
/// Inserts events for a queue that accepts only the first of them.
const FAILING: &str = "
    INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)
    SELECT 'thing', 'failing-' || number, 'failing.refused', '1' FROM generate_series(0, $1::bigint) AS number";

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Measurement> {
    let failing = effort.pick(5_000, 60_000);
    let load = Load {
        interval: Duration::from_secs(1) / PER_SECOND,
        events: u64::from(PER_SECOND) * effort.pick(3, 30),
    };
    let [mut p50, mut p99, mut slowest] = ["p50", "p99", "slowest"].map(Series::new);
    for round in effort.rounds() {
        progress(format!("latency beside {failing} failing aggregates, round {round}"));
        let latency = beside(services, failing, load).await?.after_commit;
        p50.push(latency.percentile(50.0));
        p99.push(latency.percentile(99.0));
        slowest.push(latency.max());
    }
    let claim = Claim::new(
        format!("latency beside {failing} failing aggregates: p99"),
        p99.median(),
        "ms",
        Wanted::AtMost(WANTED_MS),
    );
    let title =
        format!("latency of {PER_SECOND} events/s of a healthy queue beside {failing} failing aggregates");
    Ok(Measurement::new(title, "ms").series([p50, p99, slowest]).claims([claim]))
}

async fn beside(services: &Services, failing: i64, load: Load) -> Result<Latency> {
    let world = outbox::fresh(services).await?;
    let _refusing = narrow_queue(&world.vhost().url, "failing.#").await?;
    let clock = Arc::new(Clock::new(load.events)?);
    let consumer = Consumer::attach(&world.vhost().url, Arc::clone(&clock)).await?;
    // The events keep failing for the whole measurement.
    let relay = Relay::start(&world, &[("COMPTOIR__RELAY__MAX_RETRIES", "1000000")]).await?;
    world.sql().await?.execute(FAILING, &[&failing]).await?;
    all_refused(&world, failing).await?;
    load.run(&world, &clock, AfterCommit::wake(&world.database.url)?).await?;
    drop(consumer);
    relay.stop().await?;
    clock.latency()
}

async fn all_refused(world: &World, failing: i64) -> Result<()> {
    let sql = world.sql().await?;
    until("every failing aggregate to be refused once", REFUSED_LIMIT, async || {
        let count = "SELECT count(*) FROM outbox_events WHERE retry_count > 0";
        let refused: i64 = sql.query_one(count, &[]).await?.get(0);
        ensure!(refused >= failing, "{refused} of {failing}");
        Ok(())
    })
    .await
}
