//! `POST /orders` against pgbench, which sends the same statements over as many connections: what the database can do,
//! and how much of it is left for clients of the API.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::harness::{Api, Services, World, address, root, run};

use super::{Comparison, Effort, http_load};

const CONCURRENCY: u64 = 16;
const SEED: &str = include_str!("seed.sql");
const SCRIPT: &str = include_str!("orders.pgbench.sql");
const WARM_UP: Duration = Duration::from_secs(1);

pub(super) async fn compare(services: &Services, effort: Effort) -> Result<Comparison> {
    let (mut floor, mut program) = (Vec::new(), Vec::new());
    let time = Duration::from_secs(effort.seconds);
    for _ in 0..effort.rounds {
        let world = seeded(services).await?;
        floor.push(pgbench(services, &world, effort.seconds).await?);
        drop(world);

        let world = seeded(services).await?;
        let api = Api::start(&world, &[("COMPTOIR__LOG__FILTER", "warn")]).await?;
        let server = address(api.http.root())?.to_owned();
        http_load::post(&server, "/api/v1/orders", CONCURRENCY, WARM_UP, body).await?;
        let load = http_load::post(&server, "/api/v1/orders", CONCURRENCY, time, body).await?;
        #[allow(clippy::cast_precision_loss, reason = "a rate for people to read")]
        program.push(load.created as f64 / load.elapsed.as_secs_f64());
    }
    Ok(Comparison {
        title: "orders of three lines, 16 connections",
        unit: "orders/s",
        floor: ("pgbench -M prepared, the same statements", floor),
        program: ("POST /api/v1/orders", program),
        notes: Vec::new(),
    })
}

async fn seeded(services: &Services) -> Result<World> {
    let world = World::lasting(services.clone(), root().join(".dev/bench")).await?;
    let sql = world.sql().await?;
    for statement in SEED.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        sql.batch_execute(statement).await?;
    }
    let _ = sql.batch_execute("CHECKPOINT").await;
    Ok(world)
}

/// Transactions per second, as pgbench reports them.
async fn pgbench(services: &Services, world: &World, seconds: u64) -> Result<f64> {
    let script = world.logs().join("orders.pgbench.sql");
    std::fs::write(&script, SCRIPT)?;
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
    // Every client complains in the same way.
    let complaint: Vec<&str> = exit.stderr.lines().take(4).collect();
    ensure!(exit.code == Some(0), "pgbench: {}", complaint.join(" "));
    exit.stdout
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .with_context(|| format!("pgbench says no tps: {}", exit.stdout))
}

/// An order of three products that differ from order to order.
fn body(number: u64) -> String {
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
