//! Replicas that are killed, told to stop, frozen, added and taken away.

use std::time::Duration;

use anyhow::ensure;
use comptoir_tests::faults::{Direction, End, Fault, Load, LoadOptions, Side, Strike};

use super::{RECOVERY_LIMIT, endure, on_stage, replicas, under_way};

fn strike(fault: Fault, replica: usize, lasting_ms: u64) -> Strike {
    Strike { fault, replica, lasting: Duration::from_millis(lasting_ms) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_told_to_stop_that_come_and_that_go_repeat_nothing() {
    let strikes = [
        strike(Fault::Terminated, 0, 0),
        strike(Fault::Joined, 0, 1500),
        strike(Fault::Terminated, 1, 500),
        strike(Fault::Terminated, 2, 0),
    ];
    on_stage(replicas(3), async |stage| endure(stage, 21, &strikes).await.map(drop)).await;
}

/// A replica that waits for confirms cannot give shards back to one that joins; when that one leaves again, it keeps them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_that_were_to_be_given_back_and_are_kept_go_on() {
    on_stage(replicas(2), async |stage| {
        let options = LoadOptions { writers: 4, pause: Duration::from_millis(5), seed: 23 };
        let load = Load::start(&stage.world.database.writer_url, options);
        under_way(stage).await?;
        let silent = strike(Fault::BlackHole(Side::Broker, Direction::Answers, End::Late), 0, 6000);
        tokio::try_join!(stage.suffer(silent), stage.suffer(strike(Fault::Joined, 0, 1200)))?;
        stage.recovered(RECOVERY_LIMIT).await?;
        let verdict = stage.verdict(&load.finish().await?, RECOVERY_LIMIT).await?;
        ensure!(verdict.holds(), "{verdict}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_killed_repeat_at_most_what_was_in_flight() {
    let strikes = [strike(Fault::Killed, 0, 0), strike(Fault::Killed, 1, 3500)];
    on_stage(replicas(3), async |stage| {
        let verdict = endure(stage, 22, &strikes).await?;
        // `relay.window` of each that was killed.
        ensure!(verdict.findings.republished <= 2 * 1000, "{verdict}");
        Ok(())
    })
    .await;
}
