//! Relays that are killed, stopped and stalled while they work.

use std::time::{Duration, Instant};

use anyhow::ensure;
use comptoir_tests::harness::{Relay, World, Writers, insert_event, insert_many, quick_once, until};
use nix::sys::signal::Signal;

const LIMIT: Duration = Duration::from_secs(40);
const EVENTS: i64 = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_killed_in_mid_window_loses_nothing_and_repeats_at_most_one_event_of_an_aggregate() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        const AGGREGATES: i64 = 2_000;
        const KILL_AT: [usize; 2] = [2_000, 7_000];
        insert_many(&world.sql().await?, EVENTS, AGGREGATES).await?;
        for kill_at in KILL_AT {
            let mut relay = Relay::launch(world, &[])?;
            consumer.wait_for(kill_at, LIMIT).await?;
            relay.daemon.kill()?;
        }
        let _relay = Relay::launch(world, &[])?;
        let findings = world.everything_arrives(&consumer, LIMIT).await?;
        // An event follows when the one before it is settled, so a kill can repeat the last event of each aggregate.
        let most = KILL_AT.len() as u64 * AGGREGATES.unsigned_abs();
        assert!(findings.repeats <= most, "{} repeats", findings.repeats);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_told_to_stop_repeats_nothing() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        insert_many(&world.sql().await?, EVENTS, 2_000).await?;
        for stop_at in [2_000, 7_000, 12_000] {
            let relay = world.relay().await?;
            consumer.wait_for(stop_at, LIMIT).await?;
            relay.stop().await?;
        }
        let _relay = world.relay().await?;
        let findings = world.everything_arrives(&consumer, LIMIT).await?;
        assert_eq!(findings.repeats, 0);
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_kills_over_three_replicas_loses_nothing_and_keeps_the_order() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let mut relays = [world.relay().await?, world.relay().await?, world.relay().await?];
        let writers = Writers::start(&world.database.writer_url, 4, Duration::from_millis(4), 2);
        for round in 0..6 {
            // Events are written, and published, between one kill and the next.
            writers.have_committed(100 * (round + 1), LIMIT).await?;
            tokio::time::sleep(Duration::from_millis(700)).await;
            let slot = round % relays.len();
            relays[slot].daemon.kill()?;
            relays[slot] = Relay::launch(world, &[])?;
        }
        let written = writers.finish().await?;
        let findings = world.everything_of_arrives(&written, &consumer, LIMIT).await?;
        assert!(findings.committed >= 600, "{findings:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_replica_takes_over_within_five_seconds() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let sql = world.sql().await?;
        let mut holder = world.relay().await?;
        let mut events = 0;
        quick_once("a takeover", Duration::from_secs(5), async || {
            until("one replica to hold everything", LIMIT, async || {
                let status = world.relay_status().await?;
                let replicas = status["replicas"].as_array().map(Vec::as_slice).unwrap_or_default();
                ensure!(replicas.iter().any(|replica| replica["shards"] == 64), "{replicas:?}");
                Ok(())
            })
            .await?;
            let other = world.relay().await?;
            holder.daemon.kill()?;
            let killed = Instant::now();
            holder = other;
            for number in 0..64 {
                insert_event(&sql, &format!("t-{number}"), "thing.happened", "1").await?;
            }
            events += 64;
            consumer.wait_for(events, LIMIT).await?;
            Ok(killed.elapsed())
        })
        .await
    })
    .await;
}

/// A replica that is frozen loses its shards; woken up, it must not publish from what it still remembers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_stalls_does_not_publish_from_shards_that_it_lost() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let (first, second) = (world.relay().await?, world.relay().await?);
        let writers = Writers::start(&world.database.writer_url, 4, Duration::from_millis(4), 3);
        for relay in [&first, &second] {
            tokio::time::sleep(Duration::from_millis(500)).await;
            relay.daemon.signal(Signal::SIGSTOP)?;
            // Longer than a lease lives.
            tokio::time::sleep(Duration::from_secs(5)).await;
            relay.daemon.signal(Signal::SIGCONT)?;
        }
        let written = writers.finish().await?;
        world.everything_of_arrives(&written, &consumer, LIMIT).await?;
        Ok(())
    })
    .await;
}
