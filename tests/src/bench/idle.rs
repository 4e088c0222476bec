//! What a relay that has nothing to do uses.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::harness::{Relay, Services};

use super::outbox;
use super::report::{Claim, Measurement, Series, Wanted};
use super::usage::{self, Counters};
use super::{Effort, progress};

/// So that the start is over and the poll interval is at its longest.
const SETTLING_IN: Duration = Duration::from_secs(5);
const PERCENT: f64 = 100.0;

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let time = Duration::from_secs(effort.pick(10, 30));
    let world = outbox::fresh(services).await?;
    let sql = world.sql().await?;
    let relay = Relay::start(&world, &[]).await?;
    progress(format!("idle: {} s", (SETTLING_IN + time).as_secs()));
    tokio::time::sleep(SETTLING_IN).await;
    let (begin, cpu) = (Instant::now(), usage::cpu_of(relay.daemon.pid())?);
    let before = Counters::read(services, &sql).await?;
    tokio::time::sleep(time).await;
    let cpu = usage::cpu_of(relay.daemon.pid())? - cpu;
    let used = before.until(&Counters::read(services, &sql).await?);
    let share = |seconds: f64| PERCENT * seconds / begin.elapsed().as_secs_f64();
    let (mut own, mut database) = (Series::new("relay"), Series::new("PostgreSQL, the whole server"));
    own.push(share(cpu));
    if let Some(seconds) = used.postgres_cpu {
        database.push(share(seconds));
    }
    relay.stop().await?;
    let claim =
        Claim::new("idle: processor time of the relay", own.median(), "% of a core", Wanted::AtMost(1.0));
    Ok(vec![Measurement::new("idle", "% of a core").claims([claim]).series([own, database])])
}
