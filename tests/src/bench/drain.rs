//! The relay's drain rate against a raw publisher's, into the same kind of queue, with the same messages; and the processor
//! time of both programs and the servers.

use anyhow::{Result, ensure};

use crate::harness::Services;

use super::outbox::{self, per_event, rate};
use super::raw_publisher::Broker;
use super::report::{Claim, Measurement, Series, Wanted};
use super::usage::{self, Counters};
use super::{Effort, progress};

const AGGREGATES: i64 = 10_000;
/// The most unconfirmed messages, the same as the relay's window.
const WINDOW: usize = 1000;
const MICROSECONDS: f64 = 1e6;

/// The processor time of each program and server, one value per round.
struct Shares {
    client: Series,
    postgres: Series,
    rabbitmq: Series,
}

impl Shares {
    fn of(program: &str) -> Self {
        let named = |who: &str| Series::new(format!("{program}: {who}"));
        Self {
            client: named("the program itself"),
            postgres: named("PostgreSQL"),
            rabbitmq: named("RabbitMQ"),
        }
    }

    fn push(&mut self, events: i64, client: f64, used: &usage::Used) {
        let shares = [
            (&mut self.client, Some(client)),
            (&mut self.postgres, used.postgres_cpu),
            (&mut self.rabbitmq, used.rabbitmq_cpu),
        ];
        for (series, seconds) in shares {
            if let Some(seconds) = seconds {
                series.push(per_event(seconds * MICROSECONDS, events));
            }
        }
    }

    fn into_series(self) -> [Series; 3] {
        [self.client, self.postgres, self.rabbitmq]
    }
}

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let events = effort.pick(40_000, 200_000);
    let mut raw = Series::new("raw confirmed publisher");
    let mut whole = Series::new("relay --once, from start to exit");
    let mut steady = Series::new("the same, from the first settled batch to the last");
    let (mut raw_cpu, mut relay_cpu) = (Shares::of("raw publisher"), Shares::of("relay"));
    for round in effort.rounds() {
        progress(format!("drain, round {round}: raw publisher"));
        // Each side has a new database and a new virtual host.
        let world = outbox::fresh(services).await?;
        let sql = world.sql().await?;
        outbox::fill(&sql, events, AGGREGATES).await?;
        let all = outbox::read(&sql).await?;
        outbox::settle_down(&world).await?;
        let broker = Broker::open(&world.vhost().url).await?;
        let (before, cpu) = (Counters::read(services, &sql).await?, usage::cpu_of(std::process::id())?);
        raw.push(rate(events, broker.publish(&all, WINDOW).await?.as_secs_f64()));
        let cpu = usage::cpu_of(std::process::id())? - cpu;
        raw_cpu.push(events, cpu, &before.until(&Counters::read(services, &sql).await?));
        ensure!(i64::from(broker.depth().await?) == events, "the raw publisher's messages are not all there");
        drop((all, sql, broker, world));

        progress(format!("drain, round {round}: relay"));
        let world = outbox::fresh(services).await?;
        let sql = world.sql().await?;
        outbox::fill(&sql, events, AGGREGATES).await?;
        outbox::settle_down(&world).await?;
        let broker = Broker::open(&world.vhost().url).await?;
        let drain = outbox::drain(&world, &[]).await?;
        whole.push(rate(events, drain.relay.time));
        steady.push(rate(events, drain.steady));
        relay_cpu.push(events, drain.relay.cpu, &drain.used);
        ensure!(i64::from(broker.depth().await?) == events, "the relay's messages are not all there");
    }
    let claim = Claim::ratio("drain: relay / raw confirmed publisher", &whole, &raw, Wanted::AtLeast(0.95));
    let without_start = Claim::ratio("drain without start and stop", &steady, &raw, Wanted::Nothing);
    let speed = Measurement::new(
        format!("drain of {events} events of 300 bytes, {AGGREGATES} aggregates"),
        "events/s",
    )
    .series([raw, whole, steady])
    .claims([claim, without_start]);
    let time = Measurement::new("processor time for the drain", "µs/event")
        .series(raw_cpu.into_series())
        .series(relay_cpu.into_series());
    Ok(vec![speed, time])
}
