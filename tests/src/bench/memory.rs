//! The relay's peak resident memory while it drains a backlog that is far too large for memory.

use anyhow::Result;

use crate::harness::Services;

use super::outbox;
use super::raw_publisher::Broker;
use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, Size, progress};

const AGGREGATES: i64 = 10_000;
/// The most events that one transaction writes.
const FILL_STEP: i64 = 1_000_000;
/// The limit on the queue's length, so that the broker's disk does not limit the backlog.
const MESSAGES_KEPT: i64 = 100_000;
const LIMIT_MIB: f64 = 32.0;

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let backlogs: &[i64] = match effort.size {
        Size::Quick => &[20_000, 100_000],
        Size::Standard => &[100_000, 1_000_000],
        Size::Full => &[100_000, 1_000_000, 10_000_000],
    };
    let mut result = Measurement::new("peak resident memory of relay --once", "MiB");
    for &backlog in backlogs {
        progress(format!("memory: a backlog of {backlog} events"));
        let world = outbox::fresh(services).await?;
        let sql = world.sql().await?;
        let mut left = backlog;
        while left > 0 {
            outbox::fill(&sql, left.min(FILL_STEP), AGGREGATES).await?;
            left -= FILL_STEP;
        }
        outbox::settle_down(&world).await?;
        let _broker = Broker::open_forgetful(&world.vhost().url, MESSAGES_KEPT).await?;
        let drain = outbox::drain(&world, &[]).await?;
        let mut peak = Series::new(format!("while {backlog} events drain"));
        peak.push(drain.relay.peak_mib);
        let what = format!("memory: peak while {backlog} events drain");
        result = result
            .claims([Claim::new(what, drain.relay.peak_mib, "MiB", Wanted::AtMost(LIMIT_MIB))])
            .series([peak]);
    }
    Ok(vec![result])
}
