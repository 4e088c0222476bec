//! What the metrics say of what the relay has not read yet.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{
    Http, Proxy, Relay, Scrape, World, address, insert_event, insert_many, until, with_address,
};

const LIMIT: Duration = Duration::from_secs(60);
const PENDING: &str = "comptoir_relay_pending_events";
const OLDEST: &str = "comptoir_relay_oldest_pending_seconds";

/// Waits until the relay says that about so many events are pending, and the oldest for about so long.
async fn about(http: &Http, events: f64, seconds: f64) -> Result<()> {
    until(format!("about {events} events pending for {seconds} s"), LIMIT, async || {
        let scrape = Scrape::of(http).await?;
        let (pending, oldest) = (scrape.sum(PENDING).unwrap_or(-1.0), scrape.sum(OLDEST).unwrap_or(-1.0));
        ensure!((pending - events).abs() <= events * 0.1, "{pending} pending");
        ensure!((seconds..=seconds + 120.0).contains(&oldest), "the oldest for {oldest} s");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_behind_a_broker_that_is_gone_is_counted_and_dated_though_it_does_not_fit_into_memory() {
    World::run(async |world| {
        let broker = Proxy::start(address(&world.vhost().url)?).await?;
        let url = with_address(&world.vhost().url, &broker.address())?;
        broker.cut();
        let environment = [
            ("AMQP_URL", url.as_str()),
            ("COMPTOIR__RELAY__WINDOW", "100"),
            ("COMPTOIR__RELAY__BUFFER_EVENTS", "200"),
        ];
        let (_relay, http) = Relay::with_http(world, &environment).await?;
        let sql = world.sql().await?;
        // More in each shard than are counted one by one, and the oldest is not among those that fit into memory.
        insert_many(&sql, 50_000, 3000).await?;
        sql.execute(
            "UPDATE outbox_events SET occurred_at = now() - interval '1 hour'
             WHERE seq = (SELECT min(seq) + 6400 FROM outbox_events)",
            &[],
        )
        .await?;
        about(&http, 50_000.0, 3600.0).await?;
        sql.execute(
            "DELETE FROM outbox_events WHERE seq >= (SELECT min(seq) + 2000 FROM outbox_events)",
            &[],
        )
        .await?;
        about(&http, 2000.0, 0.0).await?;
        broker.heal();
        world.drained(LIMIT).await?;
        until("nothing to be pending", LIMIT, async || {
            let scrape = Scrape::of(&http).await?;
            ensure!(scrape.sum(PENDING) == Some(0.0), "{:?}", scrape.sum(PENDING));
            ensure!(scrape.sum(OLDEST) == Some(0.0), "{:?}", scrape.sum(OLDEST));
            Ok(())
        })
        .await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_of_a_hot_aggregate_that_waits_is_counted() {
    World::run(async |world| {
        // No queue is bound: the first event is refused, and everything waits behind it.
        let environment = [
            ("COMPTOIR__RELAY__UNROUTABLE", "retry"),
            ("COMPTOIR__RELAY__RETRY_MIN_MS", "100"),
            ("COMPTOIR__RELAY__RETRY_MAX_MS", "200"),
            ("COMPTOIR__RELAY__MAX_RETRIES", "1000000"),
            ("COMPTOIR__RELAY__AGGREGATE_EVENTS", "16"),
            ("COMPTOIR__RELAY__SWEEP_INTERVAL_MS", "500"),
        ];
        let (_relay, http) = Relay::with_http(world, &environment).await?;
        insert_many(&world.sql().await?, 1000, 1).await?;
        about(&http, 1000.0, 0.0).await?;
        // Through retries, and through sweeps that read everything again.
        let rounds = async || -> Result<f64> {
            Ok(Scrape::of(&http).await?.sum("comptoir_relay_retried_total").unwrap_or(0.0))
        };
        let before = rounds().await?;
        until("more retries", LIMIT, async || {
            let now = rounds().await?;
            ensure!(now >= before + 15.0, "{now} retries");
            Ok(())
        })
        .await?;
        about(&http, 1000.0, 0.0).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_that_wait_for_a_decision_are_counted_by_whoever_runs() {
    World::run(async |world| {
        let (_relay, http) = Relay::with_http(world, &[]).await?;
        let says = async |expected: f64| {
            until(format!("{expected} dead letters"), LIMIT, async || {
                let waiting = Scrape::of(&http).await?.sum("comptoir_relay_waiting_dead_letters");
                ensure!(waiting == Some(expected), "{waiting:?}");
                Ok(())
            })
            .await
        };
        says(0.0).await?;
        insert_many(&world.sql().await?, 30, 3).await?;
        says(30.0).await?;
        let exit = world.run_relay(&["dead-letters", "discard", "--all", "--yes"]).await?;
        ensure!(exit.code == Some(0), "{exit:?}");
        says(0.0).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_of_events_is_counted_and_timed() {
    World::run(async |world| {
        let consumer = super::refused::orders_only(world).await?;
        let (_relay, http) = Relay::with_http(world, &[("COMPTOIR__RELAY__UNROUTABLE", "discard")]).await?;
        let sql = world.sql().await?;
        for aggregate in ["a", "b", "c"] {
            insert_event(&sql, aggregate, "order.placed", "1").await?;
        }
        insert_event(&sql, "d", "nobody.cares", "1").await?;
        consumer.wait_for(3, LIMIT).await?;
        world.drained(LIMIT).await?;
        let scrape = Scrape::of(&http).await?;
        for (name, expected) in [
            ("comptoir_relay_published_total", 3.0),
            ("comptoir_relay_discarded_total", 1.0),
            ("comptoir_relay_commit_to_confirm_seconds_count", 3.0),
            ("comptoir_relay_settle_missed_events_total", 0.0),
        ] {
            assert_eq!(scrape.sum(name), Some(expected), "{name}");
        }
        let batches = scrape.sum("comptoir_relay_confirm_seconds_count");
        assert!(
            batches.is_some_and(|batches| (1.0..=4.0).contains(&batches)),
            "{batches:?} batches confirmed"
        );
        Ok(())
    })
    .await;
}
