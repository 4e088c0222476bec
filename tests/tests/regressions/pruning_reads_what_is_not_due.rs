//! Seen: records of idempotency keys were found by a block range index. Once the space of pruned records was used again, new
//! ones stood among old ones, every block might hold one that was due, and each run read the whole table: every ten minutes,
//! on every replica.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Api, Plan, Plans, PrivateServices, World, until};

/// Rows that are not due, in the space of rows that were: what is due stands among them.
const RECORDS: &str = "
    INSERT INTO idempotency_records (tenant_id, principal_id, key, fingerprint, status, body, created_at)
    SELECT gen_random_uuid(), gen_random_uuid(), n, '', 201, '{}',
        now() - CASE WHEN n % 100 = 0 THEN interval '80 hours' ELSE interval '1 second' * (n % 3600) END
    FROM generate_series(1, 40000) AS n;
    ANALYZE idempotency_records;";
const DUE: i64 = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pruning_reads_the_records_that_it_forgets_and_no_others() -> Result<()> {
    let server = PrivateServices::start_postgres()?;
    let world = World::new(server.services.clone()).await?;
    let sql = world.sql().await?;
    sql.batch_execute(RECORDS).await?;
    let mut plans = Plans::of(&world, &server).await?;
    let api = Api::start(&world, &[]).await?;
    let is_pruning = |plan: &Plan| plan.deletes_from("idempotency_records");
    for plan in plans.until(is_pruning).await?.iter().filter(|plan| is_pruning(plan)) {
        // Each is read once by its index, and once where it is deleted.
        ensure!(plan.read() <= 2.0 * DUE as f64 + 1.0, "{} rows were read: {:#}", plan.read(), plan.root);
    }
    until("what is due to be forgotten", Duration::from_secs(20), async || {
        let left: i64 = sql.query_one("SELECT count(*) FROM idempotency_records", &[]).await?.get(0);
        ensure!(left == 40_000 - DUE, "{left} are left");
        Ok(())
    })
    .await?;
    drop(api);
    Ok(())
}
