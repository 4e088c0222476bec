//! Databases and brokers that go away: nobody's event is at fault.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Proxy, Relay, World, Writers, address, insert_many, until, with_address};

const LIMIT: Duration = Duration::from_secs(60);

async fn retries(world: &World) -> Result<i64> {
    let sql = world.sql().await?;
    let retries: i64 = sql
        .query_one(
            "SELECT (SELECT coalesce(sum(retry_count), 0) FROM outbox_events)
                  + (SELECT coalesce(sum(retry_count), 0) FROM outbox_history)
                  + (SELECT count(*) FROM outbox_dead_letters)",
            &[],
        )
        .await?
        .get(0);
    Ok(retries)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_broker_closes_are_opened_again() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let _relay = world.relay().await?;
        let writers = Writers::start(&world.database.writer_url, 3, Duration::from_millis(4), 4);
        // The management interface knows of a connection some seconds after it was opened.
        until("the broker to close connections", LIMIT, async || {
            let closed = world.vhost.close_connections().await?;
            ensure!(closed >= 2, "{closed} connections");
            Ok(())
        })
        .await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let written = writers.finish().await?;
        world.everything_of_arrives(&written, &consumer, LIMIT).await?;
        assert_eq!(retries(world).await?, 0, "an outage moves no retry count");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_starts_before_its_database_and_broker_waits_for_them() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        insert_many(&world.sql().await?, 100, 10).await?;
        let (database, broker) = (
            Proxy::start(address(&world.database.url)?).await?,
            Proxy::start(address(&world.vhost.url)?).await?,
        );
        database.cut();
        broker.cut();
        let (database_url, amqp_url) = (
            with_address(&world.database.relay_url, &database.address())?,
            with_address(&world.vhost.url, &broker.address())?,
        );
        let mut relay = Relay::launch(world, &[("DATABASE_URL", &database_url), ("AMQP_URL", &amqp_url)])?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        ensure!(relay.daemon.ended()?.is_none(), "it gave up: {}", relay.daemon.output());
        database.heal();
        tokio::time::sleep(Duration::from_millis(500)).await;
        broker.heal();
        world.everything_arrives(&consumer, LIMIT).await?;
        Ok(())
    })
    .await;
}
