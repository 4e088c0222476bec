//! The drain rate of one aggregate's events. To keep the order, each event waits until the one before it is settled, so the
//! rate depends on the time for one event. `relay.max_in_flight_per_aggregate` gives up a part of the order for speed.

use anyhow::Result;

use crate::harness::Services;

use super::outbox::{self, rate};
use super::raw_publisher::Broker;
use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, progress};

/// The number of events in flight at the same time, and the number of events that is enough to measure the rate.
const SETTINGS: [(usize, i64); 3] = [(1, 2_000), (10, 10_000), (100, 20_000)];

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let mut result = Measurement::new("drain of one aggregate's events", "events/s");
    for (in_flight, events) in SETTINGS {
        let events = events / effort.pick(4, 1);
        let mut raw = Series::new(format!("raw publisher, {in_flight} unconfirmed"));
        let mut relay = Series::new(format!("relay, max_in_flight_per_aggregate = {in_flight}"));
        for round in effort.rounds() {
            progress(format!("hot aggregate, {in_flight} in flight, round {round}"));
            let world = outbox::fresh(services).await?;
            let sql = world.sql().await?;
            outbox::fill(&sql, events, 1).await?;
            outbox::settle_down(&world).await?;
            let broker = Broker::open(&world.vhost().url).await?;
            let time = broker.publish(&outbox::read(&sql).await?, in_flight).await?;
            raw.push(rate(events, time.as_secs_f64()));
            let setting = ("COMPTOIR__RELAY__MAX_IN_FLIGHT_PER_AGGREGATE", in_flight.to_string());
            let drain = outbox::drain(&world, &[(setting.0, &setting.1)]).await?;
            relay.push(rate(events, drain.steady));
        }
        let what = format!("hot aggregate, {in_flight} in flight: relay / raw publisher");
        result = result.claims([Claim::ratio(what, &relay, &raw, Wanted::Nothing)]).series([raw, relay]);
    }
    Ok(vec![result])
}
