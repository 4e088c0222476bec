//! Seen: something between the relay and PostgreSQL forgot the session that listens for wake-ups, and went on acknowledging what
//! was sent on it. Nothing was ever heard again: 2 ms from commit to delivery became 865 ms, the wait of a poll, for good. Now the
//! session has a heartbeat, and is replaced within seconds.

use std::time::Duration;

use comptoir_tests::harness::{Proxy, Relay, World, address, insert_event, until, with_address};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_replaced_and_wake_ups_are_heard_again() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let proxy = Proxy::start(address(&world.database.relay_url)?).await?;
        let database_url = with_address(&world.database.relay_url, &proxy.address())?;
        // Nothing is found by polling within the test's time, and the other sessions are given up soon.
        let relay = Relay::start(
            world,
            &[
                ("DATABASE_URL", &database_url),
                ("COMPTOIR__RELAY__POLL_MIN_MS", "600000"),
                ("COMPTOIR__RELAY__POLL_MAX_MS", "600000"),
                ("COMPTOIR__RELAY__SWEEP_INTERVAL_MS", "600000"),
                ("COMPTOIR__DATABASE__STATEMENT_TIMEOUT_MS", "2000"),
            ],
        )
        .await?;
        let sql = world.sql().await?;
        let mut published = 0;
        let mut announce = async |limit| {
            insert_event(&sql, "one", "thing.happened", "{}").await?;
            published += 1;
            let wanted = published;
            until("the event to arrive", limit, async || {
                sql.batch_execute("NOTIFY comptoir_outbox").await?;
                consumer.wait_for(wanted, Duration::from_millis(100)).await
            })
            .await
        };
        announce(LIMIT).await?;
        proxy.strand();
        // Found when the leases' session is replaced, if not by its wake-up.
        announce(LIMIT).await?;
        // By its wake-up alone, and not after the 33 s that this took with these settings.
        announce(Duration::from_secs(15)).await?;
        relay.stop().await
    })
    .await;
}
