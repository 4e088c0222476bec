//! Checks that no time grows with the tables: the same requests go, in turns, to a database with few orders and to one with a
//! hundred times as many. A page, a command and a run of pruning should only touch their own rows.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio_postgres::Client;

use crate::harness::{Api, Services, World};

use super::orders::{PRODUCTS, seeded};
use super::pgbench::THREE_LINES;
use super::report::{Claim, Measurement, Series, Wanted};
use super::{Effort, progress};

const DATA: &str = include_str!("growth.sql");
/// A larger ratio would mean a scan. An index of a million rows is only one level deeper than one of ten thousand.
const WANTED: Wanted = Wanted::AtMost(1.5);
const DUE: i64 = 500;
/// Inserts records that are due for pruning.
const DUE_RECORDS: &str = "
    INSERT INTO idempotency_records (tenant_id, principal_id, key, fingerprint, status, body, created_at)
    SELECT gen_random_uuid(), gen_random_uuid(), n, '', 201, '{}', now() - interval '100 hours' FROM generate_series(1, $1::bigint) AS n";
const PRUNE: &str = "SELECT pruned FROM prune_idempotency_records(72, $1)";

/// A request or command that is measured repeatedly.
#[derive(Debug, Clone, Copy)]
enum Task {
    Get(&'static str),
    Place,
    Confirm,
    Prune,
}

const TASKS: &[(&str, Task)] = &[
    ("POST /orders", Task::Place),
    ("POST /orders/{id}/confirm", Task::Confirm),
    ("pruning 500 idempotency records", Task::Prune),
    ("GET /orders/{id}", Task::Get("/orders/01900000-0000-7000-b100-000000000007")),
    ("GET /orders", Task::Get("/orders")),
    ("GET /orders?status (20 in all)", Task::Get("/orders?status=cancelled")),
    (
        "GET /orders?customer_id (1 in 5)",
        Task::Get("/orders?customer_id=01900000-0000-7000-a000-000000000001"),
    ),
    (
        "GET /orders?customer_id&status",
        Task::Get("/orders?customer_id=01900000-0000-7000-a000-000000000001&status=cancelled"),
    ),
    ("GET /orders?reference", Task::Get("/orders?reference=R-17")),
    ("GET /orders?placed_from", Task::Get("/orders?placed_from=2020-01-01T00:00:00Z&sort=placed_at")),
    ("GET /audit-events", Task::Get("/audit-events")),
    ("GET /audit-events?action", Task::Get("/audit-events?action=order.cancel")),
    ("GET /audit-events?actor_id", Task::Get("/audit-events?actor_id=01900000-0000-7000-c000-000000000003")),
    (
        "GET /audit-events?actor_id&action",
        Task::Get("/audit-events?actor_id=01900000-0000-7000-c000-000000000000&action=order.cancel"),
    ),
    ("GET /audit-events?resource_type", Task::Get("/audit-events?resource_type=customer")),
    (
        "GET /audit-events?resource_id",
        Task::Get("/audit-events?resource_id=01900000-0000-7000-b100-000000000007"),
    ),
];

/// One database, and an API on it.
struct Side {
    orders: u64,
    world: World,
    sql: Client,
    api: Option<Api>,
    placed: u64,
    confirmed: u64,
}

pub(super) async fn measure(services: &Services, effort: Effort) -> Result<Vec<Measurement>> {
    let few = Side::filled(services, effort.pick(1_000, 10_000)).await?;
    let many = Side::filled(services, effort.pick(20_000, 1_000_000)).await?;
    let mut sides = [few, many];
    let repetitions = effort.pick(20, 200);
    let mut measurements = Vec::new();
    for (name, task) in TASKS {
        let mut series =
            [&sides[0], &sides[1]].map(|side| Series::new(format!("with {} orders", side.orders)));
        for round in effort.rounds() {
            progress(format!("growth, round {round}: {name}"));
            let mut times = [Vec::new(), Vec::new()];
            for _ in 0..repetitions {
                for (side, times) in sides.iter_mut().zip(&mut times) {
                    times.push(side.timed(*task).await?.as_secs_f64() * 1_000.0);
                }
            }
            for (series, times) in series.iter_mut().zip(&mut times) {
                times.sort_by(f64::total_cmp);
                series.push(times[times.len() / 2]);
            }
        }
        let [few, many] = series;
        let claim = Claim::ratio(format!("growth: {name}"), &many, &few, WANTED);
        measurements.push(Measurement::new(*name, "ms").series([few, many]).claims([claim]));
    }
    Ok(measurements)
}

/// A database with so many orders, and all that they leave behind.
pub(super) async fn filled(services: &Services, orders: u64) -> Result<World> {
    progress(format!("writing {orders} orders"));
    let world = seeded(services).await?;
    let sql = world.sql().await?;
    let data = DATA.replace("TENANT", &world.tenant().await?.id.to_string());
    let data = data.replace("ORDERS", &orders.to_string());
    // One by one: VACUUM is no part of a transaction. The first statement's comment has no semicolon.
    for statement in data.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        sql.batch_execute(statement).await?;
    }
    Ok(world)
}

impl Side {
    async fn filled(services: &Services, orders: u64) -> Result<Self> {
        let world = filled(services, orders).await?;
        let sql = world.sql().await?;
        let api = Api::start(&world, &[("COMPTOIR__LOG__FILTER", "warn")]).await?;
        Ok(Self { orders, world, sql, api: Some(api), placed: 0, confirmed: 0 })
    }

    async fn timed(&mut self, task: Task) -> Result<Duration> {
        let Some(api) = &self.api else { anyhow::bail!("its API has ended") };
        if let Task::Prune = task {
            self.sql.execute(DUE_RECORDS, &[&DUE]).await?;
        }
        let begin = Instant::now();
        match task {
            Task::Get(path) => {
                let answer = api.http.get(path).await?;
                ensure!(answer.status == 200, "{path}: {}", answer.text);
            }
            Task::Place => {
                self.placed += 1;
                let body = serde_json::from_str(&THREE_LINES.order(PRODUCTS))?;
                let answer =
                    api.http.post_with_key("/orders", &format!("bench-{}", self.placed), &body).await?;
                ensure!(answer.status == 201, "placing an order: {}", answer.text);
            }
            Task::Confirm => {
                // Odd ones are pending.
                let order = format!("01900000-0000-7000-b100-{:012x}", self.confirmed * 2 + 1);
                self.confirmed += 1;
                let answer = api.http.command(&format!("/orders/{order}/confirm")).await?;
                ensure!(answer.status == 200, "confirming {order}: {}", answer.text);
            }
            Task::Prune => {
                let pruned: i64 = self.sql.query_one(PRUNE, &[&DUE]).await?.get(0);
                ensure!(pruned == DUE, "{pruned} records were pruned in {}", self.world.database.name());
            }
        }
        Ok(begin.elapsed())
    }
}

impl Drop for Side {
    /// Ends the program before its world.
    fn drop(&mut self) {
        self.api = None;
    }
}
