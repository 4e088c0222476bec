//! The cost of an event for the database: write-ahead log and statements.

use anyhow::Result;

use crate::harness::Services;

use super::outbox::{self, per_event};
use super::raw_publisher::Broker;
use super::report::{Claim, Measurement, Series, Wanted};
use super::usage::Counters;
use super::{Effort, progress};

const AGGREGATES: i64 = 10_000;

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let events = effort.pick(20_000, 100_000);
    let mut written = Series::new("WAL bytes: the writer's INSERT");
    let mut moved = Series::new("WAL bytes: one statement that moves all events to the history");
    let mut drained = Series::new("WAL bytes: relay");
    let mut deleted = Series::new("WAL bytes: relay, history.retention_days = 0");
    let mut statements = Series::new("statements: relay");
    for round in effort.rounds() {
        progress(format!("cost, round {round}"));
        let world = outbox::fresh(services).await?;
        let sql = world.sql().await?;
        let before = Counters::read(services, &sql).await?;
        outbox::fill(&sql, events, AGGREGATES).await?;
        written.push(per_event(before.until(&Counters::read(services, &sql).await?).wal_bytes, events));
        outbox::settle_down(&world).await?;
        let before = Counters::read(services, &sql).await?;
        outbox::move_all(&sql).await?;
        moved.push(per_event(before.until(&Counters::read(services, &sql).await?).wal_bytes, events));
        drop((sql, world));

        for (environment, wal) in
            [(None, &mut drained), (Some(("COMPTOIR__HISTORY__RETENTION_DAYS", "0")), &mut deleted)]
        {
            let world = outbox::fresh(services).await?;
            let sql = world.sql().await?;
            outbox::fill(&sql, events, AGGREGATES).await?;
            outbox::settle_down(&world).await?;
            let _broker = Broker::open(&world.vhost().url).await?;
            let drain = outbox::drain(&world, environment.as_slice()).await?;
            wal.push(per_event(drain.used.wal_bytes, events));
            if environment.is_none() {
                statements.push(per_event(drain.used.transactions, events));
            }
        }
    }
    let claims = [
        Claim::ratio(
            "cost: WAL of the relay / of one statement that moves all",
            &drained,
            &moved,
            Wanted::Nothing,
        ),
        Claim::new("cost: WAL of the relay", drained.median(), "bytes/event", Wanted::Nothing),
        Claim::new("cost: statements of the relay", statements.median(), "/event", Wanted::Nothing),
    ];
    let measurement =
        Measurement::new(format!("cost to the database, {events} events of 300 bytes"), "for each event")
            .claims(claims)
            .series([written, moved, drained, deleted, statements]);
    Ok(vec![measurement])
}
