//! Networks that are cut, slow, or silent.

use std::time::Duration;

use comptoir_tests::faults::{Direction, End, Fault, Side, Strike};

use super::{endure, on_stage, replicas};

/// Every fault of the connection to one side, on the one replica of two that is not always the same.
async fn every_fault_of(side: Side, seed: u64) {
    let faults = [
        (Fault::Cut(side), 1000),
        (Fault::BlackHole(side, Direction::Requests, End::Lost), 5000),
        (Fault::BlackHole(side, Direction::Answers, End::Late), 5000),
        (Fault::BlackHole(side, Direction::Both, End::Late), 2000),
        (Fault::Stranded(side), 500),
    ];
    let strikes: Vec<Strike> = faults
        .into_iter()
        .enumerate()
        .map(|(number, (fault, lasting_ms))| Strike {
            fault,
            replica: number % 2,
            lasting: Duration::from_millis(lasting_ms),
        })
        .collect();
    on_stage(replicas(2), async |stage| endure(stage, seed, &strikes).await.map(drop)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_to_the_broker_that_fails_in_any_way_loses_nothing() {
    every_fault_of(Side::Broker, 11).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn a_network_to_the_database_that_fails_in_any_way_loses_nothing() {
    every_fault_of(Side::Database, 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_network_and_sessions_that_are_terminated_repeat_nothing() {
    let strike = |fault, lasting_ms| Strike { fault, replica: 0, lasting: Duration::from_millis(lasting_ms) };
    let strikes = [
        strike(Fault::Slow(Side::Broker, 100), 1500),
        strike(Fault::Slow(Side::Database, 50), 1500),
        strike(Fault::SessionsTerminated, 0),
        strike(Fault::SessionsTerminated, 0),
    ];
    on_stage(replicas(2), async |stage| endure(stage, 13, &strikes).await.map(drop)).await;
}
