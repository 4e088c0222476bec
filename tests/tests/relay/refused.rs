//! Events that are at fault themselves: unroutable, or refused by a queue.

use std::time::Duration;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{
    Consumer, QueueOptions, Relay, Scrape, World, insert_event, insert_many, narrow_queue, until,
};
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};

const LIMIT: Duration = Duration::from_secs(30);
const DEAD_LETTER_QUEUE: &str = "commercial-management.dead-letters";
const FEW_RETRIES: [(&str, &str); 3] = [
    ("COMPTOIR__RELAY__MAX_RETRIES", "2"),
    ("COMPTOIR__RELAY__RETRY_MIN_MS", "50"),
    ("COMPTOIR__RELAY__RETRY_MAX_MS", "200"),
];

/// A consumer of the events that begin with `order.`; others have no queue.
pub(super) async fn orders_only(world: &World) -> Result<Consumer> {
    let options = QueueOptions { binding: "order.#".into(), ..QueueOptions::default() };
    Consumer::attach(&world.vhost().url, options).await
}

async fn dead_letters(world: &World) -> Result<Vec<(String, String, String, i32)>> {
    let rows = world
        .sql()
        .await?
        .query("SELECT id::text, reason, coalesce(last_error, ''), retry_count FROM outbox_dead_letters ORDER BY seq", &[])
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect())
}

pub(super) async fn wait_for_dead_letters(
    world: &World,
    count: usize,
) -> Result<Vec<(String, String, String, i32)>> {
    until(format!("{count} dead letters"), LIMIT, async || {
        let dead = dead_letters(world).await?;
        ensure!(dead.len() >= count, "{} dead letters", dead.len());
        Ok(dead)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unroutable_event_becomes_a_dead_letter_at_once_and_does_not_hold_its_aggregate() {
    World::run(async |world| {
        let consumer = orders_only(world).await?;
        // What it declares when it connects is enough: it does not look again while this test runs.
        let _relay = Relay::start(world, &[("COMPTOIR__BROKER__VERIFY_INTERVAL_MS", "3600000")]).await?;
        let sql = world.sql().await?;
        let mut lost = Vec::new();
        for _ in 0..20 {
            insert_event(&sql, "t-1", "order.placed", "1").await?;
            lost.push(insert_event(&sql, "t-1", "nobody.cares", r#"{"n": 1.10}"#).await?.to_string());
            insert_event(&sql, "t-2", "order.placed", "1").await?;
        }
        consumer.wait_for(40, LIMIT).await?;
        let dead = wait_for_dead_letters(world, 20).await?;
        assert_eq!(dead.iter().map(|row| row.0.clone()).collect::<Vec<_>>(), lost);
        assert!(dead.iter().all(|row| row.1 == "unroutable"), "{dead:?}");
        world.everything_arrives(&consumer, LIMIT).await?;

        // And they are in the dead-letter queue, with what a person needs to know.
        let dead_consumer = world.dead_letter_consumer().await?;
        insert_event(&sql, "t-1", "nobody.cares", r#"{"n": 1.10}"#).await?;
        dead_consumer.wait_for(1, LIMIT).await?;
        let letter = &dead_consumer.messages()[0];
        assert_eq!(letter.body, r#"{"n": 1.10}"#);
        assert_eq!(letter.header("original-exchange").as_deref(), Some("commercial-management"));
        assert_eq!(letter.header("original-routing-key").as_deref(), Some("nobody.cares"));
        assert!(letter.header("error").is_some() && letter.header("failed-at").is_some());
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unroutable_event_waits_for_a_queue_where_the_policy_is_to_retry() {
    World::run(async |world| {
        let environment = [
            ("COMPTOIR__RELAY__UNROUTABLE", "retry"),
            ("COMPTOIR__RELAY__RETRY_MIN_MS", "50"),
            ("COMPTOIR__RELAY__RETRY_MAX_MS", "200"),
        ];
        let _relay = Relay::start(world, &environment).await?;
        let sql = world.sql().await?;
        insert_event(&sql, "t-1", "order.placed", "1").await?;
        insert_event(&sql, "t-1", "order.confirmed", "2").await?;
        until("a retry", LIMIT, async || {
            let retries: i32 = sql.query_one("SELECT max(retry_count) FROM outbox_events", &[]).await?.get(0);
            ensure!(retries > 0, "none yet");
            Ok(())
        })
        .await?;
        let consumer = orders_only(world).await?;
        world.everything_arrives(&consumer, LIMIT).await?;
        let types: Vec<String> = consumer.messages().into_iter().map(|message| message.routing_key).collect();
        assert_eq!(types, ["order.placed", "order.confirmed"]);
        Ok(())
    })
    .await;
}

/// All three are on their way at once, and all are refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_event_waits_as_long_as_is_set_and_those_behind_it_have_no_time_of_their_own() {
    World::run(async |world| {
        let environment = [
            ("COMPTOIR__RELAY__UNROUTABLE", "retry"),
            ("COMPTOIR__RELAY__RETRY_MIN_MS", "600000"),
            ("COMPTOIR__RELAY__RETRY_MAX_MS", "1200000"),
            ("COMPTOIR__RELAY__MAX_IN_FLIGHT_PER_AGGREGATE", "3"),
        ];
        let sql = world.sql().await?;
        insert_many(&sql, 3, 1).await?;
        let _relay = Relay::start(world, &environment).await?;
        let waits = until("all to be refused", LIMIT, async || {
            let rows = sql
                .query(
                    "SELECT retry_count, extract(epoch FROM next_attempt_at - now())::float8
                     FROM outbox_events ORDER BY seq",
                    &[],
                )
                .await?;
            let found: Vec<(i32, Option<f64>)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            ensure!(found.len() == 3 && found.iter().all(|(count, _)| *count == 1), "{found:?}");
            Ok(found)
        })
        .await?;
        // Half of it, at least, is chance.
        assert!(waits[0].1.is_some_and(|wait| (200.0..=600.0).contains(&wait)), "{waits:?}");
        assert_eq!((waits[1].1, waits[2].1), (None, None), "they wait with the first");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unroutable_event_is_dropped_where_the_policy_is_to_discard() {
    World::run(async |world| {
        let consumer = orders_only(world).await?;
        let relay = Relay::start(world, &[("COMPTOIR__RELAY__UNROUTABLE", "discard")]).await?;
        let sql = world.sql().await?;
        let dropped = insert_event(&sql, "t-1", "nobody.cares", "1").await?.to_string();
        insert_event(&sql, "t-1", "order.placed", "1").await?;
        consumer.wait_for(1, LIMIT).await?;
        world.drained(LIMIT).await?;
        assert!(dead_letters(world).await?.is_empty());
        logged(&relay, "unroutable", &dropped)
    })
    .await;
}

/// The log says that the broker did not take this event, and why.
fn logged(relay: &Relay, reason: &str, event: &str) -> Result<()> {
    let said = relay.daemon.output();
    let is_it = |line: &str| {
        line.contains("WARN") && line.contains(&format!("reason=\"{reason}\"")) && line.contains(event)
    };
    ensure!(said.lines().any(is_it), "{said}");
    Ok(())
}

/// A queue that is full refuses (a nack). The event waits and is tried again, its aggregate with it, the others go on;
/// when its retries are used up it becomes a dead letter and its aggregate goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_event_is_retried_then_buried_and_holds_back_its_aggregate_alone() {
    World::run(async |world| {
        let consumer = orders_only(world).await?;
        let _queue = narrow_queue(&world.vhost().url, "narrow.#").await?;
        let (relay, http) = Relay::with_http(world, &FEW_RETRIES).await?;
        let sql = world.sql().await?;
        insert_event(&sql, "filler", "narrow.fits", "1").await?;
        world.drained(LIMIT).await?;
        let refused = insert_event(&sql, "t-1", "narrow.refused", "1").await?.to_string();
        insert_event(&sql, "t-1", "order.placed", "1").await?;
        insert_event(&sql, "t-2", "order.placed", "1").await?;
        consumer.wait_for(1, LIMIT).await?;
        assert_eq!(consumer.messages()[0].header("aggregate-id").as_deref(), Some("t-2"));
        let dead = wait_for_dead_letters(world, 1).await?;
        assert_eq!((dead[0].0.as_str(), dead[0].3), (refused.as_str(), 2), "{dead:?}");
        assert!(!dead[0].2.is_empty(), "the last error is kept");
        consumer.wait_for(2, LIMIT).await?;
        assert_eq!(consumer.messages()[1].header("aggregate-id").as_deref(), Some("t-1"));
        let scrape = Scrape::of(&http).await?;
        for (name, expected) in [
            ("comptoir_relay_retried_total", 2.0),
            ("comptoir_relay_dead_lettered_total", 1.0),
            ("comptoir_relay_settle_missed_events_total", 0.0),
        ] {
            assert_eq!(scrape.sum(name), Some(expected), "{name}");
        }
        let said = relay.daemon.output();
        let buried = said.lines().find(|line| line.contains("events became dead letters"));
        ensure!(buried.is_some_and(|line| line.contains(&refused)), "{said}");
        logged(&relay, "nacked", &refused)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_event_arrives_when_there_is_room_again() {
    World::run(async |world| {
        let (_connection, channel) = narrow_queue(&world.vhost().url, "#").await?;
        let environment = [("COMPTOIR__RELAY__RETRY_MIN_MS", "50"), ("COMPTOIR__RELAY__RETRY_MAX_MS", "200")];
        let _relay = Relay::start(world, &environment).await?;
        let sql = world.sql().await?;
        for number in 0..4 {
            insert_event(&sql, "t-1", "order.placed", &number.to_string()).await?;
        }
        let mut bodies = Vec::new();
        until("all to come through one by one", LIMIT, async || {
            let got =
                channel.basic_get("narrow".into(), lapin::options::BasicGetOptions { no_ack: true }).await?;
            bodies.extend(got.map(|message| String::from_utf8_lossy(&message.delivery.data).into_owned()));
            ensure!(bodies.len() >= 4, "{bodies:?}");
            Ok(())
        })
        .await?;
        assert_eq!(bodies, ["0", "1", "2", "3"]);
        world.drained(LIMIT).await?;
        assert!(dead_letters(world).await?.is_empty());
        Ok(())
    })
    .await;
}

/// Somebody deleted the queue of the dead letters. Nothing is lost: the event stays until there is one again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_dead_letter_is_refused_stays_and_becomes_one_when_there_is_a_queue_again() {
    World::run(async |world| {
        let relay = Relay::start(world, &FEW_RETRIES).await?;
        let connection = Connection::connect(&world.vhost().url, ConnectionProperties::default()).await?;
        // The relay declares it whenever it connects, and its first attempt may fail.
        until("the relay to be connected", LIMIT, async || {
            ensure!(relay.daemon.output().contains("connected to the broker"), "{}", relay.daemon.output());
            Ok(())
        })
        .await?;
        until("the queue of the dead letters to be gone", LIMIT, async || {
            let options = QueueDeleteOptions::default();
            let channel = connection.create_channel().await?;
            channel.queue_declare(DEAD_LETTER_QUEUE.into(), passively(), FieldTable::default()).await?;
            channel.queue_delete(DEAD_LETTER_QUEUE.into(), options).await?;
            Ok(())
        })
        .await?;
        let sql = world.sql().await?;
        let lost = insert_event(&sql, "t-1", "nobody.cares", "1").await?.to_string();
        until("the refusal to be logged", LIMIT, async || logged(&relay, "dead-letter-refused", &lost))
            .await?;
        until("the row to say so", LIMIT, async || {
            let row =
                sql.query_one("SELECT coalesce(last_error, ''), retry_count FROM outbox_events", &[]).await?;
            let (error, retries): (String, i32) = (row.get(0), row.get(1));
            ensure!(error.contains("its dead letter was refused") && retries == 0, "{error} {retries}");
            Ok(())
        })
        .await?;
        relay.stop().await?;
        let _relay = Relay::start(world, &FEW_RETRIES).await?;
        let dead = wait_for_dead_letters(world, 1).await?;
        ensure!(dead[0].0 == lost && dead[0].1 == "unroutable", "{dead:?}");
        Ok(())
    })
    .await;
}

fn passively() -> QueueDeclareOptions {
    QueueDeclareOptions { passive: true, ..Default::default() }
}
