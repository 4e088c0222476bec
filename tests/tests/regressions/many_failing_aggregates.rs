//! Seen: with one full queue that refuses what is published (`reject-publish`), 5,000 refused aggregates delayed fresh events
//! of another queue by 1.6 s, 20,000 by 5 s, 45,000 by 157 s; at 51,000, above `relay.waiting_aggregates`, nothing fresh was read
//! any more, for ever.
//!
//! What waited for a retry was kept in memory and read again before anything new, each aggregate by a walk over its shard.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Consumer, QueueOptions, Relay, World, insert_event, narrow_queue, until};
use lapin::options::{QueueDeleteOptions, QueuePurgeOptions};

const LIMIT: Duration = Duration::from_secs(120);

async fn healthy_consumer(world: &World) -> Result<Consumer> {
    let options = QueueOptions { binding: "healthy.#".into(), ..QueueOptions::default() };
    Consumer::attach(&world.vhost().url, options).await
}

/// One event of each of so many aggregates, and a second one of every tenth.
async fn insert_failing(world: &World, aggregates: i32) -> Result<()> {
    let sql = world.sql().await?;
    insert_event(&sql, "filler", "failing.fits", "1").await?;
    for (first, count) in [(true, aggregates), (false, aggregates / 10)] {
        sql.execute(
            "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)
             SELECT 'thing', 'f-' || n, CASE WHEN $1 THEN 'failing.first' ELSE 'healthy.behind' END, '1'
             FROM generate_series(1, $2::integer) AS n",
            &[&first, &count],
        )
        .await?;
    }
    Ok(())
}

async fn refused_once(world: &World, aggregates: i32) -> Result<()> {
    let sql = world.sql().await?;
    until(format!("{aggregates} aggregates to be refused"), LIMIT, async || {
        let refused: i64 =
            sql.query_one("SELECT count(*) FROM outbox_events WHERE retry_count > 0", &[]).await?.get(0);
        ensure!(refused >= i64::from(aggregates), "{refused} refused");
        Ok(())
    })
    .await
}

/// More aggregates fail than are ever in memory, and are tried again all the time; fresh events arrive meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aggregates_that_fail_delay_no_fresh_event_and_go_on_in_order_when_they_can() {
    const FAILING: i32 = 1000;
    const FRESH: usize = 200;
    World::run(async |world| {
        let consumer = healthy_consumer(world).await?;
        let (_connection, channel) = narrow_queue(&world.vhost().url, "failing.#").await?;
        let environment = [
            ("COMPTOIR__RELAY__WINDOW", "200"),
            ("COMPTOIR__RELAY__BUFFER_EVENTS", "400"),
            ("COMPTOIR__RELAY__RETRY_MIN_MS", "200"),
            ("COMPTOIR__RELAY__RETRY_MAX_MS", "500"),
            ("COMPTOIR__RELAY__MAX_RETRIES", "100000"),
        ];
        let _relay = Relay::start(world, &environment).await?;
        insert_failing(world, FAILING).await?;
        refused_once(world, FAILING).await?;
        // Each of them arrives, though there is always something that waits for its next attempt.
        let sql = world.sql().await?;
        let mut slowest = Duration::ZERO;
        for number in 0..FRESH {
            let written = Instant::now();
            insert_event(&sql, &format!("h-{}", number % 20), "healthy.fresh", "1").await?;
            consumer.wait_for(number + 1, LIMIT).await?;
            slowest = slowest.max(written.elapsed());
        }
        // Generous, for a machine that is busy; it was minutes.
        ensure!(slowest < Duration::from_secs(15), "{slowest:?}");
        // Nobody is forgotten: each is tried again and again.
        until("every aggregate to be tried again", LIMIT, async || {
            let least: i32 = sql
                .query_one(
                    "SELECT min(retry_count) FROM outbox_events WHERE event_type = 'failing.first'",
                    &[],
                )
                .await?
                .get(0);
            ensure!(least >= 2, "{least} times");
            Ok(())
        })
        .await?;
        let behind: Vec<String> = consumer
            .messages()
            .iter()
            .filter(|message| message.header("event-type").as_deref() == Some("healthy.behind"))
            .filter_map(|message| message.header("aggregate-id"))
            .collect();
        let overtaken: Option<String> = sql
            .query_one(
                "SELECT string_agg(aggregate_id, ', ') FROM outbox_events
                 WHERE event_type = 'failing.first' AND aggregate_id = ANY ($1)",
                &[&behind],
            )
            .await?
            .get(0);
        ensure!(overtaken.is_none(), "overtook the refused event of their aggregate: {overtaken:?}");
        // The queue takes the filler, and perhaps one more.
        ensure!(behind.len() < 3, "{behind:?} were not refused");
        // And when the queue takes them, what waited behind them follows.
        let all =
            QueueOptions { name: "taker".into(), binding: "failing.#".into(), ..QueueOptions::default() };
        let _taker = Consumer::attach(&world.vhost().url, all).await?;
        channel.queue_delete("narrow".into(), QueueDeleteOptions::default()).await?;
        consumer.wait_for(FRESH + usize::try_from(FAILING / 10)?, LIMIT).await?;
        world.drained(LIMIT).await?;
        // What a page shows of events that stand behind others is not what is published.
        ensure!(consumer.messages().iter().all(|message| message.body == "1"), "bodies");
        Ok(())
    })
    .await;
}

/// Another replica, which knows nothing of what was refused, lets nothing overtake either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_holds_its_aggregate_back_over_a_restart_and_for_events_that_come_after_it() {
    World::run(async |world| {
        let consumer = healthy_consumer(world).await?;
        let (_connection, channel) = narrow_queue(&world.vhost().url, "failing.#").await?;
        let environment =
            [("COMPTOIR__RELAY__RETRY_MIN_MS", "2000"), ("COMPTOIR__RELAY__RETRY_MAX_MS", "4000")];
        let mut relay = Relay::start(world, &environment).await?;
        insert_failing(world, 30).await?;
        refused_once(world, 30).await?;
        relay.daemon.kill()?;
        let _relay = Relay::start(world, &environment).await?;
        let sql = world.sql().await?;
        for number in 1..=30 {
            insert_event(&sql, &format!("f-{number}"), "healthy.after", "1").await?;
        }
        insert_event(&sql, "other", "healthy.other", "1").await?;
        consumer.wait_for(1, LIMIT).await?;
        let first = consumer.messages()[0].header("event-type");
        ensure!(first.as_deref() == Some("healthy.other"), "{first:?} overtook a refused event");
        // The queue is empty again and takes one; the others of them wait on.
        channel.queue_purge("narrow".into(), QueuePurgeOptions::default()).await?;
        consumer.wait_for(2, LIMIT).await?;
        let refused: i64 = sql
            .query_one("SELECT count(*) FROM outbox_events WHERE event_type = 'failing.first'", &[])
            .await?
            .get(0);
        ensure!(refused >= 28, "{refused} of 30 still wait");
        let all =
            QueueOptions { name: "taker".into(), binding: "failing.#".into(), ..QueueOptions::default() };
        let _taker = Consumer::attach(&world.vhost().url, all).await?;
        channel.queue_delete("narrow".into(), QueueDeleteOptions::default()).await?;
        world.drained(LIMIT).await?;
        let arrived = consumer.wait_for(1 + 30 + 3, LIMIT).await;
        let mut seen: Vec<_> = consumer
            .messages()
            .iter()
            .map(|message| (message.header("aggregate-id"), message.header("event-type")))
            .collect();
        seen.sort();
        ensure!(arrived.is_ok(), "{seen:?}");
        Ok(())
    })
    .await;
}
