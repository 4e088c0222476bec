//! The consumers of docs/consumers.md, as they stand in docs/consumers.

mod held;
mod permissions;
mod shop;
mod storm;

use anyhow::{Result, ensure};
use comptoir_tests::harness::{
    PrivateServices, Proxy, Relay, World, address, declare_exchange, until, with_address,
};
use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use shop::{LIMIT, Language, QUEUE, Shop};
use storm::storm;

/// Queues by consistent hash.
const PARTITIONS: usize = 3;

async fn one_queue(language: Language) {
    World::run(async |world| storm(world, language, 1).await).await;
}

/// With a broker of its own, which has the plugin whatever the shared one has.
#[expect(clippy::panic, reason = "this is how a test fails")]
async fn queues_by_hash(language: Language) {
    let broker = tokio::task::block_in_place(|| PrivateServices::start_rabbitmq("")).unwrap();
    let mut world = World::new(broker.services.clone()).await.unwrap();
    world.keep_vhost();
    if let Err(error) = storm(&world, language, PARTITIONS).await {
        panic!("{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_in_rust_lose_nothing_and_keep_the_order_whatever_is_killed() {
    one_queue(Language::Rust).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn two_workers_in_python_lose_nothing_and_keep_the_order_whatever_is_killed() {
    one_queue(Language::Python).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn two_workers_in_node_lose_nothing_and_keep_the_order_whatever_is_killed() {
    one_queue(Language::Node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn two_workers_in_java_lose_nothing_and_keep_the_order_whatever_is_killed() {
    one_queue(Language::Java).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn workers_in_rust_keep_the_order_on_queues_by_consistent_hash() {
    queues_by_hash(Language::Rust).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn workers_in_python_keep_the_order_on_queues_by_consistent_hash() {
    queues_by_hash(Language::Python).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn workers_in_node_keep_the_order_on_queues_by_consistent_hash() {
    queues_by_hash(Language::Node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn workers_in_java_keep_the_order_on_queues_by_consistent_hash() {
    queues_by_hash(Language::Java).await;
}

/// Publishes what the relay never would.
async fn publish(channel: &Channel, id: &str, schema_version: i32, body: &str) -> Result<()> {
    let mut headers = FieldTable::default();
    headers.insert("schema-version".into(), AMQPValue::LongInt(schema_version));
    headers.insert("aggregate-id".into(), AMQPValue::LongString("order-0".into()));
    headers.insert("aggregate-version".into(), AMQPValue::LongInt(1));
    let properties = BasicProperties::default().with_message_id(id.into()).with_type("order.placed".into());
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let (exchange, key) = ("commercial-management".into(), "order.placed".into());
    let properties = properties.with_headers(headers);
    let confirm = channel.basic_publish(exchange, key, options, body.as_bytes(), properties).await?.await?;
    ensure!(confirm.is_ack() && confirm.take_message().is_none(), "{id} was not taken");
    Ok(())
}

async fn sets_aside_what_it_cannot_read(language: Language) {
    World::run(async |world| {
        let mut shop = Shop::open(world, language, 1).await?;
        // The broker has no exchange yet.
        let _workers = shop.workers().await?;
        let connection = Connection::connect(&world.vhost().url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        declare_exchange(&channel, "commercial-management").await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let unreadable =
            [("no-json", 1, "{"), ("no-number", 1, r#"{"gross_total": "many"}"#), ("new", 2, "{}")];
        for (id, version, body) in unreadable {
            publish(&channel, id, version, body).await?;
        }
        // The relay finds everything as it would have declared it, and the order of the aggregate goes on.
        let _relay = world.relay().await?;
        shop.write(1).await?;
        shop.have_applied(1).await?;
        let mut set_aside = Vec::new();
        let queue = format!("{QUEUE}.dead-letters");
        until("the dead letters", LIMIT, async || {
            let got = channel.basic_get(queue.as_str().into(), BasicGetOptions { no_ack: true }).await?;
            set_aside.extend(got.and_then(|message| {
                message.delivery.properties.message_id().as_ref().map(ToString::to_string)
            }));
            ensure!(set_aside.len() >= unreadable.len(), "{set_aside:?}");
            Ok(())
        })
        .await?;
        assert_eq!(set_aside, unreadable.map(|(id, ..)| id));
        shop.is_sound().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_in_rust_starts_before_the_relay_and_sets_aside_what_it_cannot_read() {
    sets_aside_what_it_cannot_read(Language::Rust).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn consumers_in_other_languages_start_before_the_relay_and_set_aside_what_they_cannot_read() {
    for language in [Language::Python, Language::Node, Language::Java] {
        sets_aside_what_it_cannot_read(language).await;
    }
}

async fn waits_for_its_database(language: Language) {
    World::run(async |world| {
        let mut shop = Shop::open(world, language, 1).await?;
        let proxy = Proxy::start(address(&shop.url)?).await?;
        shop.url = with_address(&shop.url, &proxy.address())?;
        let workers = shop.workers().await?;
        let _relay = Relay::start(world, &[]).await?;
        shop.write(10).await?;
        shop.have_applied(10).await?;
        proxy.cut();
        for _ in 0..3 {
            shop.write(10).await?;
        }
        until("a worker to try again", LIMIT, async || {
            ensure!(workers.iter().any(|worker| worker.output().contains("trying again in")), "none does");
            Ok(())
        })
        .await?;
        assert_eq!(shop.distinct().await?, 10);
        proxy.heal();
        shop.have_applied(40).await?;
        shop.is_sound().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_its_database_is_away_a_consumer_in_rust_keeps_messages_and_order() {
    waits_for_its_database(Language::Rust).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: make test-all"]
async fn while_their_database_is_away_consumers_in_other_languages_keep_messages_and_order() {
    for language in [Language::Python, Language::Node, Language::Java] {
        waits_for_its_database(language).await;
    }
}
