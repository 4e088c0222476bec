//! `POST /orders` against pgbench, which sends the same statements over as many connections: the throughput of the database,
//! and how much of it the API's clients get. The goods of every line are in stock, and are reserved.

use std::time::Duration;

use anyhow::Result;

use crate::harness::{Api, Services, World, address};

use super::pgbench::{CONNECTIONS, Script, THREE_LINES};
use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, http_load, outbox, progress};

/// The number of products in seed.sql.
pub(super) const PRODUCTS: u64 = 1_000;
const SEED: &str = include_str!("seed.sql");
/// The placeholder, in that file, of the tenant that the world creates.
const TENANT: &str = "01900000-0000-7000-8000-000000000001";
const WARM_UP: Duration = Duration::from_secs(1);

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let [floor, program] = compared("orders", THREE_LINES, PRODUCTS, services, effort).await?;
    let wanted = Wanted::AtLeast(0.65);
    let claim = Claim::ratio("orders: POST /orders / pgbench", &program, &floor, wanted);
    let measurement = Measurement::new("orders of three lines, 16 connections", "orders/s")
        .series([floor, program])
        .claims([claim]);
    Ok(vec![measurement])
}

/// Places orders of the first `products` products by pgbench and over HTTP, in turns. Returns the orders per second of both.
pub(super) async fn compared(
    what: &str,
    script: Script,
    products: u64,
    services: &Services,
    effort: Effort,
) -> Result<[Series; 2]> {
    let seconds = effort.pick(4, 10);
    let mut floor = Series::new("pgbench -M prepared, the same statements");
    let mut program = Series::new("POST /api/v1/orders");
    for round in effort.rounds() {
        progress(format!("{what}, round {round}: pgbench"));
        let world = seeded(services).await?;
        floor.push(script.run(&world, products, seconds).await?);
        drop(world);

        progress(format!("{what}, round {round}: api"));
        let world = seeded(services).await?;
        let body = move |_| script.order(products);
        program.push(posted(&world, "/api/v1/orders", seconds, body).await?);
    }
    Ok([floor, program])
}

/// Starts an API and posts to `path` for so many seconds. Returns the answers per second. The stock is right afterwards.
pub(super) async fn posted(
    world: &World,
    path: &str,
    seconds: u64,
    body: impl Fn(u64) -> String + Send + Sync + Clone + 'static,
) -> Result<f64> {
    let api = Api::start(world, &[("COMPTOIR__LOG__FILTER", "warn")]).await?;
    let server = address(api.http.root())?.to_owned();
    let key = &world.tenant().await?.api_key;
    http_load::post(&server, path, key, CONNECTIONS, WARM_UP, body.clone()).await?;
    let time = Duration::from_secs(seconds);
    let load = http_load::post(&server, path, key, CONNECTIONS, time, body).await?;
    api.proof().await?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
    let rate = load.answered as f64 / load.elapsed.as_secs_f64();
    Ok(rate)
}

pub(super) async fn seeded(services: &Services) -> Result<World> {
    let world = outbox::fresh(services).await?;
    seed(&world).await?;
    outbox::checkpoint(&world).await;
    Ok(world)
}

/// Writes customers, products and stock for the scripts.
///
/// # Errors
/// Fails if the database refuses.
pub async fn seed(world: &World) -> Result<()> {
    let sql = world.sql().await?;
    let seed = SEED.replace(TENANT, &world.tenant().await?.id.to_string());
    // One by one: VACUUM is no part of a transaction.
    for statement in seed.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        sql.batch_execute(statement).await?;
    }
    Ok(())
}
