//! The processor time and the memory of programs that have nothing to do: a relay, and both programs with every service.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::harness::{Api, Http, Relay, Scrape, Services, until};

use super::outbox;
use super::report::{Claim, Measurement, Series, Wanted};
use super::usage::{self, Counters};
use super::{Effort, progress};

/// After this time the start is over and the poll interval is at its longest.
const SETTLING_IN: Duration = Duration::from_secs(5);
const PERCENT: f64 = 100.0;

/// The polls of eight hours, at one per second.
const POLLS_OF_A_NIGHT: u32 = 8 * 3600;
const POLLS_LIMIT: Duration = Duration::from_secs(600);
const GROWTH_MIB: f64 = 1.0;

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    Ok(vec![
        processor_time(services, effort).await?,
        memory(services, effort).await?,
        every_service(services, effort).await?,
    ])
}

async fn processor_time(services: &Services, effort: Effort) -> Result<Measurement> {
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
    Ok(Measurement::new("idle", "% of a core").claims([claim]).series([own, database]))
}

/// Measures whether the relay's memory grows over the polls of a night, which run as fast as the timer permits.
async fn memory(services: &Services, effort: Effort) -> Result<Measurement> {
    let world = outbox::fresh(services).await?;
    let fast = [("COMPTOIR__RELAY__POLL_MIN_MS", "1"), ("COMPTOIR__RELAY__POLL_MAX_MS", "1")];
    let (relay, http) = Relay::with_http(&world, &fast).await?;
    let night = POLLS_OF_A_NIGHT / effort.pick(10, 1);
    progress(format!("idle: {night} polls"));
    let (mut early, mut late) = (Series::new("after a tenth of the polls"), Series::new("after all of them"));
    for (polls, series) in [(night / 10, &mut early), (night, &mut late)] {
        until("the polls", POLLS_LIMIT, async || {
            let made = polls_of(&http).await?;
            ensure!(made >= f64::from(polls), "{made} of {polls}");
            Ok(())
        })
        .await?;
        series.push(usage::resident_mib(relay.daemon.pid())?);
    }
    relay.stop().await?;
    let claim = Claim::new(
        "idle: growth of the relay's memory over the polls of a night",
        late.median() - early.median(),
        "MiB",
        Wanted::AtMost(GROWTH_MIB),
    );
    let title = format!("resident memory of an idle relay, {night} polls");
    Ok(Measurement::new(title, "MiB").claims([claim]).series([early, late]))
}

async fn polls_of(http: &Http) -> Result<f64> {
    let scrape = Scrape::of(http).await?;
    let reads = scrape.samples.iter().filter(|one| {
        one.name == "comptoir_relay_database_seconds_count"
            && one.labels.get("statement").is_some_and(|statement| statement == "new" || statement == "page")
    });
    Ok(reads.map(|one| one.value).sum())
}

/// Both programs with all their services and the connection of the projections, after a little work.
async fn every_service(services: &Services, effort: Effort) -> Result<Measurement> {
    let part = Duration::from_secs(effort.pick(20, 120));
    let world = outbox::fresh(services).await?;
    let relay = Relay::start(&world, &[]).await?;
    let api = Api::start(&world, &[("AMQP_URL", &world.vhost().url)]).await?;
    api.customer("C-1").await?;
    let (pids, sql) = ([api.daemon.pid(), relay.daemon.pid()], world.sql().await?);
    let resident = || -> Result<f64> { pids.iter().map(|pid| usage::resident_mib(*pid)).sum() };
    let busy = || -> Result<f64> { pids.iter().map(|pid| usage::cpu_of(*pid)).sum() };
    progress(format!("idle: every service of both programs, {} s", 3 * part.as_secs()));
    tokio::time::sleep(part).await;
    let mut memory =
        [Series::new("resident after a third of the time, MiB"), Series::new("resident at the end, MiB")];
    memory[0].push(resident()?);
    let (begin, cpu) = (Instant::now(), busy()?);
    let before = Counters::read(services, &sql).await?;
    tokio::time::sleep(2 * part).await;
    let (cpu, seconds) = (busy()? - cpu, begin.elapsed().as_secs_f64());
    let used = before.until(&Counters::read(services, &sql).await?);
    memory[1].push(resident()?);
    let mut own = Series::new("api and relay, % of a core");
    own.push(PERCENT * cpu / seconds);
    let mut database = Series::new("PostgreSQL, the whole server, % of a core");
    if let Some(cpu) = used.postgres_cpu {
        database.push(PERCENT * cpu / seconds);
    }
    relay.stop().await?;
    let grown = memory[1].median() - memory[0].median();
    let claims = [
        Claim::new("idle: every service of both programs", own.median(), "% of a core", Wanted::AtMost(1.0)),
        Claim::new("idle: growth of both programs' memory", grown, "MiB", Wanted::AtMost(GROWTH_MIB)),
    ];
    let [early, late] = memory;
    Ok(Measurement::new("every service, and nothing to do", "")
        .claims(claims)
        .series([own, database, early, late]))
}
