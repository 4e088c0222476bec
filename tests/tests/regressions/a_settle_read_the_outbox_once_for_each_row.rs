//! Seen: `ANALYZE` ran while a large insert was not committed, and noted a table without rows. PostgreSQL then took the outbox for the
//! smaller side of a join, and read all of it once for each row that was settled: 30 s instead of 5 ms (ADR 3).

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Plan, Plans, PrivateServices, World, insert_many};

const EVENTS: i64 = 5_000;
/// What a settle reads of the leases, at most.
const OF_LEASES: f64 = 10_000.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settle_reads_the_rows_that_it_settles_and_no_others_whatever_the_statistics_say() -> Result<()> {
    let server = PrivateServices::start_postgres()?;
    let world = World::new(server.services.clone()).await?;
    let (sql, writer) = (world.sql().await?, world.sql().await?);
    writer.batch_execute("BEGIN").await?;
    insert_many(&writer, EVENTS, EVENTS).await?;
    sql.batch_execute("ANALYZE outbox_events").await?;
    writer.batch_execute("COMMIT").await?;
    let _consumer = world.consumer().await?;
    let mut plans = Plans::of(&world, &server).await?;
    let exit = world.run_relay(&["--once"]).await?;
    ensure!(exit.code == Some(0), "{exit:?}");

    let is_settle = |plan: &Plan| plan.deletes_from("outbox_events");
    let mut settled = 0.0;
    for plan in plans.until(is_settle).await?.iter().filter(|plan| is_settle(plan)) {
        let rows = plan.deleted("outbox_events");
        // Each is read once by its index, and once where it is deleted.
        let most = 2.0 * rows + OF_LEASES;
        ensure!(plan.read() <= most, "{} rows were read for {rows}: {:#}", plan.read(), plan.root);
        settled += rows;
    }
    ensure!(settled == EVENTS as f64, "{settled} events were settled");
    Ok(())
}
