//! The latency from commit to consumer, at a fixed rate of events, against a program that publishes directly after its commit.
//!
//! The clock of an event starts when its writer has the answer to COMMIT, and stops when the consumer's client returns the
//! message. Writer and consumer are in this process, so there is one clock. The load is open: each event is written at its
//! scheduled time, even if earlier ones are late. A second clock starts at the scheduled time, so that it includes every delay
//! of the writers, also the commit itself.

mod clock;
mod failing;
mod load;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::harness::{Relay, Services};

use self::clock::{Clock, Latency};
use self::load::{AfterCommit, Load};
use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, outbox, progress};

/// Events per second.
const RATES: [u64; 2] = [200, 1_000];
/// `relay.poll_min_ms`, the interval while there are events; and `relay.poll_max_ms`.
const POLL_MIN_MS: f64 = 20.0;
const POLL_MAX_MS: f64 = 1_000.0;
/// Long enough for the poll interval to reach its longest, and not a multiple of it.
const PAUSE: Duration = Duration::from_millis(2_370);

/// How the events reach the broker.
#[derive(Debug, Clone, Copy)]
enum Way {
    Direct,
    WakeUp,
    Polling,
}

impl Way {
    const ALL: [Self; 3] = [Self::Direct, Self::WakeUp, Self::Polling];

    fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct publish after the commit",
            Self::WakeUp => "relay, woken as by the API",
            Self::Polling => "relay, polling alone",
        }
    }
}

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let mut measurements = Vec::new();
    for rate in RATES {
        measurements.push(at_rate(services, effort, rate).await?);
    }
    measurements.push(after_pauses(services, effort).await?);
    measurements.push(failing::measure(services, effort).await?);
    Ok(measurements)
}

async fn at_rate(services: &Services, effort: Effort, rate: u64) -> Result<Measurement> {
    let mut all = Way::ALL.map(|way| (way, Percentiles::named(way.name())));
    for round in effort.rounds() {
        for (way, percentiles) in &mut all {
            progress(format!("latency at {rate}/s, round {round}: {}", way.name()));
            let load = Load {
                interval: Duration::from_secs(1) / u32::try_from(rate)?,
                events: rate * effort.pick(3, 10),
            };
            percentiles.push(&one(services, *way, load).await?);
        }
    }
    let [(_, direct), (_, woken), (_, polling)] = all;
    let ratio = |p: &str| format!("latency at {rate}/s: {p}, woken / direct");
    let claims = [
        Claim::ratio(ratio("p50"), &woken.p50, &direct.p50, Wanted::AtMost(3.0)),
        Claim::new(
            format!("latency at {rate}/s: p99, woken"),
            woken.p99.median(),
            "ms",
            Wanted::AtMost(10.0),
        ),
        Claim::new(
            format!("latency at {rate}/s: p99, polling, beyond the direct one's"),
            polling.p99.median() - direct.p99.median(),
            "ms",
            Wanted::AtMost(POLL_MIN_MS),
        ),
    ];
    let series = [direct, woken, polling].into_iter().flat_map(Percentiles::into_series);
    Ok(Measurement::new(format!("latency from commit to consumer at {rate} events/s"), "ms")
        .series(series)
        .claims(claims))
}

/// Measures single events after pauses in which the poll interval has become its longest.
async fn after_pauses(services: &Services, effort: Effort) -> Result<Measurement> {
    let load = Load { interval: PAUSE, events: effort.pick(4, 12) };
    let mut worst = Way::ALL.map(|way| Series::new(format!("{}, slowest", way.name())));
    for (way, series) in Way::ALL.into_iter().zip(&mut worst) {
        progress(format!("latency after pauses: {}", way.name()));
        series.push(one(services, way, load).await?.after_commit.max());
    }
    let claim = Claim::new(
        "latency after a pause: slowest, polling, beyond the direct one's",
        worst[2].median() - worst[0].median(),
        "ms",
        Wanted::AtMost(POLL_MAX_MS),
    );
    let title = format!("latency from commit to consumer after pauses of {:.1} s", PAUSE.as_secs_f64());
    Ok(Measurement::new(title, "ms").series(worst).claims([claim]))
}

async fn one(services: &Services, way: Way, load: Load) -> Result<Latency> {
    let world = outbox::fresh(services).await?;
    let clock = Arc::new(Clock::new(load.events)?);
    let consumer = clock::Consumer::attach(&world.vhost().url, Arc::clone(&clock)).await?;
    let relay = match way {
        Way::Direct => None,
        Way::WakeUp | Way::Polling => Some(Relay::start(&world, &[]).await?),
    };
    let after_commit = match way {
        Way::Direct => AfterCommit::publish(&world.vhost().url).await?,
        Way::WakeUp => AfterCommit::wake(&world.database.url)?,
        Way::Polling => AfterCommit::nothing(),
    };
    load.run(&world, &clock, after_commit).await?;
    drop(consumer);
    if let Some(relay) = relay {
        relay.stop().await?;
    }
    clock.latency()
}

struct Percentiles {
    p50: Series,
    p99: Series,
    p99_from_schedule: Series,
}

impl Percentiles {
    fn named(name: &str) -> Self {
        Self {
            p50: Series::new(format!("{name}: p50")),
            p99: Series::new(format!("{name}: p99")),
            p99_from_schedule: Series::new(format!("{name}: p99 from the scheduled time of the write")),
        }
    }

    fn push(&mut self, latency: &Latency) {
        self.p50.push(latency.after_commit.percentile(50.0));
        self.p99.push(latency.after_commit.percentile(99.0));
        self.p99_from_schedule.push(latency.after_schedule.percentile(99.0));
    }

    fn into_series(self) -> [Series; 3] {
        [self.p50, self.p99, self.p99_from_schedule]
    }
}
