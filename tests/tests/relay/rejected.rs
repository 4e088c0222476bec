//! Events on which the broker closes the channel: found among those that were on their way with them, and diverted.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comptoir_tests::harness::{EXCHANGE, PrivateServices, Relay, World, insert_event, until};

const LIMIT: Duration = Duration::from_secs(30);

/// The dead letters by seq: event type, reason, last error.
async fn dead_letters(world: &World, count: usize) -> Result<Vec<(String, String, String)>> {
    let sql = world.sql().await?;
    until(format!("{count} dead letters"), LIMIT, async || {
        let columns = "SELECT event_type, reason, last_error FROM outbox_dead_letters ORDER BY seq";
        let rows = sql.query(columns, &[]).await?;
        ensure!(rows.len() >= count, "{} dead letters", rows.len());
        Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect())
    })
    .await
}

/// A user may not write some routing keys: the broker closes the channel on them, and names no message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_closes_the_channel_is_found_and_diverted_and_the_others_arrive() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let sql = world.sql().await?;
        for number in 0..300 {
            let event_type = if number % 100 == 50 { "secret.thing" } else { "order.placed" };
            insert_event(&sql, &format!("t-{}", number % 40), event_type, &number.to_string()).await?;
        }
        let limited = world.vhost().user_limited_to(EXCHANGE, r"^order\..*").await?;
        let relay = Relay::start(world, &[("AMQP_URL", &limited)]).await?;
        let dead = dead_letters(world, 3).await?;
        assert!(dead.iter().all(|row| row.0 == "secret.thing" && row.1 == "rejected"), "{dead:?}");
        assert!(dead[0].2.contains("secret.thing"), "the broker's words are kept: {}", dead[0].2);
        let findings = world.everything_arrives(&consumer, LIMIT).await?;
        assert_eq!(findings.committed, 300);
        // And the window is wide again.
        for number in 0..300 {
            insert_event(&sql, &format!("t-{number}"), "order.placed", "1").await?;
        }
        world.everything_arrives(&consumer, LIMIT).await?;
        relay.stop().await
    })
    .await;
}

/// The broker's own limit is below `broker.max_message_bytes`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_too_large_for_the_broker_is_diverted_and_the_relay_does_not_loop() {
    let broker = tokio::task::block_in_place(|| PrivateServices::start_rabbitmq("max_message_size = 50000"));
    let broker = broker.expect("a broker");
    let world = World::new(broker.services.clone()).await.expect("a world");
    let consumer = world.consumer().await.expect("a consumer");
    let sql = world.sql().await.expect("a database");
    let large = format!("\"{}\"", "x".repeat(60_000));
    let write = async |count| -> Result<()> {
        for number in 0..count {
            let payload = if number % 10 == 5 { large.as_str() } else { "1" };
            insert_event(&sql, &format!("t-{}", number % 7), "order.placed", payload).await?;
        }
        Ok(())
    };
    write(100).await.expect("written");
    let relay = world.relay().await.expect("a relay");
    let dead = dead_letters(&world, 10).await.expect("dead letters");
    assert!(dead.iter().all(|row| row.1 == "too-large" && row.2.contains("50000")), "{dead:?}");
    world.everything_arrives(&consumer, LIMIT).await.expect("the others arrive");
    // The relay has learnt the limit: no connection is lost any more.
    write(100).await.expect("written");
    dead_letters(&world, 20).await.expect("dead letters");
    world.everything_arrives(&consumer, LIMIT).await.expect("the others arrive");
    let log = relay.daemon.output();
    assert_eq!(log.matches("no connection to the broker").count(), 1, "{log}");
    relay.stop().await.expect("a clean end");
    drop((consumer, sql, world));
}

/// Ours is the lower limit: the payload stays in the database, and the relay says how large it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_above_our_own_limit_is_diverted_without_being_read() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let sql = world.sql().await?;
        // One in the first page, one that comes as new, one that is read again with its aggregate.
        let payload = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
        insert_event(&sql, "t-1", "order.placed", &payload(10_000)).await?;
        insert_event(&sql, "t-1", "order.placed", &payload(80_000_000)).await?;
        let environment =
            [("COMPTOIR__BROKER__MAX_MESSAGE_BYTES", "10000"), ("COMPTOIR__RELAY__AGGREGATE_EVENTS", "1")];
        let relay = Relay::start(world, &environment).await?;
        dead_letters(world, 1).await?;
        insert_event(&sql, "t-2", "order.placed", &payload(10_001)).await?;
        insert_event(&sql, "t-2", "order.placed", "1").await?;
        let dead = dead_letters(world, 2).await?;
        for (row, bytes) in dead.iter().zip(["80000000", "10001"]) {
            assert!(row.1 == "too-large" && row.2.contains(bytes) && row.2.contains("10000"), "{dead:?}");
        }
        world.everything_arrives(&consumer, LIMIT).await?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", relay.daemon.pid()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no peak")?;
        let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse()?;
        assert!(peak_kib * 1024 < 80_000_000, "{peak_kib} KiB: the payload was in memory");
        relay.stop().await
    })
    .await;
}
