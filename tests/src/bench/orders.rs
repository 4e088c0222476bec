//! `POST /orders` against pgbench, which sends the same statements over as many connections: the throughput of the database,
//! and how much of it the API's clients get.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::harness::{Api, Services, World, address, run};

use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, http_load, outbox, progress};

const CONCURRENCY: u64 = 16;
const SEED: &str = include_str!("seed.sql");
pub(super) const SCRIPT: &str = include_str!("orders.pgbench.sql");
/// The placeholder, in both files, of the tenant that the world creates.
const TENANT: &str = "01900000-0000-7000-8000-000000000001";
const WARM_UP: Duration = Duration::from_secs(1);

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let seconds = effort.pick(4, 10);
    let mut floor = Series::new("pgbench -M prepared, the same statements");
    let mut program = Series::new("POST /api/v1/orders");
    for round in effort.rounds() {
        progress(format!("orders, round {round}: pgbench"));
        let world = seeded(services).await?;
        floor.push(pgbench(services, &world, SCRIPT, seconds).await?);
        drop(world);

        progress(format!("orders, round {round}: api"));
        let world = seeded(services).await?;
        let api = Api::start(&world, &[("COMPTOIR__LOG__FILTER", "warn")]).await?;
        let server = address(api.http.root())?.to_owned();
        let key = &world.tenant().await?.api_key;
        http_load::post(&server, "/api/v1/orders", key, CONCURRENCY, WARM_UP, body).await?;
        let time = Duration::from_secs(seconds);
        let load = http_load::post(&server, "/api/v1/orders", key, CONCURRENCY, time, body).await?;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
        program.push(load.answered as f64 / load.elapsed.as_secs_f64());
    }
    let claim = Claim::ratio("orders: POST /orders / pgbench", &program, &floor, Wanted::Nothing);
    let measurement = Measurement::new("orders of three lines, 16 connections", "orders/s")
        .series([floor, program])
        .claims([claim]);
    Ok(vec![measurement])
}

pub(super) async fn seeded(services: &Services) -> Result<World> {
    let world = outbox::fresh(services).await?;
    let sql = world.sql().await?;
    let seed = SEED.replace(TENANT, &world.tenant().await?.id.to_string());
    for statement in seed.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        sql.batch_execute(statement).await?;
    }
    outbox::checkpoint(&world).await;
    Ok(world)
}

/// Returns the transactions per second that pgbench reports.
pub(super) async fn pgbench(
    services: &Services,
    world: &World,
    statements: &str,
    seconds: u64,
) -> Result<f64> {
    let script = world.logs().join("orders.pgbench.sql");
    std::fs::write(&script, statements.replace(TENANT, &world.tenant().await?.id.to_string()))?;
    let program =
        services.pg_bin.clone().map_or_else(|| PathBuf::from("pgbench"), |folder| folder.join("pgbench"));
    let mut command = Command::new(program);
    command
        .args(["--protocol=prepared", "--no-vacuum", "--jobs=2"])
        .arg(format!("--client={CONCURRENCY}"))
        .arg(format!("--time={seconds}"))
        .arg(format!("--file={}", script.display()))
        .arg(&world.database.url);
    let exit = run(command, Duration::from_secs(seconds + 60)).await?;
    // Every client reports the same error.
    let complaint: Vec<&str> = exit.stderr.lines().take(4).collect();
    ensure!(exit.code == Some(0), "pgbench: {}", complaint.join(" "));
    exit.stdout
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .with_context(|| format!("pgbench says no tps: {}", exit.stdout))
}

/// Returns an order of three products that differ from order to order.
pub(super) fn body(number: u64) -> String {
    let id = |kind: &str, range: u64, factor: u64| {
        let index = number.wrapping_mul(factor) % range + 1;
        format!("01900000-0000-7000-{kind}-{index:012x}")
    };
    format!(
        r#"{{"customer_id":"{}","lines":[{{"product_id":"{}","quantity":"2"}},{{"product_id":"{}","quantity":"1"}},{{"product_id":"{}","quantity":"5","unit_price":"9.5"}}]}}"#,
        id("a000", 100, 7),
        id("9000", 1000, 13),
        id("9000", 1000, 101),
        id("9000", 1000, 577),
    )
}
