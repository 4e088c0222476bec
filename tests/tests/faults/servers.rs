//! Servers of the test's own that are killed, restarted and choked.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::faults::{Fault, Options, Strike};
use comptoir_tests::harness::insert_event;

use super::{RECOVERY_LIMIT, endure, on_stage};

fn strike(fault: Fault, lasting_ms: u64) -> Strike {
    Strike { fault, replica: 0, lasting: Duration::from_millis(lasting_ms) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_choked_repeats_nothing_and_one_that_is_killed_or_restarted_loses_nothing() {
    let options = Options { replicas: 2, private_broker: true, ..Options::default() };
    on_stage(options, async |stage| {
        // Longer than a confirm may take.
        endure(stage, 31, &[strike(Fault::Alarm, 5000)]).await?;
        endure(stage, 32, &[strike(Fault::BrokerKilled, 0), strike(Fault::BrokerRestarted, 0)]).await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_loses_nothing() {
    let options = Options { replicas: 2, private_database: true, ..Options::default() };
    on_stage(options, async |stage| {
        // Shorter and longer than a lease.
        let strikes = [strike(Fault::DatabaseCrashed, 0), strike(Fault::DatabaseCrashed, 4000)];
        endure(stage, 33, &strikes).await?;
        Ok(())
    })
    .await;
}

/// PostgreSQL gives the ids of transactions that were rolled back, and not yet written down, once more after a crash. To a
/// relay that saw their end they are transactions of the past.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_transactions_whose_ids_were_given_twice_are_found_at_once() {
    let slow_sweep = vec![("COMPTOIR__RELAY__SWEEP_INTERVAL_MS".to_owned(), "3600000".to_owned())];
    let options = Options {
        replicas: 1,
        private_database: true,
        environments: vec![slow_sweep],
        ..Options::default()
    };
    on_stage(options, async |stage| {
        let sql = stage.world.sql().await?;
        insert_event(&sql, "before", "thing.happened", "1").await?;
        stage.recovered(RECOVERY_LIMIT).await?;
        let mut spent = 0;
        for _ in 0..3 {
            let sql = stage.world.sql().await?;
            for _ in 0..500 {
                sql.batch_execute("BEGIN").await?;
                insert_event(&sql, "rolled-back", "thing.happened", "1").await?;
                sql.batch_execute("ROLLBACK").await?;
            }
            // The relay looks, so that it has seen the end of all of them.
            let last = transaction_id(&sql).await?;
            sql.batch_execute("NOTIFY comptoir_outbox").await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
            stage.suffer(strike(Fault::DatabaseCrashed, 0)).await?;
            let sql = stage.world.sql().await?;
            spent += (last - transaction_id(&sql).await?).max(0);
            for number in 0..64 {
                insert_event(&sql, &format!("after-{number}"), "thing.happened", "1").await?;
            }
            stage.recovered(Duration::from_secs(20)).await?;
        }
        ensure!(spent > 0, "no transaction id was given twice: the test tests nothing");
        Ok(())
    })
    .await;
}

/// The next one.
async fn transaction_id(sql: &tokio_postgres::Client) -> Result<i64> {
    let row = sql.query_one("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint", &[]).await?;
    Ok(row.get(0))
}
