//! Seen: with `broker.max_message_bytes` = 1,000,000 one transaction wrote a payload of 20 MB into shard 0 and one event each
//! of 40 aggregates; 4 s later each got a second event. All second events arrived before the first ones, which came after 56 s.
//!
//! The statement that reads ended the page by the size that was stored, and the relay judged by what had arrived, which was
//! `null`, whether it had ended: the cursors passed what was not returned.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{Consumer, Relay, World, insert_event, until};
use tokio_postgres::Client;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(60);
const AGGREGATES: usize = 40;

/// The id of an aggregate whose events are in the shard.
async fn aggregate_of_shard(sql: &Client, shard: i32) -> Result<String> {
    let row = sql
        .query_one(
            "SELECT 'large-' || n FROM generate_series(1, 10000) AS n
             WHERE hashtextextended('large-' || n, 0) & 63 = $1::integer LIMIT 1",
            &[&shard],
        )
        .await?;
    Ok(row.get(0))
}

async fn insert_large(sql: &Client, aggregate: &str, bytes: i32) -> Result<()> {
    sql.execute(
        "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)
         VALUES ('thing', $1, 'thing.happened', to_json(repeat('x', $2)))",
        &[&aggregate, &bytes],
    )
    .await?;
    Ok(())
}

async fn too_large_are_dead(sql: &Client, count: i64) -> Result<()> {
    until("the large ones to be dead letters", LIMIT, async || {
        let dead: i64 = sql
            .query_one("SELECT count(*) FROM outbox_dead_letters WHERE reason = 'too-large'", &[])
            .await?
            .get(0);
        ensure!(dead == count, "{dead} of {count}");
        Ok(())
    })
    .await
}

/// Nothing came by a sweep: it is an hour away.
async fn everything_arrives_in_order(world: &World, consumer: &Consumer, count: usize) -> Result<()> {
    consumer.wait_for(count, LIMIT).await?;
    world.everything_arrives(consumer, LIMIT).await?;
    Ok(())
}

const SETTINGS: [(&str, &str); 2] =
    [("COMPTOIR__BROKER__MAX_MESSAGE_BYTES", "1000000"), ("COMPTOIR__RELAY__SWEEP_INTERVAL_MS", "3600000")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_behind_a_payload_that_fills_a_page_arrive_and_before_their_successors() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let _relay = Relay::start(world, &SETTINGS).await?;
        let mut sql = world.sql().await?;
        // What becomes visible at once is read by another statement than a backlog: each has its turn.
        let large = aggregate_of_shard(&sql, 0).await?;
        let transaction = sql.transaction().await?;
        insert_large(transaction.client(), &large, 20_000_000).await?;
        for number in 0..AGGREGATES {
            insert_event(transaction.client(), &format!("t-{number}"), "thing.happened", "1").await?;
        }
        transaction.commit().await?;
        too_large_are_dead(&sql, 1).await?;
        for number in 0..AGGREGATES {
            insert_event(&sql, &format!("t-{number}"), "thing.happened", "2").await?;
        }
        everything_arrives_in_order(world, &consumer, 2 * AGGREGATES).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_of_any_size_strewn_among_others_leave_nothing_behind() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let sql = world.sql().await?;
        let (mut large, mut small) = (0, 0);
        for number in 0..300 {
            let aggregate = format!("t-{}", number % 60);
            match number % 25 {
                0 => {
                    insert_large(&sql, &aggregate, 1_200_000 * (1 + number % 7)).await?;
                    large += 1;
                }
                10 => {
                    insert_large(&sql, &aggregate, 999_000).await?;
                    small += 1;
                }
                _ => {
                    insert_event(&sql, &aggregate, "thing.happened", "1").await?;
                    small += 1;
                }
            }
        }
        let settings = [SETTINGS[0], SETTINGS[1], ("COMPTOIR__RELAY__BUFFER_BYTES", "1500000")];
        let _relay = Relay::start(world, &settings).await?;
        everything_arrives_in_order(world, &consumer, small).await?;
        too_large_are_dead(&sql, large).await
    })
    .await;
}

/// What the header row of a page counts for is not an event's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buffer_of_a_few_bytes_drains_an_event_at_a_time() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let sql = world.sql().await?;
        for number in 0..30 {
            insert_event(&sql, &format!("t-{}", number % 10), "thing.happened", "1").await?;
        }
        let settings = [SETTINGS[1], ("COMPTOIR__RELAY__BUFFER_BYTES", "1")];
        let _relay = Relay::start(world, &settings).await?;
        everything_arrives_in_order(world, &consumer, 30).await
    })
    .await;
}

/// One read of the rests of several aggregates ends where it has as many bytes as fit. Of an aggregate that it had not come
/// to, the relay took the first event for read: a sweep found it behind its successors.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aggregates_whose_rest_a_read_did_not_come_to_lose_nothing() {
    World::run(async |world| {
        let consumer = world.consumer().await?;
        let sql = world.sql().await?;
        let (aggregates, events) = (20, 8);
        for event in 0..events {
            for number in 0..aggregates {
                // Larger each time, so that there is room for the heads and not for their successors. PostgreSQL cannot
                // compress it.
                let random: String = (0..100 * event).map(|_| Uuid::new_v4().simple().to_string()).collect();
                let payload = format!("\"{random}\"");
                insert_event(&sql, &format!("t-{number}"), "thing.happened", &payload).await?;
            }
        }
        let settings = [
            SETTINGS[1],
            ("COMPTOIR__RELAY__BUFFER_BYTES", "100000"),
            ("COMPTOIR__RELAY__AGGREGATE_EVENTS", "1"),
        ];
        let _relay = Relay::start(world, &settings).await?;
        everything_arrives_in_order(world, &consumer, events * aggregates).await
    })
    .await;
}
