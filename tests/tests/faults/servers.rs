//! Servers of the test's own that are killed, restarted and choked.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::faults::{Fault, Options, Strike};
use comptoir_tests::harness::insert_event;

use super::{RECOVERY_LIMIT, endure, on_stage, replicas};

fn strike(fault: Fault, lasting_ms: u64) -> Strike {
    Strike { fault, replica: 0, lasting: Duration::from_millis(lasting_ms) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_choked_repeats_nothing_and_one_that_is_killed_or_restarted_loses_nothing() {
    let options = Options { private_broker: true, ..replicas(2) };
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
#[ignore = "slow: make test-all"]
async fn events_of_transactions_whose_ids_were_given_twice_are_found_at_once() {
    // So that neither a sweep nor a new lease makes the relay read everything anyway. Renewals write what was rolled back:
    // seldom ones leave time for a crash before the next, also where the machine is busy.
    let patient = [
        ("SWEEP_INTERVAL_MS", "3600000"),
        ("LEASE_TTL_MS", "120000"),
        ("LEASE_RENEWAL_MS", "3000"),
        ("HANDOVER_AFTER_MS", "15000"),
        ("POLL_MAX_MS", "20"),
    ];
    let patient =
        patient.map(|(name, value)| (format!("COMPTOIR__RELAY__{name}"), value.to_owned())).to_vec();
    let options =
        Options { replicas: 1, private_database: true, environments: vec![patient], ..Options::default() };
    on_stage(options, async |stage| {
        let sql = stage.world.sql().await?;
        insert_event(&sql, "before", "thing.happened", "1").await?;
        stage.recovered(RECOVERY_LIMIT).await?;
        // What is rolled back reaches the disk with the next commit, and else not for a while.
        let server = stage.world.superuser().await?;
        server.batch_execute("ALTER SYSTEM SET wal_writer_delay = '10s'").await?;
        server.batch_execute("SELECT pg_reload_conf()").await?;
        let mut spent = 0;
        // When a lease is renewed in between, all of it is written, and the next try has to do.
        for _ in 0..10 {
            let sql = stage.world.sql().await?;
            sql.batch_execute(&"BEGIN; SELECT pg_current_xact_id(); ROLLBACK; ".repeat(200)).await?;
            let last = transaction_id(&sql).await?;
            // The relay polls, and sees the end of all of them.
            tokio::time::sleep(Duration::from_millis(100)).await;
            stage.suffer(strike(Fault::DatabaseCrashed, 0)).await?;
            let sql = stage.world.sql().await?;
            spent += (last - transaction_id(&sql).await?).max(0);
            for number in 0..64 {
                insert_event(&sql, &format!("after-{number}"), "thing.happened", "1").await?;
            }
            stage.recovered(Duration::from_secs(20)).await?;
            if spent > 0 {
                break;
            }
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
