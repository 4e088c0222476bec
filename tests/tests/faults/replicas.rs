//! Replicas that are killed, told to stop, frozen, added and taken away.

use std::time::Duration;

use anyhow::ensure;
use comptoir_tests::faults::{Fault, Strike};

use super::{endure, on_stage, replicas};

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
