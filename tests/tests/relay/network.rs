//! Databases and brokers that go away: nobody's event is at fault.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{
    Proxy, Relay, Scrape, World, Writers, address, insert_event, insert_many, until, with_address,
};

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
            let closed = world.vhost().close_connections().await?;
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
            Proxy::start(address(&world.vhost().url)?).await?,
        );
        database.cut();
        broker.cut();
        let (database_url, amqp_url) = (
            with_address(&world.database.relay_url, &database.address())?,
            with_address(&world.vhost().url, &broker.address())?,
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

/// The broker takes the event, and its confirm never comes: the connection is as good as lost, though nothing says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_the_broker_takes_and_never_confirms_is_published_again_on_a_new_connection() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let proxy = Proxy::start(address(&world.vhost().url)?).await?;
        let amqp_url = with_address(&world.vhost().url, &proxy.address())?;
        let environment = [("AMQP_URL", amqp_url.as_str()), ("COMPTOIR__BROKER__CONFIRM_TIMEOUT_MS", "2000")];
        let (relay, http) = Relay::with_http(world, &environment).await?;
        let sql = world.sql().await?;
        insert_event(&sql, "t-1", "thing.happened", "1").await?;
        world.everything_arrives(&consumer, LIMIT).await?;
        proxy.swallow_answers();
        insert_event(&sql, "t-1", "thing.happened", "2").await?;
        consumer.wait_for(2, LIMIT).await?;
        until("the relay to give the connection up", Duration::from_secs(20), async || {
            let scrape = Scrape::of(&http).await?;
            let lost: Vec<_> = scrape
                .samples
                .iter()
                .filter(|sample| sample.name == "comptoir_relay_broker_losses_total" && sample.value > 0.0)
                .collect();
            let is_it = |label: &String| label == "confirm-timeout";
            ensure!(lost.iter().any(|sample| sample.labels.get("reason").is_some_and(is_it)), "{lost:?}");
            Ok(())
        })
        .await?;
        proxy.heal();
        let findings = world.everything_arrives(&consumer, LIMIT).await?;
        assert!(findings.repeats >= 1, "the broker has it twice: {findings:?}");
        assert_eq!(retries(world).await?, 0, "the event is not at fault");
        relay.stop().await
    })
    .await;
}
