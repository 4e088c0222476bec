//! Read: how many rows a settle touched was thrown away. Fewer than were decided means that a lease is lost, or that somebody
//! else changed the outbox, and nobody was told.

use std::time::Duration;

use anyhow::ensure;
use comptoir_tests::harness::{Proxy, Relay, Scrape, World, address, insert_event, until, with_address};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn are_counted_and_logged() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let proxy = Proxy::start(address(&world.vhost().url)?).await?;
        let amqp_url = with_address(&world.vhost().url, &proxy.address())?;
        let (relay, http) = Relay::with_http(world, &[("AMQP_URL", &amqp_url)]).await?;
        let sql = world.sql().await?;
        insert_event(&sql, "one", "thing.happened", "{}").await?;
        world.everything_arrives(&consumer, LIMIT).await?;
        // The event arrives, its confirm does not yet: somebody deletes the row meanwhile.
        proxy.swallow_answers();
        insert_event(&sql, "one", "thing.happened", "{}").await?;
        consumer.wait_for(2, LIMIT).await?;
        sql.batch_execute("DELETE FROM outbox_events").await?;
        proxy.resume();
        until("the settle to be counted", LIMIT, async || {
            let missed = Scrape::of(&http).await?.sum("comptoir_relay_settle_missed_events_total");
            ensure!(missed == Some(1.0), "{missed:?}");
            Ok(())
        })
        .await?;
        let log = relay.daemon.output();
        ensure!(log.contains("events could not be settled"), "{log}");
        relay.stop().await
    })
    .await;
}
